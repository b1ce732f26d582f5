//! The end of a process that takes the step at exit, and what is left locked behind it.

use crate::process::{CREW, Process, TEAM};
use crate::world::{Happening, MS, World};
use lock_core::{EXIT_LEASE_MS, FIRST};

/// How long the step may take, in ns; and how much of it renewals have that are under way.
const LIMIT_NS: (u64, u64) = (200 * MS, 100 * MS);
/// Pause between two looks at it.
const LOOK_NS: u64 = MS;

/// Where a process is with its step.
#[derive(Debug)]
pub(crate) struct Exit {
    began_at: u64,
    /// What was asked for, once renewals have ended.
    asked: Option<Asked>,
}

#[derive(Debug)]
struct Asked {
    /// There was a connection, and no renewal that may still come behind all. In a cluster a slot may have moved meanwhile.
    sure: bool,
    /// The owners of `acquire` whose locks are to be short, beside those of jobs.
    named: Vec<Vec<u8>>,
    /// How far the server's clock was back.
    back: u64,
}

impl Process {
    /// Nothing is called before this time.
    pub(crate) fn exits_until(&self) -> u64 {
        self.exit.as_ref().map_or(0, |exit| exit.began_at + LIMIT_NS.0 + 2 * LOOK_NS)
    }
}

impl World {
    /// A process is to end: now, or when the next answer is there.
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
        let (now, back) = (self.instant(), self.clock_back_us);
        let Some(one) = self.processes.get_mut(process).filter(|one| one.life == life) else { return Ok(()) };
        let Some(exit) = &mut one.exit else { return Ok(()) };
        let since = self.now - exit.began_at;
        let again = match &exit.asked {
            None if since < LIMIT_NS.1 && one.leases.lock().is_renewing() => true,
            None => {
                let held = one.leases.lock().end_renewals();
                let sure = one.is_ready && !self.plan.cluster && !one.leases.lock().is_renewing();
                let named = held.iter().map(|held| held.owner.as_bytes().to_vec());
                let named = named.filter(|owner| owner != TEAM && owner != CREW).collect();
                exit.asked = Some(Asked { sure, named, back });
                one.engine.begin_exit(now);
                self.flush(process);
                true
            }
            Some(_) => since < LIMIT_NS.0 && one.engine.router().expects_replies(),
        };
        if again {
            self.after(LOOK_NS, Happening::Exits { process, life });
            return Ok(());
        }
        self.check_left_behind(process)?;
        self.crash(process)
    }

    /// Where every answer came, nothing of the process is locked for longer than the step leaves it.
    fn check_left_behind(&mut self, process: usize) -> Result<(), String> {
        let us = self.server_us();
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        let Some(Asked { sure, named, back }) = one.exit.take().and_then(|exit| exit.asked) else {
            return Ok(());
        };
        let stands = one.connections.get(&FIRST).and_then(|at| self.connections.get(*at));
        if !sure
            || one.engine.router().expects_replies()
            || !stands.is_some_and(|connection| connection.open_at_client && connection.open_at_server)
        {
            return Ok(());
        }
        let most = EXIT_LEASE_MS + (self.clock_back_us - back) / 1_000;
        let data = &self.servers.at(0).data;
        let left = data.names(us).find(|name| {
            let holder = data.get(us, name).unwrap_or_default();
            let own = holder.starts_with(&one.mark) || named.iter().any(|owner| holder == owner);
            own && !name.starts_with(b"mlr!{")
                && u64::try_from(data.pttl(us, name)).is_ok_and(|left| left > most)
        });
        left.map_or(Ok(()), |name| {
            let (name, left) = (String::from_utf8_lossy(name), data.pttl(us, name));
            Err(format!("process {process} has ended, and {name} is locked for {left} ms more"))
        })
    }
}
