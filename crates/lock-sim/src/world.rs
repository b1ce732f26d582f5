//! The world of one seed: time, events, and their effects.

use crate::brought_back::Lock;
use crate::digest::Digest;
use crate::faults::{KINDS, Plan};
use crate::forgotten::Forgotten;
use crate::network::Connection;
use crate::oracle::Oracle;
use crate::process::{CREW, Process};
use crate::release_all::Freeing;
use crate::renewal::Renewing;
use crate::servers::Servers;
use fastrand::Rng;
use lock_core::{Instant, NodeId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

pub(crate) const MS: u64 = 1_000_000;
/// The server's clock at the start, in us since 1970.
const EPOCH_US: u64 = 1_800_000_000_000_000;
/// How many of the last events a failure prints.
const LOG_LINES: usize = 400;
/// After the last fault everything must come to rest within this time, in ns.
const QUIET_NS: u64 = 200_000 * MS;
/// More steps than this do not happen within a second.
const MOST_STEPS: u64 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Happening {
    ToServer(usize),
    ToClient(usize),
    /// The server, or the client, notices that a connection is gone.
    ClosedAtServer(usize),
    ClosedAtClient(usize),
    Connected {
        process: usize,
        node: NodeId,
        epoch: u64,
    },
    Wake {
        process: usize,
        life: u64,
    },
    Renew {
        process: usize,
        life: u64,
    },
    RenewAtServer(usize),
    RenewAnswered(usize),
    Visit {
        process: usize,
    },
    Cancel {
        process: usize,
        caller: u64,
    },
    JobEnd {
        process: usize,
        life: u64,
        caller: u64,
    },
    /// A caller asks again for a release that failed.
    ReleaseAgain {
        process: usize,
        life: u64,
        caller: u64,
    },
    /// The step at exit of a process goes on.
    Exits {
        process: usize,
        life: u64,
    },
    /// A thread that a job has blocked goes on.
    Unblocked {
        process: usize,
    },
    Fault(usize),
    /// The table of slots arrives.
    LookedUp {
        process: usize,
        life: u64,
    },
    /// A replica becomes the master in place of the lost one.
    TakenOver(usize),
    /// Keys of a moving slot move.
    KeysMove(u16),
    Official {
        who: usize,
        releases: bool,
    },
}

/// The result of a world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Events that were handled.
    pub steps: u64,
    /// Holds that were checked.
    pub holds: u64,
    /// Hash of everything that the clients have sent, and when.
    pub digest: u64,
}

/// One world.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) rng: Rng,
    pub(crate) now: u64,
    serial: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    pub(crate) servers: Servers,
    pub(crate) connections: Vec<Connection>,
    pub(crate) processes: Vec<Process>,
    pub(crate) renewing: Vec<Option<Renewing>>,
    pub(crate) oracle: Oracle,
    pub(crate) clock_back_us: u64,
    /// Released locks that failovers brought back.
    pub(crate) brought_back: BTreeSet<Lock>,
    pub(crate) forgotten: Forgotten,
    pub(crate) freeing: Freeing,
    /// When data was last lost, by slot.
    pub(crate) lost_at: BTreeMap<u16, u64>,
    pub(crate) callers: u64,
    pub(crate) officials: Vec<Option<u64>>,
    steps: u64,
    pub(crate) sent: Digest,
    log: VecDeque<String>,
}

impl World {
    /// A world at its start.
    #[must_use]
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut rng = Rng::with_seed(seed);
        let processes =
            (0..plan.processes).map(|at| Process::new(at as u64, plan.cluster, &mut rng)).collect();
        Self {
            officials: vec![None; plan.officials],
            rng,
            now: 1 << 40,
            serial: 0,
            queue: BinaryHeap::new(),
            servers: Servers::new(plan.cluster),
            connections: Vec::new(),
            processes,
            renewing: Vec::new(),
            oracle: Oracle::default(),
            clock_back_us: 0,
            brought_back: BTreeSet::new(),
            forgotten: Forgotten::default(),
            freeing: Freeing::default(),
            lost_at: BTreeMap::new(),
            callers: 0,
            steps: 0,
            sent: Digest::default(),
            log: VecDeque::new(),
            plan,
        }
    }

    /// Runs the world until the faults have ended and everything has come to rest.
    pub(crate) fn run(mut self) -> Result<Summary, String> {
        let outcome = self.live();
        outcome.map_err(|failure| {
            let log: Vec<&str> = self.log.iter().map(String::as_str).collect();
            format!("{failure}\n{:?}\n{}", self.plan, log.join("\n"))
        })?;
        Ok(Summary { steps: self.steps, holds: self.oracle.count, digest: self.sent.value() })
    }

    fn live(&mut self) -> Result<(), String> {
        for process in 0..self.plan.processes {
            self.start(process)?;
        }
        for (at, every) in self.plan.every_ms.clone().into_iter().enumerate() {
            if let Some(every) = every {
                let pause = self.rng.u64(0..every * 2 + 1) * MS;
                self.after(pause, Happening::Fault(at));
            }
        }
        let official = self.plan.officials > 0;
        self.servers.each().for_each(|server| server.official = official);
        for who in 0..self.plan.officials {
            let pause = self.rng.u64(0..1_000) * MS;
            self.after(pause, Happening::Official { who, releases: false });
        }
        let (end, mut second) = (self.end(), (self.now, 0));
        while let Some(Reverse((at, _, happening))) = self.queue.pop() {
            if at > end + QUIET_NS {
                break;
            }
            self.now = self.now.max(at);
            self.steps += 1;
            if self.now >= second.0 + 1_000 * MS {
                second = (self.now, self.steps);
            } else if self.steps > second.1 + MOST_STEPS {
                return Err(format!("{MOST_STEPS} steps within a second"));
            }
            self.handle(happening)?;
            for (at, process) in self.processes.iter().enumerate() {
                process.engine.check().map_err(|wrong| format!("process {at}: {wrong}"))?;
            }
            self.check_forgotten()?;
        }
        self.check_rest()
    }

    pub(crate) fn end(&self) -> u64 {
        (1 << 40) + self.plan.length_ms * MS
    }

    pub(crate) fn is_over(&self) -> bool {
        self.now >= self.end()
    }

    fn check_rest(&mut self) -> Result<(), String> {
        for (at, process) in self.processes.iter_mut().enumerate() {
            let stranded = process.stranded();
            if !stranded.is_empty() || !process.engine.router().is_idle() {
                return Err(format!(
                    "process {at} has not come to rest: calls {stranded:?}, {:?}",
                    process.engine
                ));
            }
        }
        // The locks of the crew are never released, and end by themselves.
        match self.servers.lock_left(self.us_of(0).max(self.us_of(1)), CREW) {
            Some(name) => Err(format!("{} is locked and nobody holds it", String::from_utf8_lossy(&name))),
            None => Ok(()),
        }
    }

    /// A new life of a process begins.
    pub(crate) fn start(&mut self, process: usize) -> Result<(), String> {
        if let Some(one) = self.processes.get_mut(process) {
            one.engine.router().connect();
        }
        for _ in 0..self.plan.callers {
            let pause = self.rng.u64(0..200) * MS;
            self.after(pause, Happening::Visit { process });
        }
        self.drain(process)
    }

    pub(crate) fn instant(&self) -> Instant {
        Instant::from_nanos(self.now)
    }

    /// A server's clock. In a cluster the second one's is ahead.
    pub(crate) fn us_of(&self, server: usize) -> u64 {
        self.server_us() + if server == 0 { 0 } else { self.plan.ahead_ms * 1_000 }
    }

    /// The clock of the first server.
    pub(crate) fn server_us(&self) -> u64 {
        let since = (self.now - (1 << 40)) / 1_000;
        let drift = i64::try_from(since).unwrap_or(0) / 1_000 * self.plan.drift;
        EPOCH_US.saturating_add_signed(drift) + since - self.clock_back_us
    }

    pub(crate) fn after(&mut self, ns: u64, happening: Happening) {
        self.at(self.now + ns, happening);
    }

    pub(crate) fn at(&mut self, at: u64, happening: Happening) {
        self.serial += 1;
        self.queue.push(Reverse((at, self.serial, happening)));
    }

    pub(crate) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        let at = (self.now - (1 << 40)) / 1_000;
        self.log.push_back(format!("{at} us  {}", text()));
    }

    pub(crate) fn latency(&mut self) -> u64 {
        self.rng.u64(1..=self.plan.latency_us) * 1_000
    }

    fn handle(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::ToServer(connection) => self.arrive_at_server(connection),
            Happening::ToClient(connection) => return self.arrive_at_client(connection),
            Happening::ClosedAtServer(connection) => {
                let us = self.connections.get(connection).map_or(0, |one| self.us_of(one.server));
                if let Some(one) = self.connections.get_mut(connection) {
                    self.servers.at(one.server).forget(us, connection);
                    one.open_at_server = false;
                }
            }
            Happening::ClosedAtClient(connection) => return self.closed_at_client(connection),
            Happening::Connected { process, node, epoch } => return self.connected(process, node, epoch),
            Happening::Wake { process, life } => return self.wake(process, life),
            Happening::Renew { process, life } => self.renew(process, life),
            Happening::RenewAtServer(at) => self.renew_at_server(at),
            Happening::RenewAnswered(at) => return self.renew_answered(at),
            Happening::Visit { process } => return self.visit(process),
            Happening::Cancel { process, caller } => {
                let now = self.instant();
                let one = self.processes.get_mut(process).filter(|one| one.exit.is_none());
                one.into_iter().for_each(|one| one.cancel(now, caller));
                return self.drain(process);
            }
            Happening::JobEnd { process, life, caller } => return self.job_end(process, life, caller),
            Happening::ReleaseAgain { process, life, caller } => {
                return self.release_again(process, life, caller);
            }
            Happening::Exits { process, life } => return self.go_on_with_exit(process, life),
            Happening::Unblocked { process } => return self.unblocked(process),
            Happening::Fault(at) => {
                let (Some(kind), Some(Some(every))) = (KINDS.get(at), self.plan.every_ms.get(at)) else {
                    return Ok(());
                };
                let pause = self.rng.u64(1..every * 2 + 1) * MS;
                if !self.is_over() {
                    self.after(pause, Happening::Fault(at));
                    return self.strike(*kind);
                }
            }
            Happening::LookedUp { process, life } => return self.looked_up(process, life),
            Happening::TakenOver(server) => self.taken_over(server),
            Happening::KeysMove(slot) => self.keys_move(slot),
            Happening::Official { who, releases } => self.official(who, releases),
        }
        Ok(())
    }
}
