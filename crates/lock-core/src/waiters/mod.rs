//! The waiters of this client, by key. They are the client's half of a key's queue. Redis' half has one entry for all of them. This machine
//! decides who gets a grant and when a waiter asks. The rules are those of `docs/PROTOCOL.md`, "Rules of the client".
//!
//! ```text
//! (asks) --park answered: enter--> waiting --granted, or its own park answered--> served
//!                                     |
//!                                     +--- withdrawn, or told to poll: remove ---> gone
//! ```
//!
//! A grant stays here while a command is under way that may take it over (`deciding`), or while a job may be running on an earlier grant
//! (`claiming`). When there is neither, [`Waiters::dispatch_grant`] says who gets it.

mod queue;

pub(crate) use queue::Grant;

use crate::call_id::CallId;
use crate::effects::Effects;
use crate::key::LockKey;
use crate::lease::{CLAIM_PERIOD, margin};
use crate::present::Present;
use crate::time::Instant;
use crate::timers::Timer;
use queue::KeyQueue;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Longest pause between two questions of a key's oldest waiter.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// A job begins on a grant only if at least this much of it is left.
pub(crate) const LEAST_GRANT: Duration = Duration::from_millis(200);
/// How long a key counts as busy after a call had to wait for it.
const BUSY_FOR: Duration = Duration::from_millis(100);
/// With more keys than this, the client looks for those that are not busy any more.
const MANY: usize = 64;
/// Most grants without a waiter here that the client passes on at a time. Each grant lapses by itself after two seconds, and a server that
/// sends more does not work as it should.
const MOST_LEAVES: usize = 1_024;

/// The use of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dispatch {
    /// Nothing: there is no grant, or a command under way decides.
    Nothing,
    /// The waiter takes the grant over, and its job may begin on it.
    Begin(CallId, Grant),
    /// The waiter asks, because too little is left of the grant or a leave under way passes it on.
    Ask(CallId),
    /// The client passes the grant on, because no waiter can use it.
    PassOn,
}

/// The part of a park's arguments that depends on the other waiters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The park may take over a grant to the client. It is counted until [`Waiters::park_answered`].
    pub(crate) may_take_grant: bool,
    /// The ticket of the client's next waiter.
    pub(crate) next_ticket: Option<u64>,
}

/// A call that begins to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) call: CallId,
    pub(crate) ticket: u64,
    /// When its park was sent.
    pub(crate) sent_at: Instant,
    /// How long the holder may still hold the lock. `None`: not known.
    pub(crate) left: Option<Duration>,
}

/// The waiters of one connection, and the unanswered claims.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    slab: slab::Slab<KeyQueue>,
    by_key: BTreeMap<LockKey, u32>,
    serial: u64,
    /// When a call last had to wait for a key.
    busy: BTreeMap<LockKey, Instant>,
    /// With this many keys, the client looks for those that are not busy any more.
    sweep_at: usize,
    /// Unanswered claims by number, also those of earlier connections.
    claims: HashMap<u64, CallId>,
    /// The number of unanswered leaves.
    leaves: usize,
}

impl Waiters {
    fn find(&self, key: &LockKey) -> Option<&KeyQueue> {
        self.by_key.get(key).and_then(|at| self.slab.get(*at as usize))
    }

    fn find_mut(&mut self, key: &LockKey) -> Option<&mut KeyQueue> {
        self.by_key.get(key).and_then(|at| self.slab.get_mut(*at as usize))
    }

    /// The key's queue, which is made if there is none, with its place and serial number.
    fn enter(&mut self, key: &LockKey) -> Option<(u32, &mut KeyQueue)> {
        let at = match self.by_key.get(key) {
            Some(at) => *at,
            None => {
                self.serial += 1;
                let queue = KeyQueue::new(key.clone(), self.serial);
                let at = u32::try_from(self.slab.insert(queue)).unwrap_or(u32::MAX);
                self.by_key.insert(key.clone(), at);
                at
            }
        };
        Some((at, self.slab.get_mut(at as usize)?))
    }

    /// Forgets the key's queue if it is empty and nothing is under way.
    fn tidy(&mut self, key: &LockKey) {
        if self.find(key).is_some_and(KeyQueue::is_idle)
            && let Some(at) = self.by_key.remove(key)
        {
            self.slab.remove(at as usize);
        }
    }

    /// Whether a call of this client waits for the key, waited a moment ago, or has a command about it under way. Then a question for a
    /// free key would only cost a round trip.
    pub(crate) fn is_waited_for(&self, now: Instant, key: &LockKey) -> bool {
        self.find(key).is_some()
            || !self.busy.is_empty() && self.busy.get(key).is_some_and(|at| now < *at + BUSY_FOR)
    }

    /// Whether the queue of a timer is still there.
    pub(crate) fn knows(&self, at: u32, serial: u64) -> bool {
        self.slab.get(at as usize).is_some_and(|queue| queue.serial == serial)
    }

    /// Every key that has a waiter.
    pub(crate) fn waited_for(&self) -> Vec<LockKey> {
        self.slab.iter().filter(|(_, queue)| !queue.is_empty()).map(|(_, queue)| queue.key.clone()).collect()
    }

    /// Whether no call of this client waits for the key.
    pub(crate) fn is_empty_for(&self, key: &LockKey) -> bool {
        self.count(key) == 0
    }

    /// All waiters of a key, the oldest first.
    pub(crate) fn of_key(&self, key: &LockKey) -> Vec<CallId> {
        self.find(key).map(|queue| queue.calls().collect()).unwrap_or_default()
    }

    /// Ticket and call of the key's oldest waiter.
    pub(crate) fn oldest(&self, key: &LockKey) -> Option<(u64, CallId)> {
        self.find(key).and_then(KeyQueue::oldest)
    }

    /// Does the same, if no command is under way that decides on a grant of the key, except this many claims.
    pub(crate) fn oldest_when_quiet(&self, key: &LockKey, claims: usize) -> Option<(u64, CallId)> {
        self.find(key).filter(|queue| queue.is_quiet(claims)).and_then(KeyQueue::oldest)
    }

    /// How many waiters the key has.
    pub(crate) fn count(&self, key: &LockKey) -> usize {
        self.find(key).map_or(0, KeyQueue::len)
    }

    /// The ticket of the key's oldest waiter other than `call`.
    pub(crate) fn ticket_beside(&self, key: &LockKey, call: CallId) -> Option<u64> {
        self.find(key).and_then(|queue| queue.ticket_beside(call))
    }

    pub(crate) fn stands(&self, key: &LockKey, ticket: u64, call: CallId) -> bool {
        self.find(key).is_some_and(|queue| queue.has(ticket, call))
    }

    /// A park was answered, and the call waits for the key. True: it has to ask again, because a leave that was sent before the answer may
    /// have taken its entry out.
    pub(crate) fn parked(&mut self, now: Instant, key: &LockKey, waiter: Waiter, fx: &mut Effects) -> bool {
        self.set_busy(now, key);
        let Some((place, queue)) = self.enter(key).present() else { return false };
        queue.insert(waiter.ticket, waiter.call);
        queue.not_granted_at(waiter.sent_at);
        let pause = (waiter.left.unwrap_or(POLL_PAUSE) + Duration::from_millis(1)).min(POLL_PAUSE);
        if let Some(at) = queue.poll_at(now + pause) {
            fx.arm(at, Timer::Poll(place, queue.serial));
        }
        queue.is_being_left()
    }

    fn set_busy(&mut self, now: Instant, key: &LockKey) {
        if self.busy.len() >= self.sweep_at.max(MANY) {
            self.busy.retain(|_, at| now < *at + BUSY_FOR);
            self.sweep_at = 2 * self.busy.len();
        }
        match self.busy.get_mut(key) {
            Some(at) => *at = now,
            None => drop(self.busy.insert(key.clone(), now)),
        }
    }

    /// A park of a call is about to be sent. `stands`: the call stands in the key's queue, or did before its connection broke.
    pub(crate) fn park_sent(&mut self, key: &LockKey, call: CallId, stands: bool) -> Standing {
        let Some(queue) = self.find_mut(key).filter(|_| stands) else { return Standing::default() };
        let may_take_grant = queue.oldest().map(|(_, oldest)| oldest) == Some(call) && !queue.is_claimed();
        if may_take_grant {
            queue.begin_deciding(call);
        }
        Standing { may_take_grant, next_ticket: queue.ticket_beside(call) }
    }

    /// A park that might have taken over a grant was answered. A grant that was announced before is void. True: there was one, so the
    /// oldest waiter has to ask.
    pub(crate) fn park_answered(&mut self, key: &LockKey, call: CallId) -> bool {
        let Some(queue) = self.find_mut(key).present() else { return false };
        queue.end_deciding(call);
        queue.take_grant().is_some()
    }

    /// This client holds the key. A grant that was announced before was taken over, or is gone.
    pub(crate) fn held(&mut self, key: &LockKey) {
        if let Some(queue) = self.find_mut(key) {
            queue.take_grant();
        }
    }

    /// The call does not wait for the key any more, or it only stood there before its connection broke.
    pub(crate) fn remove(&mut self, key: &LockKey, ticket: u64, call: CallId) {
        if let Some(queue) = self.find_mut(key) {
            queue.remove(ticket, call);
        }
    }

    /// Does the same for a call that goes to another client.
    pub(crate) fn take_out(&mut self, key: &LockKey, ticket: u64, call: CallId) {
        self.remove(key, ticket, call);
        self.tidy(key);
    }

    /// The key was granted to this client. `sent_at`: when the command was sent that led to the grant, if it was a command of this client.
    /// False: no call waits for the key, and no command about it is under way.
    pub(crate) fn granted(
        &mut self,
        key: &LockKey,
        token: u64,
        first_foreign_ticket: Option<u64>,
        sent_at: Option<Instant>,
    ) -> bool {
        let Some(queue) = self.find_mut(key) else { return false };
        queue.grant(token, first_foreign_ticket, sent_at);
        true
    }

    /// Decides the use of a grant of the key, if there is one. `is_idle`: the call has no command under way. `may_begin`: its job may begin
    /// on a mere grant. Forgets a queue of which nothing is left.
    pub(crate) fn dispatch_grant(
        &mut self,
        now: Instant,
        key: &LockKey,
        is_idle: impl Fn(CallId) -> bool,
        may_begin: impl Fn(CallId) -> bool,
    ) -> Dispatch {
        let Some(queue) = self.find_mut(key) else { return Dispatch::Nothing };
        let dispatch = match queue.oldest() {
            _ if queue.is_claimed() || queue.is_deciding() => Dispatch::Nothing,
            Some((_, call)) if is_idle(call) => match queue.take_grant() {
                // A leave under way passes on every grant that it finds.
                Some(grant) if may_begin(call) && !queue.is_being_left() && grant.is_worth(now) => {
                    Dispatch::Begin(call, grant)
                }
                Some(_) => Dispatch::Ask(call),
                None => Dispatch::Nothing,
            },
            // The waiter asks already.
            Some(_) => Dispatch::Nothing,
            None if queue.take_grant().is_some() => Dispatch::PassOn,
            None => Dispatch::Nothing,
        };
        if dispatch == Dispatch::Nothing {
            self.tidy(key);
        }
        dispatch
    }

    /// A key's safety poll is due: a message may have been lost, a holder may be gone, a grant may have lapsed. Returns the call that asks.
    pub(crate) fn poll_due(
        &mut self,
        now: Instant,
        at: u32,
        serial: u64,
        fx: &mut Effects,
    ) -> Option<CallId> {
        let queue = self.slab.get_mut(at as usize).filter(|queue| queue.serial == serial)?;
        let due = queue.poll_due(now, POLL_PAUSE)?;
        fx.arm(due.next, Timer::Poll(at, serial));
        queue.oldest().map(|(_, call)| call).filter(|_| due.is_due)
    }

    /// The client is about to leave Redis' half of the queue (`remove`), or to pass on a grant. Returns whether the leave passes a grant
    /// on. `None`: there is nothing to send. The leave is counted until [`Self::left`].
    pub(crate) fn leaving(&mut self, key: &LockKey, remove: bool) -> Option<bool> {
        let may_pass = self.leaves < MOST_LEAVES;
        let (_, queue) = self.enter(key)?;
        // A job may be running on the grant.
        let passes = !queue.is_claimed();
        let sends = remove || passes && may_pass;
        if !sends {
            self.tidy(key);
            return None;
        }
        queue.begin_leaving();
        self.leaves += 1;
        Some(passes)
    }

    /// A leave was answered, or will not be sent.
    pub(crate) fn left(&mut self, key: &LockKey) {
        debug_assert!(self.leaves > 0, "a leave that was not counted");
        self.leaves -= usize::from(self.leaves > 0);
        if let Some(queue) = self.find_mut(key) {
            queue.end_leaving();
        }
    }

    /// A job begins on a grant of the key, and its claim is sent.
    pub(crate) fn claiming(&mut self, key: &LockKey, claim: CallId) {
        if let Some((_, queue)) = self.enter(key) {
            queue.begin_claiming(claim);
        }
        self.claims.insert(claim.serial, claim);
    }

    /// Takes in a claim of another client. It keeps its number, and no queue here counts it.
    pub(crate) fn adopt_claim(&mut self, claim: CallId) {
        self.claims.insert(claim.serial, claim);
    }

    /// A claim was answered, or its answer is not needed any more.
    pub(crate) fn claim_ended(&mut self, key: &LockKey, claim: CallId) {
        let known = self.claims.remove(&claim.serial);
        debug_assert!(known.is_some(), "a claim ends twice");
        if let Some(queue) = self.find_mut(key) {
            queue.end_claiming(claim);
        }
    }

    /// Does the same for a claim that goes to another client.
    pub(crate) fn claim_taken_out(&mut self, key: &LockKey, claim: CallId) {
        self.claim_ended(key, claim);
        self.tidy(key);
    }

    /// The claim of this number, if it is not answered.
    pub(crate) fn claim(&self, number: u64) -> Option<CallId> {
        self.claims.get(&number).copied()
    }

    /// How many claims of the key that were made on this connection are not answered.
    pub(crate) fn claims_of(&self, key: &LockKey) -> usize {
        self.find(key).map_or(0, KeyQueue::claims)
    }

    /// Whether the claim was made on this connection.
    pub(crate) fn counts_claim(&self, key: &LockKey, claim: CallId) -> bool {
        self.find(key).is_some_and(|queue| queue.counts_claim(claim))
    }

    /// The ticket that a claim names: the oldest waiter's, if the claim was made on this connection.
    pub(crate) fn next_after_claim(&self, key: &LockKey, claim: CallId) -> Option<u64> {
        let queue = self.find(key).filter(|queue| queue.counts_claim(claim))?;
        queue.oldest().map(|(ticket, _)| ticket)
    }

    /// Forgets everything except the claims, because the connection and its client are gone.
    pub(crate) fn dissolve(&mut self) {
        self.slab.clear();
        self.by_key.clear();
    }

    /// The queues with their counters, for [`crate::Client::check`].
    pub(crate) fn queues(&self) -> impl Iterator<Item = &KeyQueue> {
        self.slab.iter().map(|(_, queue)| queue)
    }

    /// The counted leaves and claims, for the same.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.leaves, self.claims.len())
    }
}

impl Grant {
    /// Whether enough of the grant is left for a job to begin.
    fn is_worth(&self, now: Instant) -> bool {
        now + LEAST_GRANT < self.until.back(margin(CLAIM_PERIOD))
    }
}

#[cfg(test)]
mod tests;
