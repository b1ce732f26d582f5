//! The faults of a world and their frequency.

use crate::brought_back::BroughtBack;
use crate::process::Process;
use crate::server_side::ServerSide;
use crate::servers::slot_of_key;
use crate::world::{Happening, MS, World};
use fastrand::Rng;
use lock_core::NodeId;

/// The plan of one world. Each world has only some of the faults, because a constant fault would hide others that need quiet.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Number of processes with a client.
    pub processes: usize,
    /// Calls that each process has under way.
    pub callers: usize,
    /// Number of lock keys.
    pub keys: usize,
    /// How long faults happen and calls are made, in virtual ms.
    pub length_ms: u64,
    /// Longest way of a message, in virtual microseconds, without delays.
    pub latency_us: u64,
    /// By how many parts in a thousand the server's clock is fast (or slow).
    pub drift: i64,
    /// A push to oneself comes before the reply of the script that sent it (Redis 6.2 and 7.0), or after.
    pub push_first: bool,
    /// Mean time between two faults of each kind, in virtual ms; `None` for never.
    pub every_ms: Vec<Option<u64>>,
    /// Callers of the official package.
    pub officials: usize,
    /// Locks without a lease are taken, too: only where nothing can lose them.
    pub endless: bool,
    /// Two masters share the keys.
    pub cluster: bool,
    /// By how much the clock of the second is ahead.
    pub ahead_ms: u64,
    /// Slots move key by key, too, and not only at one instant.
    pub key_by_key: bool,
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A connection is cut. The server still executes some of the commands on their way, and all answers are lost.
    Cut,
    /// Everything on one connection comes late.
    Delay,
    /// A process ends without notice, and another takes its place.
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
    /// Slots of a cluster move.
    SlotsMove,
    /// A master of a cluster is lost, and a replica that lags takes over after a while.
    MasterLost,
    /// A process ends by its step at exit, and another takes its place.
    Exit,
    /// A process frees all locks, or those of an owner.
    ReleaseAll,
}

pub(crate) const KINDS: [Fault; 15] = [
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
    Fault::SlotsMove,
    Fault::MasterLost,
    Fault::Exit,
    Fault::ReleaseAll,
];

/// This many of them, the first ones, can happen to one server.
const OF_ONE_SERVER: usize = 11;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let kinds = KINDS.iter().take(OF_ONE_SERVER);
        let mut every_ms: Vec<_> = kinds.map(|_| rng.bool().then(|| 1 << rng.u64(9..17))).collect();
        let mut loses = false;
        for (kind, every) in KINDS.iter().zip(&mut every_ms) {
            // They make every hold of that moment worthless, so they are rare.
            if matches!(kind, Fault::Flush | Fault::Restart | Fault::Failover) {
                *every = every.filter(|_| rng.u8(..4) == 0).map(|ms| ms * 5);
                loses |= every.is_some();
            }
        }
        let mut crashes = false;
        for (kind, every) in KINDS.iter().zip(&mut every_ms) {
            // This is the documented limit of the tokens: the counter is lost, and the clock is set back.
            if *kind == Fault::ClockBack && loses {
                *every = None;
            }
            crashes |= *kind == Fault::Crash && every.is_some();
        }
        let mut plan = Self {
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
            cluster: false,
            ahead_ms: 0,
            key_by_key: false,
        };
        // This is drawn last, so that the other worlds do not change.
        let exits = (rng.u8(..4) == 0).then(|| 1 << rng.u64(9..16));
        let releases_all = (rng.u8(..3) == 0).then(|| 1 << rng.u64(9..15));
        plan.every_ms.extend([None, None, exits, releases_all]);
        plan.endless &= exits.is_none();
        plan
    }

    /// The plan of a seed for a cluster.
    #[must_use]
    pub fn of_cluster(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x0c15_7e12);
        let mut plan = Self::of(rng.u64(..));
        plan.cluster = true;
        plan.every_ms.truncate(OF_ONE_SERVER);
        plan.keys = rng.usize(2..4);
        let moves = (rng.u8(..4) > 0).then(|| 1 << rng.u64(8..15));
        let loses = (rng.u8(..3) == 0).then(|| 1 << rng.u64(13..17));
        plan.every_ms.extend([moves, loses]);
        let mut crashes = false;
        for (kind, every) in KINDS.iter().zip(&mut plan.every_ms) {
            match kind {
                // In a cluster, the loss of a master stands for all of them.
                Fault::Flush | Fault::Restart | Fault::Failover => *every = None,
                Fault::ClockBack if loses.is_some() => *every = None,
                _ => crashes |= *kind == Fault::Crash && every.is_some(),
            }
        }
        let exits = (rng.u8(..4) == 0).then(|| 1 << rng.u64(9..16));
        plan.every_ms.push(exits);
        // This is the same limit of the tokens: a counter is lost, and the slot moves to a master whose clock is behind.
        plan.ahead_ms = if rng.bool() && loses.is_none() { rng.u64(0..5_000) } else { 0 };
        plan.endless = !crashes && loses.is_none() && exits.is_none();
        // This is drawn last, so that the other worlds do not change.
        plan.key_by_key = moves.is_some() && rng.bool();
        plan.every_ms.push((rng.u8(..3) == 0).then(|| 1 << rng.u64(9..15)));
        plan
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
                let connection = self.connection_of(process);
                if let Some(connection) = connection.and_then(|at| self.connections.get_mut(at)) {
                    connection.held_up_until = until;
                }
            }
            Fault::Crash => return self.crash(process),
            Fault::Exit => self.exit(process),
            Fault::ReleaseAll => self.release_all(process)?,
            Fault::Stop | Fault::Stall => {
                let until = self.now + self.rng.u64(0..12_000) * MS;
                if let Some(one) = self.processes.get_mut(process) {
                    let away =
                        if fault == Fault::Stop { &mut one.stopped_until } else { &mut one.stalled_until };
                    *away = until.max(*away);
                }
            }
            Fault::ForgetScripts => self.servers.each().for_each(|server| server.known_scripts.clear()),
            Fault::Flush => {
                self.only().data.flush_all();
                self.data_lost(self.key_slots());
            }
            Fault::Restart => {
                self.only().data.flush_all();
                self.only().known_scripts.clear();
                self.starts_anew();
            }
            Fault::Failover => {
                let back = self.servers.fail_over(self.us_of(0));
                self.bring_back(back);
                self.starts_anew();
            }
            Fault::SlotsMove => self.move_slots(),
            Fault::MasterLost => self.lose_master(),
            Fault::RenewalCut => {
                let until = self.now + self.rng.u64(0..2_000) * MS;
                if let Some(one) = self.processes.get_mut(process) {
                    one.renewal_broken_until = until;
                }
            }
            Fault::ClockBack => self.clock_back_us += self.rng.u64(0..300_000),
        }
        // A replica lags by the time since the last fault.
        self.servers.replicate();
        Ok(())
    }

    /// The only server.
    fn only(&mut self) -> &mut ServerSide {
        self.servers.at(0)
    }

    /// Restarts the only server without its data.
    fn starts_anew(&mut self) {
        self.only().run += 1;
        self.data_lost(self.key_slots());
        (0..self.plan.processes).for_each(|process| self.cut_of(process));
        self.only().channels.clear();
        self.drop_what_is_on_its_way();
    }

    /// A replica that took over has these old locks.
    pub(crate) fn bring_back(&mut self, back: BroughtBack) {
        self.oracle.brought_back(&back);
        self.brought_back.extend(back.locks);
    }

    pub(crate) fn data_lost(&mut self, slots: Vec<u16>) {
        self.oracle.data_lost(&slots);
        for holding in &mut self.officials {
            let slot = holding.and_then(|key| usize::try_from(key).ok()).map(slot_of_key);
            *holding = holding.filter(|_| slot.is_none_or(|slot| !slots.contains(&slot)));
        }
        self.lost_at.extend(slots.into_iter().map(|slot| (slot, self.now)));
    }

    /// The old server is gone, with everything that was on its way to it.
    fn drop_what_is_on_its_way(&mut self) {
        for connection in &mut self.connections {
            connection.to_server.clear();
            connection.open_at_server = false;
        }
    }

    fn cut_of(&mut self, process: usize) {
        if let Some(at) = self.connection_of(process) {
            self.cut(at);
            let notices = self.rng.u64(0..500) * MS;
            self.after(notices, Happening::ClosedAtClient(at));
        }
    }

    /// A process ends without notice, and another takes its place.
    pub(crate) fn crash(&mut self, process: usize) -> Result<(), String> {
        let nodes: Vec<NodeId> = self
            .processes
            .get(process)
            .map(|one| one.connections.keys().copied().collect())
            .unwrap_or_default();
        nodes.into_iter().for_each(|node| self.drop_connection(process, node));
        let Some(old) = self.processes.get(process) else { return Ok(()) };
        let (life, epoch) = (old.life, old.epoch);
        self.oracle.life_ended(process, life);
        let mut next = Process::new(life + 1_000, self.plan.cluster, &mut self.rng);
        next.epoch = epoch;
        if let Some(one) = self.processes.get_mut(process) {
            *one = next;
        }
        self.start(process)
    }
}
