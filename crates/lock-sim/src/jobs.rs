//! Jobs: their length, and their effect on the thread that they run on.

use crate::world::{Happening, MS, World};

impl World {
    /// Begins a job. It ends before anything more is written, or takes long, or first blocks the thread, or has the usual length.
    pub(crate) fn job_begins(&mut self, process: usize, life: u64, caller: u64) -> Result<(), String> {
        let job_ms = match self.rng.u8(..16) {
            0..=5 => return self.job_end(process, life, caller),
            6 | 7 => self.rng.u64(0..12_000),
            8 => {
                // This is longer than the claim period and than many leases.
                let block_ms = self.rng.u64(0..6_000);
                let until = self.now + block_ms * MS;
                self.note(|| format!("process {process} is blocked by a job for {block_ms} ms"));
                if let Some(one) = self.processes.get_mut(process) {
                    one.stalled_until = one.stalled_until.max(until);
                }
                self.at(until, Happening::Unblocked { process });
                block_ms + self.rng.u64(0..60)
            }
            _ => self.rng.u64(0..60),
        };
        self.after(job_ms * MS, Happening::JobEnd { process, life, caller });
        Ok(())
    }

    pub(crate) fn unblocked(&mut self, process: usize) -> Result<(), String> {
        let until = self.processes.get(process).map_or(0, crate::process::Process::away_until);
        if until > self.now {
            self.at(until, Happening::Unblocked { process });
            return Ok(());
        }
        self.drain(process)
    }

    /// Whether this life of a process may act now. While it stands still, `again` is postponed until it goes on.
    fn may_act(&mut self, process: usize, life: u64, again: Happening) -> bool {
        let lives = |one: &&crate::process::Process| one.life == life && one.exit.is_none();
        let Some(until) = self.processes.get(process).filter(lives).map(crate::process::Process::away_until)
        else {
            return false;
        };
        if until > self.now {
            self.at(until, again);
        }
        until <= self.now
    }

    /// A caller whose release failed asks for it again.
    pub(crate) fn release_again(&mut self, process: usize, life: u64, caller: u64) -> Result<(), String> {
        if !self.may_act(process, life, Happening::ReleaseAgain { process, life, caller }) {
            return Ok(());
        }
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        one.release_again(now, caller);
        self.drain(process)
    }

    pub(crate) fn job_end(&mut self, process: usize, life: u64, caller: u64) -> Result<(), String> {
        if !self.may_act(process, life, Happening::JobEnd { process, life, caller }) {
            return Ok(());
        }
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        let until = self.oracle.until(caller);
        let releases = one.give_back(now, caller, until);
        self.oracle.ended(caller);
        self.note(|| format!("process {process} caller {caller} is done"));
        if !releases {
            if let Some(one) = self.processes.get_mut(process) {
                one.calls.remove(&caller);
            }
            self.visit_later(process);
        }
        self.drain(process)
    }
}
