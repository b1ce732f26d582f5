//! A process' turn: its reaction to an event, and its callers' requests.

use crate::oracle::Held;
use crate::process::{ALONG, Call, Want};
use crate::world::{Happening, MS, World};
use lock_core::LockKey;

impl World {
    /// Executes everything that the client wants after an event: send, connect, tell, set the timer.
    pub(crate) fn drain(&mut self, process: usize) -> Result<(), String> {
        let now = self.instant();
        loop {
            let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
            if one.exit.is_some() {
                // No caller is told any more, and no connection is made.
                break;
            }
            let Some(want) = one.next_want(now, process) else { break };
            match want {
                // The bytes are written before a caller is told.
                Want::Write => self.flush(process),
                Want::Connect(node) => {
                    self.drop_connection(process, node);
                    let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
                    one.epoch += 1;
                    let epoch = one.epoch;
                    one.connecting.insert(node, epoch);
                    let pause = self.latency();
                    self.after(pause, Happening::Connected { process, node, epoch });
                }
                Want::Disconnect(node) => self.drop_connection(process, node),
                Want::LookUp => self.look_up(process),
                Want::Renewal => self.begin_renewal(process),
                Want::Held { held, hold, tokens, basis } => {
                    let (caller, life) = (held.caller, held.life);
                    self.note(|| format!("process {process} caller {caller} holds {hold:?} {tokens:?}"));
                    let slots = held.keys.iter().map(LockKey::slot);
                    let lost_at = slots.filter_map(|slot| self.lost_at.get(&slot)).max();
                    if lost_at.is_none_or(|lost| basis.as_nanos() > *lost) {
                        let processes = &self.processes;
                        let believes = |earlier: &Held| {
                            let process = processes.get(earlier.process);
                            process.is_some_and(|one| one.life == earlier.life && one.believes(now, earlier))
                        };
                        self.oracle.held(held, &tokens, believes)?;
                    }
                    self.job_begins(process, life, caller)?;
                }
                Want::Over { caller } => {
                    self.oracle.ended(caller);
                    if caller < ALONG {
                        self.visit_later(process);
                    }
                }
                Want::Freed { caller, all } => self.freed(caller, all)?,
                Want::ReleaseAgain { caller } => {
                    let Some(life) = self.processes.get(process).map(|one| one.life) else { return Ok(()) };
                    let pause = self.rng.u64(100..1_000) * MS;
                    self.after(pause, Happening::ReleaseAgain { process, life, caller });
                }
                Want::Lost { caller } => self.oracle.ended(caller),
            }
        }
        self.flush(process);
        self.arm(process);
        Ok(())
    }

    pub(crate) fn visit_later(&mut self, process: usize) {
        let pause = self.rng.u64(0..300) * MS;
        self.after(pause, Happening::Visit { process });
    }

    /// Sets the client's timer.
    fn arm(&mut self, process: usize) {
        let Some(one) = self.processes.get_mut(process) else { return };
        let life = one.life;
        let due = one.engine.router().poll_timeout().map(|at| at.as_nanos().max(self.now + 1));
        let wake = due.filter(|due| one.armed_at.is_none_or(|armed| *due < armed));
        if wake.is_some() {
            one.armed_at = wake;
        }
        if let Some(at) = wake {
            self.at(at, Happening::Wake { process, life });
        }
    }

    pub(crate) fn wake(&mut self, process: usize, life: u64) -> Result<(), String> {
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process).filter(|one| one.life == life) else { return Ok(()) };
        if one.away_until() > self.now {
            let until = one.away_until();
            self.at(until, Happening::Wake { process, life });
            return Ok(());
        }
        // The timer was set again for an earlier time and has done its work already.
        if one.armed_at.take_if(|armed| *armed <= self.now).is_none() {
            return Ok(());
        }
        one.engine.router().handle_timeout(now);
        self.drain(process)
    }

    pub(crate) fn visit(&mut self, process: usize) -> Result<(), String> {
        if self.is_over() {
            return Ok(());
        }
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        let until = one.away_until().max(one.exits_until());
        if until > self.now {
            self.at(until, Happening::Visit { process });
            return Ok(());
        }
        self.callers += 1;
        let caller = self.callers;
        let along = if caller.is_multiple_of(4) { 3 } else { 0 };
        for caller in (0..=along).map(|at| caller + at * ALONG) {
            one.ask(now, caller, self.plan.keys, self.plan.endless, &mut self.rng);
        }
        let caller = caller + self.rng.u64(0..=along) * ALONG;
        let endless = matches!(one.calls.get(&caller), Some(Call::Waiting { endless: true, .. }));
        if !endless && self.rng.u8(..6) == 0 {
            let pause = self.rng.u64(0..3_000) * MS;
            self.after(pause, Happening::Cancel { process, caller });
        }
        self.drain(process)
    }
}
