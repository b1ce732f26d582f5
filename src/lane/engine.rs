//! lock-core and what it has to tell, for whichever lane owns it.

use super::notice::Notice;
use super::shared::Shared;
use crate::net::Trouble;
use crate::sys::now;
use lock_core::{
    AcquireRequest, ClientConfig, Ended, Error, Event, FIRST, Hold, HoldId, Instant, Keep, LeaseState,
    LockKey, Loss, NewLease, NodeId, Outcome, Owner, ReleaseAllRequest, ReleaseRequest, Router, Rung,
    TaskKey,
};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longest that `execute` waits for the answer to its release; the release itself goes on.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// What a lane has to do for lock-core.
pub(crate) enum Action {
    /// Connect.
    Connect,
    /// Close the connection.
    Disconnect,
    /// Look up a cluster's table of slots.
    LookUp,
}

/// Owned by one lane.
pub(crate) struct Engine {
    /// The state machine, one client a connection.
    pub(crate) client: Router,
    shared: Arc<Shared>,
    notices: Vec<Notice>,
    /// Holds that began on a grant, by the number of the claim that is not answered yet.
    claims: HashMap<u64, HoldId>,
    /// Locks of this process that were taken away.
    taken_away: BTreeSet<LockKey>,
}

impl Engine {
    pub(crate) fn new(config: ClientConfig, seed: [u8; 24], shared: Arc<Shared>) -> Self {
        Self {
            client: Router::new(config, seed),
            shared,
            notices: Vec::new(),
            claims: HashMap::new(),
            taken_away: BTreeSet::new(),
        }
    }

    /// The connection that was asked for could not be made.
    pub(crate) fn not_connected(&mut self, node: NodeId, trouble: &Trouble) {
        let Some(client) = self.client.client(node) else { return };
        if trouble.unresolved {
            client.handle_unresolved(now(), &trouble.reason);
        } else {
            client.handle_disconnected(now(), &trouble.reason);
        }
    }

    /// Takes keys.
    pub(crate) fn acquire(&mut self, now: Instant, request: AcquireRequest) -> Result<TaskKey, Error> {
        self.client.acquire(now, request)
    }

    /// Gives keys back by owner.
    pub(crate) fn release(&mut self, now: Instant, caller: u64, keys: Arc<[LockKey]>, owner: Owner) {
        self.shared.leases().give_up(now, owner.as_bytes(), Some(&keys));
        self.client.release(
            now,
            ReleaseRequest {
                caller,
                keys,
                owner,
                lease_end: None,
                claim: None,
                limit: None,
                waited: false,
                sound: false,
                good_until: None,
            },
        );
    }

    /// Ends a hold: no renewal from here on, and its keys are given back. Says how far it could be trusted.
    pub(crate) fn release_hold(&mut self, now: Instant, caller: u64, hold: HoldId) -> LeaseState {
        let Some(Ended { held, state, good_until }) = self.shared.leases().release(now, hold) else {
            return LeaseState::Gone;
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
        state
    }

    /// Nobody asks about a hold of `acquire` any more.
    pub(crate) fn forget_hold(&mut self, now: Instant, hold: HoldId) {
        self.shared.leases().release(now, hold);
    }

    /// Deletes locks of the namespace.
    pub(crate) fn release_all(&mut self, now: Instant, request: ReleaseAllRequest) -> Result<TaskKey, Error> {
        if let Some(owner) = &request.owner {
            self.shared.leases().give_up(now, owner, None);
        }
        self.client.release_all(now, request)
    }

    /// The next thing to do, and on which connection; everything to tell goes to the notices on the way.
    pub(crate) fn next_action(&mut self, now: Instant) -> Option<(NodeId, Action)> {
        loop {
            let Some((node, event)) = self.client.poll_event(now) else {
                // All of a turn at once.
                let taken = std::mem::take(&mut self.taken_away);
                if !taken.is_empty() {
                    self.shared.leases().hurry_on(now, &taken);
                    self.shared.renewal.notify_one();
                }
                if let Some(routes) = self.client.take_routes() {
                    self.shared.set_routes(routes);
                }
                return None;
            };
            match event {
                Event::Connect if node == FIRST && self.client.is_cluster() => {
                    return Some((node, Action::LookUp));
                }
                Event::Connect => return Some((node, Action::Connect)),
                Event::Disconnect => return Some((node, Action::Disconnect)),
                Event::Ready { rung, why, password_unwanted } => {
                    self.shared.plain.store(rung == Rung::Plain, Ordering::Release);
                    self.shared.keeps_to_slots.fetch_or(self.client.keeps_to_slots(), Ordering::AcqRel);
                    self.shared.password_unwanted.store(password_unwanted, Ordering::Release);
                    self.shared.reachable.store(true, Ordering::Release);
                    self.shared.renewal.notify_one();
                    self.notices.push(Notice::Ready { rung, why });
                }
                Event::Down { reason } => self.notices.push(Notice::Down { reason }),
                Event::Log { level, message } => self.notices.push(Notice::Log { level, message }),
                Event::Claimed { claim, sent_at } => {
                    if let Some(hold) = self.claims.remove(&claim)
                        && self.shared.leases().claimed(sent_at, hold)
                    {
                        self.shared.renewal.notify_one();
                    }
                }
                Event::ClaimLost { claim } => {
                    if let Some(hold) = self.claims.remove(&claim) {
                        self.lose(hold);
                    }
                }
                Event::TakenAway { key } => drop(self.taken_away.insert(key)),
                Event::AskPause { attempt, lookup } => {
                    self.notices.push(Notice::AskPause { attempt, lookup });
                }
                Event::AskError { question, message } => {
                    self.notices.push(Notice::AskError { question, message });
                }
                Event::Done { caller, outcome } => {
                    let notice = self.notice_of(caller, outcome);
                    self.notices.push(notice);
                }
            }
        }
    }

    /// Adds something that came from elsewhere.
    pub(crate) fn push(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Whether there is something to tell.
    pub(crate) fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Takes what there is to tell, the first `most` of it.
    pub(crate) fn take_notices(&mut self, most: usize) -> Vec<Notice> {
        let rest = self.notices.split_off(self.notices.len().min(most));
        std::mem::replace(&mut self.notices, rest)
    }

    /// What the step at exit has to shorten is asked for; true when something is to be sent.
    pub(crate) fn begin_exit(&mut self) -> bool {
        let held = self.shared.leases().alive().cloned().collect();
        self.client.shorten_for_exit(now(), held)
    }

    fn notice_of(&mut self, caller: u64, outcome: Outcome) -> Notice {
        match outcome {
            Outcome::Held(hold) => Notice::Held { caller, hold: self.keep(hold) },
            Outcome::Released => Notice::Released { caller },
            Outcome::NotHeld(keys) => Notice::NotHeld { caller, keys },
            Outcome::ReleasePending(why) => Notice::ReleasePending { caller, why },
            // Of a single server it is the whole.
            Outcome::Freed(count) | Outcome::FreedSome(count) => {
                self.look_at_leases();
                Notice::Freed { caller, count }
            }
            Outcome::Failed(error) => Notice::Failed { caller, error },
        }
    }

    /// Jobs of this process may have lost their locks: let them know now, not at the next renewal.
    fn look_at_leases(&self) {
        self.shared.leases().hurry(now());
        self.shared.renewal.notify_one();
    }

    fn lose(&mut self, hold: HoldId) {
        let mut leases = self.shared.leases();
        if leases.lose(hold)
            && let Some(held) = leases.held(hold)
        {
            let keys = self.client.caller_names(&held.keys);
            let named = !held.owner.is_unique();
            self.notices.push(Notice::Lost { hold, keys, why: Loss::TakenAway, named });
        }
    }

    /// Registers the lease, where somebody asks for it, with the renewal thread.
    fn keep(&mut self, hold: Hold) -> Option<HoldId> {
        let Hold { keys, owner, attempt: _, tokens, lease, sent_at, claim, waited, keep } = hold;
        if keep == Keep::No {
            return None;
        }
        let renews = keep == Keep::Renewed && lease.is_some();
        let number = claim.as_ref().map(|claiming| claiming.claim);
        let held = NewLease { keys, owner, tokens, lease, sent_at, renews, claim, waited };
        let (id, wake) = self.shared.leases().register(held);
        if let Some(claim) = number {
            self.claims.insert(claim, id);
        }
        if wake {
            self.shared.renewal.notify_one();
        }
        Some(id)
    }
}
