//! One process: the engine that the addon runs, and the calls of its callers in place of JavaScript.

use crate::exit::Exit;
use crate::oracle::{Held, Sharing, cautious_end};
use fastrand::Rng;
use lock_core::{
    AcquireRequest, Action, BackoffRule, Client, ClientConfig, ClusterRules, Engine, HandshakeOptions,
    Held as Taken, HoldId, IdSource, Instant, Keep, LeaseState, NewLease, NodeId, Notice, Owner, RetryPolicy,
    Secrets, SharedLeases, SlotRange, TaskKey, WaitPolicy, Wanted,
};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// An owner whose calls hold together and may release each other's locks.
pub(crate) const TEAM: &[u8] = b"team";
/// An owner whose calls hold together with different terms and never release. Each lock ends by itself.
pub(crate) const CREW: &[u8] = b"crew";
/// Calls that accompany another have its number plus a multiple of this. Everything that depends on the number is the same for them.
pub(crate) const ALONG: u64 = 24 << 40;

/// The state of a call.
#[derive(Debug)]
pub(crate) enum Call {
    Waiting {
        task: TaskKey,
        endless: bool,
    },
    Holding {
        hold: Option<HoldId>,
        keys: Vec<String>,
        owner: Owner,
    },
    /// `by_name`: keys and owner of a release that its caller repeats if it fails.
    Releasing {
        by_name: Option<(Vec<String>, Owner)>,
    },
    /// `releaseAll`.
    Freeing,
}

/// A request of a client to the world.
#[derive(Debug)]
pub(crate) enum Want {
    Connect(NodeId),
    Disconnect(NodeId),
    /// The table of slots.
    LookUp,
    /// The bytes to send.
    Write,
    /// The renewal has to look at the leases now.
    Renewal,
    /// A call got its keys. The world decides when the job ends.
    Held {
        held: Held,
        hold: Option<HoldId>,
        tokens: Box<[u64]>,
        basis: Instant,
    },
    /// A call has ended.
    Over {
        caller: u64,
    },
    /// A `releaseAll` has ended. `all`: it freed everything that it was asked for.
    Freed {
        caller: u64,
        all: bool,
    },
    /// A release failed, and its caller knows that the lock is still there.
    ReleaseAgain {
        caller: u64,
    },
    /// The process knows that a hold is lost.
    Lost {
        caller: u64,
    },
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) life: u64,
    pub(crate) engine: Engine,
    pub(crate) leases: SharedLeases,
    /// Its connections, by node.
    pub(crate) connections: BTreeMap<NodeId, usize>,
    /// Those that are being made, by the number of the connect.
    pub(crate) connecting: BTreeMap<NodeId, u64>,
    /// Counts connects: an answer to an earlier one is out of date.
    pub(crate) epoch: u64,
    /// The table of slots that was asked for.
    pub(crate) table: Option<Result<Vec<SlotRange>, String>>,
    pub(crate) calls: HashMap<u64, Call>,
    /// The first digits of the owners of its jobs.
    pub(crate) mark: Vec<u8>,
    /// Its connection has been ready since it was made.
    pub(crate) is_ready: bool,
    /// Its step at exit.
    pub(crate) exit: Option<Exit>,
    /// It takes that step when the next answer arrives, before a caller is told.
    pub(crate) exits_next: bool,
    /// Notices of the engine that nobody has taken yet.
    notices: VecDeque<Notice>,
    /// The whole process, or only its JavaScript thread, does nothing before this time, in ns.
    pub(crate) stopped_until: u64,
    pub(crate) stalled_until: u64,
    pub(crate) armed_at: Option<u64>,
    pub(crate) renewal_at: Option<u64>,
    pub(crate) renewal_broken_until: u64,
}

impl Process {
    pub(crate) fn new(life: u64, in_cluster: bool, rng: &mut Rng) -> Self {
        let config = ClientConfig {
            prefix: b"l:".to_vec(),
            credentials: None,
            hidden: Secrets::default(),
            database: 0,
            backoff: BackoffRule {
                first: Duration::from_millis(5),
                longest: Duration::from_millis(200),
                factor: 2.0,
            },
            handshake_options: HandshakeOptions::default(),
            retry: RetryPolicy::default(),
            cluster: in_cluster.then(ClusterRules::default),
            safety: None,
            version: "0.0.0",
        };
        let mut seed = [0; 24];
        rng.fill(&mut seed);
        let leases = SharedLeases::default();
        let mark = String::from_utf8_lossy(&IdSource::new(seed).mark()).into_owned();
        let (first, second) = mark.split_at(8);
        Self {
            life,
            mark: format!("execute:{first}-{second}-").into_bytes(),
            is_ready: false,
            exit: None,
            exits_next: false,
            engine: Engine::new(config, seed, leases.clone()),
            leases,
            connections: BTreeMap::new(),
            connecting: BTreeMap::new(),
            epoch: 0,
            table: None,
            calls: HashMap::new(),
            notices: VecDeque::new(),
            stopped_until: 0,
            stalled_until: 0,
            armed_at: None,
            renewal_at: None,
            renewal_broken_until: 0,
        }
    }

    /// The client of a node; `None`: the node is gone.
    pub(crate) fn client(&mut self, node: NodeId) -> Option<&mut Client> {
        self.engine.router().client(node)
    }

    /// The JavaScript thread does nothing before this time.
    pub(crate) fn away_until(&self) -> u64 {
        self.stopped_until.max(self.stalled_until)
    }

    /// Makes a call for random keys.
    pub(crate) fn ask(&mut self, now: Instant, caller: u64, keys: usize, endless: bool, rng: &mut Rng) {
        let count = if rng.u8(..3) == 0 { rng.usize(1..=keys) } else { 1 };
        let mut named: Vec<String> = (0..keys).map(|at| format!("k{at}")).collect();
        rng.shuffle(&mut named);
        named.truncate(count);
        let Ok(parsed) = self.engine.router().parse_keys(&named) else { return };
        let execute = rng.u8(..3) > 0;
        let lease = Duration::from_millis(rng.u64(1_000..8_000));
        // Waiters of one client may follow one another without a command to Redis if they want the same.
        let lease = if caller % 8 < 5 { Duration::from_secs(3) } else { lease };
        let no_lease = endless && !execute && rng.u8(..4) == 0;
        let waits_for_ever = rng.u8(..8) == 0;
        let wait = match rng.u8(..6) {
            0 if !execute => WaitPolicy::None,
            1 if !execute => WaitPolicy::TryFor(Duration::from_millis(rng.u64(1..2_000))),
            _ if waits_for_ever => WaitPolicy::Endless,
            _ => WaitPolicy::Limit(Duration::from_millis(rng.u64(1..20_000))),
        };
        let wanted = if execute {
            Wanted::Execute
        } else {
            // Some names are shared, and their calls hold together.
            Wanted::Named(match rng.u8(..8) {
                0 => TEAM.into(),
                1 | 2 => CREW.into(),
                _ => format!("n{caller}").into_bytes().into(),
            })
        };
        let is_crew = matches!(&wanted, Wanted::Named(name) if **name == *CREW);
        let keep = match rng.u8(..4) {
            _ if execute => Keep::Renewed,
            0 | 1 => Keep::Renewed,
            2 => Keep::Known,
            _ => Keep::No,
        };
        let request = AcquireRequest {
            caller,
            keys: parsed,
            named: if named.len() > 1 { named } else { Vec::new() },
            wanted,
            lease: (!no_lease || is_crew).then_some(lease),
            wait,
            keep,
            label: None,
        };
        if let Ok(task) = self.engine.acquire(now, request) {
            let endless = wait == WaitPolicy::Endless;
            self.calls.insert(caller, Call::Waiting { task, endless });
        }
    }

    /// Withdraws a call that still waits.
    pub(crate) fn cancel(&mut self, now: Instant, caller: u64) {
        if let Some(Call::Waiting { task, .. }) = self.calls.get(&caller) {
            self.engine.router().cancel(now, *task, caller);
        }
    }

    /// The job of a call is done. True: it gives its keys back.
    pub(crate) fn give_back(&mut self, now: Instant, caller: u64, until: Option<Instant>) -> bool {
        let Some(Call::Holding { hold, keys, owner }) =
            self.calls.insert(caller, Call::Releasing { by_name: None })
        else {
            return false;
        };
        if let (Some(hold), true) = (hold, owner.is_unique()) {
            return self.engine.release_hold(now, caller, hold) != LeaseState::Gone;
        }
        if let Some(hold) = hold {
            self.engine.forget_hold(now, hold);
        }
        if owner.as_bytes() == CREW {
            self.calls.remove(&caller);
            return false;
        }
        if hold.is_none() && until.is_some_and(|until| now >= until) {
            // The lock may belong to another owner by now.
            self.calls.remove(&caller);
            return false;
        }
        self.release_by_name(now, caller, keys, owner);
        true
    }

    fn release_by_name(&mut self, now: Instant, caller: u64, keys: Vec<String>, owner: Owner) {
        if let Ok(parsed) = self.engine.router().parse_keys(&keys) {
            self.engine.release(now, caller, parsed, owner.clone());
            self.calls.insert(caller, Call::Releasing { by_name: Some((keys, owner)) });
        }
    }

    /// Repeats a release that failed.
    pub(crate) fn release_again(&mut self, now: Instant, caller: u64) {
        if let Some(Call::Releasing { by_name: Some((keys, owner)) }) = self.calls.remove(&caller) {
            self.release_by_name(now, caller, keys, owner);
        }
    }

    /// The next request of the engine.
    pub(crate) fn next_want(&mut self, now: Instant, process: usize) -> Option<Want> {
        loop {
            if let Some(notice) = self.notices.pop_front() {
                if let Some(want) = self.take_in(process, notice) {
                    return Some(want);
                }
                continue;
            }
            match self.engine.next_action(now) {
                Some(Action::Connect(node)) => return Some(Want::Connect(node)),
                Some(Action::Disconnect(node)) => return Some(Want::Disconnect(node)),
                Some(Action::LookUp) => return Some(Want::LookUp),
                Some(Action::WakeRenewal) => return Some(Want::Renewal),
                Some(Action::Stands { .. } | Action::Route(_)) => {}
                None if self.engine.has_notices() => {
                    self.notices.extend(self.engine.take_notices(usize::MAX));
                    return Some(Want::Write);
                }
                None => return None,
            }
        }
    }

    fn take_in(&mut self, process: usize, notice: Notice) -> Option<Want> {
        match notice {
            Notice::Held { caller, held } => Some(self.took(process, caller, held)),
            Notice::Lost { hold, .. } => self.caller_of(hold).map(|caller| Want::Lost { caller }),
            // While a slot is moving this may take long. Nothing else makes a release fail here.
            Notice::Failed { caller, error }
                if error.message.starts_with("Too many Cluster redirections")
                    && matches!(self.calls.get(&caller), Some(Call::Releasing { by_name: Some(_) })) =>
            {
                Some(Want::ReleaseAgain { caller })
            }
            Notice::Freed { caller, .. } => {
                self.calls.remove(&caller);
                Some(Want::Freed { caller, all: true })
            }
            Notice::Failed { caller, .. } if matches!(self.calls.get(&caller), Some(Call::Freeing)) => {
                self.calls.remove(&caller);
                Some(Want::Freed { caller, all: false })
            }
            Notice::Released { caller }
            | Notice::NotHeld { caller, .. }
            | Notice::ReleasePending { caller, .. }
            | Notice::Failed { caller, .. } => {
                self.calls.remove(&caller);
                Some(Want::Over { caller })
            }
            Notice::Ready { .. } => {
                self.is_ready = true;
                None
            }
            Notice::Down { .. } => {
                self.is_ready = false;
                None
            }
            Notice::Recovered { .. }
            | Notice::Log { .. }
            | Notice::AskPause { .. }
            | Notice::AskError { .. } => None,
        }
    }

    fn took(&mut self, process: usize, caller: u64, held: Taken) -> Want {
        let (id, lease, keep) = match held {
            Taken::Watched(id) => match self.leases.lock().held(id).cloned() {
                Some(lease) => (Some(id), lease, Keep::Known),
                // The lock was given back by its name before the caller was told.
                None => return Want::Over { caller },
            },
            Taken::Unwatched(hold) => (None, NewLease::unwatched(hold.sent_at, *hold), Keep::No),
        };
        let NewLease { keys, owner, tokens, lease, sent_at, claim, .. } = lease;
        let sharing = match owner.as_bytes() {
            TEAM => Sharing::AndReleasing,
            CREW if keep == Keep::No => Sharing::Unseen,
            CREW => Sharing::Seen,
            _ => Sharing::No,
        };
        let basis = claim.as_ref().map_or(sent_at, |claiming| claiming.until.back(Duration::from_secs(2)));
        let held = Held {
            process,
            life: self.life,
            caller,
            keys: keys.clone(),
            owner: owner.as_bytes().to_vec(),
            sharing,
            until: lease.map(|lease| cautious_end(sent_at, lease)),
        };
        let names = self.engine.router().caller_names(&keys);
        self.calls.insert(caller, Call::Holding { hold: id, keys: names, owner });
        Want::Held { held, hold: id, tokens, basis }
    }

    /// Whether the process would say now that this caller holds its keys.
    pub(crate) fn believes(&self, now: Instant, held: &Held) -> bool {
        match self.calls.get(&held.caller) {
            Some(Call::Holding { hold: Some(hold), .. }) => {
                matches!(self.leases.lock().state(now, *hold), LeaseState::Held | LeaseState::Suspect)
            }
            Some(Call::Holding { hold: None, .. }) => held.until.is_none_or(|until| now < until),
            _ => false,
        }
    }

    pub(crate) fn caller_of(&self, hold: HoldId) -> Option<u64> {
        self.calls.iter().find_map(|(caller, call)| match call {
            Call::Holding { hold: Some(own), .. } if *own == hold => Some(*caller),
            _ => None,
        })
    }

    /// Calls that wait although everything is quiet.
    pub(crate) fn stranded(&self) -> Vec<u64> {
        self.calls.keys().copied().collect()
    }
}
