//! Which faults a world has, and how often.

use crate::process::Process;
use crate::world::{Happening, MS, World};
use fastrand::Rng;

/// One world's plan. Each world has only some of the faults: one that happens all the time would hide what needs quiet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of processes with a client.
    pub processes: usize,
    /// Calls that each of them has under way.
    pub callers: usize,
    /// Number of lock keys.
    pub keys: usize,
    /// For how long faults happen and calls are made, in virtual ms.
    pub length_ms: u64,
    /// Longest way of a message, in virtual microseconds, apart from delays.
    pub latency_us: u64,
    /// By how many parts in a thousand the server's clock is fast (or slow).
    pub drift: i64,
    /// A push to oneself comes before the reply of the script that sent it (Redis 6.2 and 7.0), or after.
    pub push_first: bool,
    /// Mean time between two faults of each kind, in virtual ms; `None` for never.
    pub every_ms: [Option<u64>; KINDS.len()],
    /// Callers of the official package.
    pub officials: usize,
    /// Locks without a lease are taken, too: only where nothing can lose them.
    pub endless: bool,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A connection is cut; of what is on its way some is still executed, all answers are lost.
    Cut,
    /// Everything on one connection comes late.
    Delay,
    /// A process ends without a word; another takes its place.
    Crash,
    /// A process stands still (SIGSTOP, a suspended machine).
    Stop,
    /// Only the JavaScript thread of a process stands still.
    Stall,
    /// SCRIPT FLUSH.
    ForgetScripts,
    /// FLUSHALL.
    Flush,
    /// A restart without persistence.
    Restart,
    /// A replica that lags becomes the primary.
    Failover,
    /// The renewal's connection breaks.
    RenewalCut,
    /// The server's clock is set back.
    ClockBack,
}

pub(crate) const KINDS: [Fault; 11] = [
    Fault::Cut,
    Fault::Delay,
    Fault::Crash,
    Fault::Stop,
    Fault::Stall,
    Fault::ForgetScripts,
    Fault::Flush,
    Fault::Restart,
    Fault::Failover,
    Fault::RenewalCut,
    Fault::ClockBack,
];

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let mut every_ms = KINDS.map(|_| rng.bool().then(|| 1 << rng.u64(9..17)));
        let mut loses = false;
        for (kind, every) in KINDS.iter().zip(&mut every_ms) {
            // They make every hold of that moment worthless, so they stay rare.
            if matches!(kind, Fault::Flush | Fault::Restart | Fault::Failover) {
                *every = every.filter(|_| rng.u8(..4) == 0).map(|ms| ms * 5);
                loses |= every.is_some();
            }
        }
        let mut crashes = false;
        for (kind, every) in KINDS.iter().zip(&mut every_ms) {
            // The documented limit of the tokens: the counter is lost, and the clock is set back.
            if *kind == Fault::ClockBack && loses {
                *every = None;
            }
            crashes |= *kind == Fault::Crash && every.is_some();
        }
        Self {
            processes: rng.usize(1..5),
            callers: rng.usize(1..8),
            keys: rng.usize(1..4),
            length_ms: rng.u64(10_000..120_000),
            latency_us: rng.choice([100, 1_000, 20_000]).unwrap_or(100),
            drift: rng.i64(-5..6),
            push_first: rng.bool(),
            every_ms,
            officials: if rng.u8(..4) == 0 { rng.usize(1..4) } else { 0 },
            endless: !crashes && !loses,
        }
    }
}

impl World {
    pub(crate) fn strike(&mut self, fault: Fault) -> Result<(), String> {
        self.note(|| format!("fault: {fault:?}"));
        let process = self.rng.usize(0..self.plan.processes);
        match fault {
            Fault::Cut => self.cut_of(process),
            Fault::Delay => {
                let until = self.now + self.rng.u64(0..3_000) * MS;
                let connection = self.processes.get(process).and_then(|one| one.connection);
                if let Some(connection) = connection.and_then(|at| self.connections.get_mut(at)) {
                    connection.held_up_until = until;
                }
            }
            Fault::Crash => return self.crash(process),
            Fault::Stop | Fault::Stall => {
                let until = self.now + self.rng.u64(0..12_000) * MS;
                if let Some(one) = self.processes.get_mut(process) {
                    let away =
                        if fault == Fault::Stop { &mut one.stopped_until } else { &mut one.stalled_until };
                    *away = until.max(*away);
                }
            }
            Fault::ForgetScripts => self.server.known_scripts.clear(),
            Fault::Flush => {
                self.server.data.flush_all();
                self.data_lost();
            }
            Fault::Restart => {
                self.server.data.flush_all();
                self.server.known_scripts.clear();
                self.server.run += 1;
                self.data_lost();
                (0..self.plan.processes).for_each(|process| self.cut_of(process));
                self.server.channels.clear();
            }
            Fault::Failover => {
                std::mem::swap(&mut self.server.data, &mut self.replica);
                self.server.run += 1;
                self.data_lost();
                (0..self.plan.processes).for_each(|process| self.cut_of(process));
                self.server.channels.clear();
                self.drop_what_is_on_its_way();
            }
            Fault::RenewalCut => {
                let until = self.now + self.rng.u64(0..2_000) * MS;
                if let Some(one) = self.processes.get_mut(process) {
                    one.renewal_broken_until = until;
                }
            }
            Fault::ClockBack => self.clock_back_us += self.rng.u64(0..300_000),
        }
        // What a replica has lags by as long as it takes until the next fault.
        self.replica = self.server.data.clone();
        Ok(())
    }

    fn data_lost(&mut self) {
        self.oracle.data_lost();
        self.lost_at = self.now;
        self.officials.iter_mut().for_each(|holding| *holding = None);
    }

    /// The old server is gone, with what was on its way to it.
    fn drop_what_is_on_its_way(&mut self) {
        for connection in &mut self.connections {
            connection.to_server.clear();
            connection.open_at_server = false;
        }
    }

    fn cut_of(&mut self, process: usize) {
        if let Some(at) = self.processes.get(process).and_then(|one| one.connection) {
            self.cut(at);
            let notices = self.rng.u64(0..500) * MS;
            self.after(notices, Happening::ClosedAtClient(at));
        }
    }

    /// A process ends without a word, and another takes its place.
    fn crash(&mut self, process: usize) -> Result<(), String> {
        self.drop_connection(process);
        let Some(old) = self.processes.get(process) else { return Ok(()) };
        let (life, epoch) = (old.life, old.epoch);
        self.oracle.life_ended(process, life);
        let mut next = Process::new(life + 1_000, &mut self.rng);
        next.epoch = epoch;
        if let Some(one) = self.processes.get_mut(process) {
            *one = next;
        }
        self.start(process)
    }
}
