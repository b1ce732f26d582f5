//! One process: a client, its leases, and the calls of its callers; what the addon's engine does with them, without JavaScript.

use crate::oracle::{Held, Sharing, cautious_end};
use fastrand::Rng;
use lock_core::{
    AcquireRequest, BackoffRule, Client, ClientConfig, Ended, Event, Greeting, Hold, HoldId, Instant, Keep,
    LeaseState, LeaseTable, NewLease, Outcome, Owner, Patience, Perseverance, ReleaseRequest, Secrets,
    TaskKey, Wanted,
};
use std::collections::HashMap;
use std::time::Duration;

/// An owner whose calls hold together and may release each other's locks.
const TEAM: &[u8] = b"team";
/// An owner whose calls hold together, with different terms, and never release: each lock ends by itself.
pub(crate) const CREW: &[u8] = b"crew";
/// Calls that come along with another have its number and a multiple of this; what depends on the number is the same.
pub(crate) const ALONG: u64 = 24 << 40;
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// What a call is at.
#[derive(Debug)]
pub(crate) enum Call {
    Waiting { task: TaskKey, endless: bool },
    Holding { hold: Option<HoldId>, keys: Vec<String>, owner: Owner },
    Releasing,
}

/// What a client asked the world for.
#[derive(Debug)]
pub(crate) enum Want {
    Connect,
    Disconnect,
    /// A call got its keys: when the job ends is the world's to say.
    Held {
        held: Held,
        hold: Option<HoldId>,
        tokens: Box<[u64]>,
        basis: Instant,
    },
    /// A call is over.
    Over {
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
    pub(crate) client: Client,
    pub(crate) leases: LeaseTable,
    pub(crate) connection: Option<usize>,
    /// Counts connects: an answer to an earlier one is out of date.
    pub(crate) epoch: u64,
    pub(crate) calls: HashMap<u64, Call>,
    claims: HashMap<u64, HoldId>,
    /// Nothing is done before this time, in ns: by the whole process, or only by its JavaScript thread.
    pub(crate) stopped_until: u64,
    pub(crate) stalled_until: u64,
    pub(crate) armed_at: Option<u64>,
    pub(crate) renewal_at: Option<u64>,
    pub(crate) renewal_broken_until: u64,
}

impl Process {
    pub(crate) fn new(life: u64, rng: &mut Rng) -> Self {
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
            greeting: Greeting::default(),
            perseverance: Perseverance::default(),
            cluster: None,
            safety: None,
            version: "0.0.0",
        };
        let mut seed = [0; 24];
        rng.fill(&mut seed);
        Self {
            life,
            client: Client::new(config, seed),
            leases: LeaseTable::default(),
            connection: None,
            epoch: 0,
            calls: HashMap::new(),
            claims: HashMap::new(),
            stopped_until: 0,
            stalled_until: 0,
            armed_at: None,
            renewal_at: None,
            renewal_broken_until: 0,
        }
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
        let Ok(parsed) = self.client.parse_keys(&named) else { return };
        let execute = rng.u8(..3) > 0;
        let lease = Duration::from_millis(rng.u64(1_000..8_000));
        // Waiters of one client may follow one another without a word to Redis if they want the same.
        let lease = if caller % 8 < 5 { Duration::from_secs(3) } else { lease };
        let no_lease = endless && !execute && rng.u8(..4) == 0;
        let waits_for_ever = rng.u8(..8) == 0;
        let patience = match rng.u8(..6) {
            0 if !execute => Patience::None,
            1 if !execute => Patience::TryFor(Duration::from_millis(rng.u64(1..2_000))),
            _ if waits_for_ever => Patience::Endless,
            _ => Patience::Limit(Duration::from_millis(rng.u64(1..20_000))),
        };
        let wanted = if execute {
            Wanted::Execute
        } else {
            // Some names are shared, and then their calls hold together.
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
            patience,
            keep,
        };
        if let Ok(task) = self.client.acquire(now, request) {
            let endless = patience == Patience::Endless;
            self.calls.insert(caller, Call::Waiting { task, endless });
        }
    }

    /// Withdraws a call that still waits.
    pub(crate) fn cancel(&mut self, now: Instant, caller: u64) {
        if let Some(Call::Waiting { task, .. }) = self.calls.get(&caller) {
            self.client.cancel(now, *task, caller);
        }
    }

    /// The job of a call is done. True when it gives its keys back.
    pub(crate) fn give_back(&mut self, now: Instant, caller: u64, until: Option<Instant>) -> bool {
        let Some(Call::Holding { hold, keys, owner }) = self.calls.insert(caller, Call::Releasing) else {
            return false;
        };
        if let (Some(hold), true) = (hold, owner.is_unique()) {
            let Some(Ended { held, state, good_until }) = self.leases.release(now, hold) else {
                return false;
            };
            let claim = held.claim.as_ref().map(|claiming| claiming.claim);
            if let Some(claim) = claim {
                self.claims.remove(&claim);
            }
            let request = ReleaseRequest {
                caller,
                keys: held.keys,
                owner: held.owner,
                lease_end: Some(now + held.lease.unwrap_or_default()),
                claim,
                limit: Some(RELEASE_LIMIT),
                waited: held.waited,
                sound: state == LeaseState::Held,
                good_until: (state != LeaseState::Lost).then_some(good_until),
            };
            self.client.release(now, request);
            return true;
        }
        if let Some(hold) = hold {
            self.leases.release(now, hold);
        }
        if owner.as_bytes() == CREW {
            self.calls.remove(&caller);
            return false;
        }
        if hold.is_none() && until.is_some_and(|until| now >= until) {
            // By now it may be somebody else's.
            self.calls.remove(&caller);
            return false;
        }
        let Ok(parsed) = self.client.parse_keys(&keys) else { return false };
        let request = ReleaseRequest {
            caller,
            keys: parsed,
            owner,
            lease_end: None,
            claim: None,
            limit: None,
            waited: false,
            sound: false,
            good_until: None,
        };
        self.client.release(now, request);
        true
    }

    /// The next thing that the client wants or tells.
    pub(crate) fn next_want(&mut self, now: Instant, process: usize) -> Option<Want> {
        loop {
            match self.client.poll_event()? {
                Event::Connect => return Some(Want::Connect),
                Event::Disconnect => return Some(Want::Disconnect),
                Event::Claimed { claim, sent_at } => {
                    if let Some(hold) = self.claims.remove(&claim) {
                        self.leases.claimed(sent_at, hold);
                    }
                }
                Event::ClaimLost { claim } => {
                    if let Some(hold) = self.claims.remove(&claim) {
                        self.leases.lose(hold);
                        if let Some(caller) = self.caller_of(hold) {
                            return Some(Want::Lost { caller });
                        }
                    }
                }
                Event::TakenAway { key } => self.leases.hurry_on(now, &[key].into()),
                Event::Ready { .. }
                | Event::Down { .. }
                | Event::Log { .. }
                | Event::AskPause { .. }
                | Event::AskError { .. } => {}
                Event::Done { caller, outcome: Outcome::Held(hold) } => {
                    return Some(self.took(process, caller, hold));
                }
                Event::Done { caller, .. } => {
                    self.calls.remove(&caller);
                    return Some(Want::Over { caller });
                }
            }
        }
    }

    fn took(&mut self, process: usize, caller: u64, hold: Hold) -> Want {
        let Hold { keys, owner, attempt: _, tokens, lease, sent_at, claim, waited, keep } = hold;
        let sharing = match owner.as_bytes() {
            TEAM => Sharing::AndReleasing,
            CREW if keep == Keep::No => Sharing::Unseen,
            CREW => Sharing::Seen,
            _ => Sharing::No,
        };
        let number = claim.as_ref().map(|claiming| claiming.claim);
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
        let names = self.client.caller_names(&keys);
        let id = (keep != Keep::No).then(|| {
            let renews = keep == Keep::Renewed && lease.is_some();
            let held = NewLease {
                keys,
                owner: owner.clone(),
                tokens: tokens.clone(),
                lease,
                sent_at,
                renews,
                claim,
                waited,
            };
            self.leases.register(held).0
        });
        if let (Some(claim), Some(id)) = (number, id) {
            self.claims.insert(claim, id);
        }
        self.calls.insert(caller, Call::Holding { hold: id, keys: names, owner });
        Want::Held { held, hold: id, tokens, basis }
    }

    /// Whether the process, asked now, would say that this caller holds its keys.
    pub(crate) fn believes(&self, now: Instant, held: &Held) -> bool {
        match self.calls.get(&held.caller) {
            Some(Call::Holding { hold: Some(hold), .. }) => {
                matches!(self.leases.state(now, *hold), LeaseState::Held | LeaseState::Suspect)
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
