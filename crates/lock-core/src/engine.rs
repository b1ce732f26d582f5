//! The client and the leases of its holds. A lane drives it, and so does the simulation.
//!
//! A lane tells the engine what happened and what callers want. Then it asks for actions until there are none, and takes the notices, which
//! are for the caller's side (JavaScript). The engine shares the leases with the renewal, which works on another thread.

use crate::census::{WaitFacts, summed_up};
use crate::config::ClientConfig;
use crate::error::Error;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::lease::{Ended, HoldId, LeaseState, Loss, NewLease, SharedLeases, Unrenewed};
use crate::notices::{Action, Held, Notice};
use crate::requests::{
    AcquireRequest, Event, Hold, Keep, OfAttempt, Outcome, ReleaseAllRequest, ReleaseRequest, TaskKey,
    Waiting,
};
use crate::router::{FIRST, Router};
use crate::time::Instant;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Longest time that `execute` waits for the answer to its release. The release itself goes on after it.
const RELEASE_LIMIT: Duration = Duration::from_secs(5);

/// See the module. Owned by one lane.
#[derive(Debug)]
pub struct Engine {
    router: Router,
    leases: SharedLeases,
    notices: VecDeque<Notice>,
    actions: VecDeque<Action>,
    /// Holds that began on a grant, by the number of their unanswered claim.
    claims: HashMap<u64, HoldId>,
    /// Locks of this process that somebody took away.
    taken_away: BTreeSet<LockKey>,
    wakes_renewal: bool,
    claims_before_telling: bool,
    /// Why the lost lease that was released last was not renewed.
    last_unrenewed: Option<Unrenewed>,
}

impl Engine {
    /// An engine that is not connected yet. `seed` comes from a strong random source and is used once. Only this engine and the renewal use
    /// `leases`.
    #[must_use]
    pub fn new(config: ClientConfig, seed: [u8; 24], leases: SharedLeases) -> Self {
        Self {
            router: Router::new(config, seed),
            leases,
            notices: VecDeque::new(),
            actions: VecDeque::new(),
            claims: HashMap::new(),
            taken_away: BTreeSet::new(),
            wakes_renewal: false,
            claims_before_telling: false,
            last_unrenewed: None,
        }
    }

    /// The clients, one per connection. The lane uses it for bytes, time and everything else that is not about locks.
    pub fn router(&mut self) -> &mut Router {
        &mut self.router
    }

    /// Whether a caller waits for an answer, or has not been told one yet. While true, the process must not end by itself.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.router.has_callers()
            || self.router.has_events()
            || !self.notices.is_empty()
            || !self.actions.is_empty()
    }

    /// See [`Router::acquire`].
    ///
    /// # Errors
    /// As [`Router::acquire`].
    pub fn acquire(&mut self, now: Instant, request: AcquireRequest) -> Result<TaskKey, Error> {
        self.router.acquire(now, request)
    }

    /// Gives keys back by owner.
    pub fn release(&mut self, now: Instant, caller: u64, keys: Arc<[LockKey]>, owner: Owner) {
        self.leases.lock().give_up(now, owner.as_bytes(), Some(&keys));
        self.router.release(
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
                of_attempt: None,
            },
        );
    }

    /// Ends a hold: the renewal stops, and the keys are given back. Returns how far the hold could be trusted.
    pub fn release_hold(&mut self, now: Instant, caller: u64, hold: HoldId) -> LeaseState {
        let Some(Ended { held, state, good_until, unrenewed }) = self.leases.lock().release(now, hold) else {
            return LeaseState::Gone;
        };
        if state.is_lost() {
            self.last_unrenewed = unrenewed;
        }
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
            good_until: (!state.is_lost()).then_some(good_until),
            of_attempt: None,
        };
        self.router.release(now, request);
        // The next job of a cohort may begin late, so its lease is renewed from now on.
        self.take_events(now);
        state
    }

    /// Why the lease of the last hold that [`Self::release_hold`] reported as lost was not renewed. `None`: it was lost for another reason.
    pub fn take_unrenewed(&mut self) -> Option<Unrenewed> {
        self.last_unrenewed.take()
    }

    /// Forgets a hold of `acquire` that nobody asks about any more.
    pub fn forget_hold(&mut self, now: Instant, hold: HoldId) {
        self.leases.lock().release(now, hold);
    }

    /// Gives back the keys that the hold of an `acquire` took, and repeats this until Redis has done it. Other holds of the same owner
    /// stay. False: the hold was given back or forgotten before, and nothing is sent.
    pub fn roll_back_hold(&mut self, now: Instant, caller: u64, hold: HoldId) -> bool {
        let mut leases = self.leases.lock();
        let Some(Ended { held, state, .. }) = leases.release(now, hold) else { return false };
        let alone = !state.is_lost() && !held.joined && !leases.has_later(now, &held);
        drop(leases);
        let request = ReleaseRequest {
            caller,
            keys: held.keys,
            owner: held.owner,
            lease_end: held.lease.map(|lease| now + lease),
            claim: None,
            limit: Some(RELEASE_LIMIT),
            waited: false,
            sound: false,
            good_until: None,
            of_attempt: Some(OfAttempt { attempt: held.attempt, alone }),
        };
        self.router.release(now, request);
        true
    }

    /// Deletes locks of the namespace.
    ///
    /// # Errors
    /// See [`Router::release_all`].
    pub fn release_all(&mut self, now: Instant, request: ReleaseAllRequest) -> Result<TaskKey, Error> {
        if let Some(owner) = &request.owner {
            self.leases.lock().give_up(now, owner, None);
        }
        self.router.release_all(now, request)
    }

    /// The next thing to do. Everything to tell callers goes to the notices meanwhile.
    pub fn next_action(&mut self, now: Instant) -> Option<Action> {
        self.take_events(now);
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        // All locks that were taken away in this turn go to the leases at once.
        let taken = std::mem::take(&mut self.taken_away);
        if !taken.is_empty() {
            self.leases.lock().hurry_on(now, &taken);
            self.wakes_renewal = true;
        }
        if let Some(routes) = self.router.take_routes() {
            return Some(Action::Route(routes));
        }
        self.take_renewal_wake().then_some(Action::WakeRenewal)
    }

    /// Whether the renewal has to look at the leases now ([`Action::WakeRenewal`]).
    pub fn take_renewal_wake(&mut self) -> bool {
        std::mem::take(&mut self.wakes_renewal)
    }

    /// Whether a job is about to begin on a grant. The lane writes the job's claim before it tells the job, because the job may block the
    /// thread for an unknown time.
    pub fn take_claims_before_telling(&mut self) -> bool {
        std::mem::take(&mut self.claims_before_telling)
    }

    fn take_events(&mut self, now: Instant) {
        while let Some((node, event)) = self.router.poll_event(now) {
            match event {
                Event::Connect if node == FIRST && self.router.is_cluster() => {
                    self.actions.push_back(Action::LookUp);
                }
                Event::Connect => self.actions.push_back(Action::Connect(node)),
                Event::Disconnect => self.actions.push_back(Action::Disconnect(node)),
                Event::Ready { mode, why, password_unwanted } => {
                    self.notices.push_back(Notice::Ready { mode, why });
                    self.wakes_renewal = true;
                    self.actions.push_back(Action::Stands {
                        mode,
                        keeps_to_slots: self.router.keeps_to_slots(),
                        password_unwanted,
                    });
                }
                Event::Down { reason } => self.notices.push_back(Notice::Down { reason }),
                Event::Recovered { again } => self.notices.push_back(Notice::Recovered { again }),
                Event::Log { level, message } => self.notices.push_back(Notice::Log { level, message }),
                Event::Claimed { claim, sent_at } => {
                    if let Some(hold) = self.claims.remove(&claim) {
                        self.wakes_renewal |= self.leases.lock().claimed(sent_at, hold);
                    }
                }
                Event::ClaimLost { claim } => {
                    if let Some(hold) = self.claims.remove(&claim) {
                        self.lose(now, hold);
                    }
                }
                Event::TakenAway { key } => drop(self.taken_away.insert(key)),
                Event::AskPause { attempt, lookup } => {
                    self.notices.push_back(Notice::AskPause { attempt, lookup });
                }
                Event::AskError { question, message } => {
                    self.notices.push_back(Notice::AskError { question, message });
                }
                Event::Done { caller, outcome } => {
                    let notice = self.notice_of(now, caller, outcome);
                    self.notices.push_back(notice);
                }
            }
        }
    }

    /// Adds a notice that came from elsewhere.
    pub fn push(&mut self, notice: Notice) {
        self.notices.push_back(notice);
    }

    /// Whether there are notices.
    #[must_use]
    pub fn has_notices(&self) -> bool {
        !self.notices.is_empty()
    }

    /// Takes the first `most` notices.
    pub fn take_notices(&mut self, most: usize) -> Vec<Notice> {
        // `split_off` would copy all that is left each time.
        self.notices.drain(..self.notices.len().min(most)).collect()
    }

    /// Asks for everything that the step at exit has to shorten. True: there is something to send. The engine acquires and renews nothing
    /// after it.
    pub fn begin_exit(&mut self, now: Instant) -> bool {
        // A lock whose answer has arrived becomes a lease here, also if its caller was not told yet.
        self.take_events(now);
        let held = self.leases.lock().end_renewals();
        self.router.shorten_for_exit(now, held)
    }

    fn notice_of(&mut self, now: Instant, caller: u64, outcome: Outcome) -> Notice {
        match outcome {
            Outcome::Held(hold) => Notice::Held { caller, held: self.watch(now, hold) },
            Outcome::Released => Notice::Released { caller },
            Outcome::NotHeld(keys) => Notice::NotHeld { caller, keys },
            Outcome::ReleasePending(why) => Notice::ReleasePending { caller, why },
            // A single server's count is the count of the whole.
            Outcome::Freed(count) | Outcome::FreedSome(count) => {
                // Jobs of this process may have lost their locks. They are told now, not at the next renewal.
                self.leases.lock().hurry(now);
                self.wakes_renewal = true;
                Notice::Freed { caller, count }
            }
            Outcome::Failed(error) => Notice::Failed { caller, error },
        }
    }

    fn lose(&mut self, now: Instant, hold: HoldId) {
        let mut leases = self.leases.lock();
        if leases.lose(hold)
            && let Some(held) = leases.held(hold)
        {
            let keys = self.router.caller_names(&held.keys);
            let named = !held.owner.is_unique();
            let by = leases.freed_by(now, held);
            self.notices.push_back(Notice::Lost {
                hold,
                keys,
                why: Loss::TakenAway,
                by,
                because: None,
                named,
            });
        }
    }

    /// Registers the lease with the renewal if somebody will ask about it.
    fn watch(&mut self, now: Instant, hold: Hold) -> Held {
        self.claims_before_telling |= hold.claim.is_some();
        if hold.keep == Keep::No {
            self.leases.lock().note(&NewLease::unwatched(now, hold.clone()));
            return Held::Unwatched(Box::new(hold));
        }
        let renews = hold.keep == Keep::Renewed && hold.lease.is_some();
        let held = NewLease { renews, ..NewLease::unwatched(now, hold) };
        let number = held.claim.as_ref().map(|claiming| claiming.claim);
        let (id, wakes) = self.leases.lock().register(held);
        if let Some(claim) = number {
            self.claims.insert(claim, id);
        }
        self.wakes_renewal |= wakes;
        Held::Watched(id)
    }

    /// The calls that wait: for these keys, or all.
    pub fn waiting(&mut self, keys: Option<&BTreeSet<LockKey>>) -> Vec<Waiting> {
        let mut waiting = self.router.waiting();
        waiting.retain(|call| keys.is_none_or(|keys| keys.contains(&call.key)));
        waiting
    }

    /// The keys for which a call has waited for at least `least`, each with all calls that wait for it.
    pub fn long_waits(&mut self, now: Instant, least: Duration) -> Vec<WaitFacts> {
        let mut waits = summed_up(now, self.router.waiting());
        waits.retain(|wait| Duration::from_millis(wait.longest_ms) >= least);
        waits
    }

    /// Whether this process holds the key or has a call about it. If not, no lock of `execute` on it in Redis may belong to this process.
    /// For the simulation.
    #[must_use]
    pub fn knows_of(&self, now: Instant, key: &LockKey) -> bool {
        let keys = BTreeSet::from([key.clone()]);
        self.router.is_busy_with(key) || !self.leases.lock().facts(now, Some(&keys)).is_empty()
    }

    /// See [`crate::Client::check`].
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self) -> Result<(), String> {
        self.router.check()
    }
}
