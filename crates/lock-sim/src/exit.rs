//! The end of a process by its step at exit, and the locks that stay behind it.

use crate::faults::{Fault, KINDS};
use crate::process::{CREW, Process, TEAM};
use crate::world::{Happening, MS, World};
use lock_core::{EXIT_LEASE_MS, EXIT_LIMIT, EXIT_LIMIT_OF_RENEWALS};

/// The limit of a real process, in ns.
const LIMIT_NS: u64 = EXIT_LIMIT.as_nanos() as u64;
const LIMIT_OF_RENEWALS_NS: u64 = EXIT_LIMIT_OF_RENEWALS.as_nanos() as u64;
/// The handshake of a cluster's connection is surely done after this time, in ns.
const SURELY_READY_NS: u64 = 10_000 * MS;
/// Pause between two looks at the step.
const LOOK_NS: u64 = MS;

/// The progress of a process in its step.
#[derive(Debug)]
pub(crate) struct Exit {
    began_at: u64,
    /// The client's part of the step, once renewals have ended.
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    /// There was a connection, and no renewal can arrive after the step.
    sure: bool,
    /// The owners of `acquire` whose locks must be short, besides those of jobs.
    named: Vec<Vec<u8>>,
    /// How far the server's clock was set back.
    back: u64,
}

impl Process {
    /// No call is made before this time.
    pub(crate) fn exits_until(&self) -> u64 {
        self.exit.as_ref().map_or(0, |exit| exit.began_at + LIMIT_NS + 2 * LOOK_NS)
    }
}

impl World {
    /// A process ends: now, or when the next answer arrives.
    pub(crate) fn exit(&mut self, process: usize) {
        if self.rng.bool() {
            return self.begin_exit(process);
        }
        if let Some(one) = self.processes.get_mut(process) {
            one.exits_next = true;
        }
    }

    pub(crate) fn begin_exit(&mut self, process: usize) {
        let Some(one) = self.processes.get_mut(process) else { return };
        if one.away_until() > self.now || one.exit.is_some() {
            return;
        }
        one.leases.lock().end_renewals();
        one.exit = Some(Exit { began_at: self.now, asked: None });
        let life = one.life;
        self.note(|| format!("process {process} exits"));
        self.at(self.now, Happening::Exits { process, life });
    }

    pub(crate) fn go_on_with_exit(&mut self, process: usize, life: u64) -> Result<(), String> {
        let (now, back, stands) = (self.instant(), self.clock_back_us, self.all_stands(process));
        let Some(one) = self.processes.get_mut(process).filter(|one| one.life == life) else { return Ok(()) };
        let Some(exit) = &mut one.exit else { return Ok(()) };
        let since = self.now - exit.began_at;
        let again = match &exit.asked {
            None if since < LIMIT_OF_RENEWALS_NS && one.leases.lock().is_renewing() => true,
            None => {
                let held = one.leases.lock().end_renewals();
                let sure = stands && one.is_ready && !one.leases.lock().is_renewing();
                let named = held.iter().map(|held| held.owner.as_bytes().to_vec());
                let named = named.filter(|owner| owner != TEAM && owner != CREW).collect();
                exit.asked = Some(Asked { sure, named, back });
                one.engine.begin_exit(now);
                self.flush(process);
                true
            }
            Some(_) => since < LIMIT_NS && one.engine.router().expects_replies(),
        };
        if again {
            self.after(LOOK_NS, Happening::Exits { process, life });
            return Ok(());
        }
        self.check_left_behind(process)?;
        self.crash(process)
    }

    /// Whether the process has a connection to every server. In a cluster: one that is surely ready, while the slots do not move.
    fn all_stands(&self, process: usize) -> bool {
        let Some(one) = self.processes.get(process) else { return false };
        let connections = one.connections.values().filter_map(|at| self.connections.get(*at));
        let open = connections.filter(|connection| connection.open_at_client && connection.open_at_server);
        if !self.plan.cluster {
            return open.count() == 1;
        }
        let moves = |kind: &Fault| matches!(kind, Fault::SlotsMove | Fault::MasterLost);
        let stay = !KINDS.iter().zip(&self.plan.every_ms).any(|(kind, every)| moves(kind) && every.is_some());
        stay && open.filter(|connection| connection.made_at + SURELY_READY_NS < self.now).count() == 2
    }

    /// If every answer came, no lock of the process lasts longer than the step allows, except locks that a failover brought back after
    /// their release.
    fn check_left_behind(&mut self, process: usize) -> Result<(), String> {
        let stands = self.all_stands(process);
        let clocks = [self.us_of(0), self.us_of(1)];
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        let brought_back = &self.brought_back;
        let Some(Asked { sure, named, back }) = one.exit.take().and_then(|exit| exit.asked) else {
            return Ok(());
        };
        if !sure || !stands || one.engine.router().expects_replies() {
            return Ok(());
        }
        let most = EXIT_LEASE_MS + (self.clock_back_us - back) / 1_000;
        for (server, us) in self.servers.each().zip(clocks) {
            let data = &server.data;
            let left = data.names(us).find(|name| {
                let holder = data.get(us, name).unwrap_or_default();
                let own = holder.starts_with(&one.mark) || named.iter().any(|owner| holder == owner);
                own && !name.starts_with(b"mlr!{")
                    && !brought_back.contains(&(name.to_vec(), holder.to_vec()))
                    && u64::try_from(data.pttl(us, name)).is_ok_and(|left| left > most)
            });
            if let Some(name) = left {
                let (name, left) = (String::from_utf8_lossy(name), data.pttl(us, name));
                return Err(format!("process {process} has ended, and {name} is locked for {left} ms more"));
            }
        }
        Ok(())
    }
}
