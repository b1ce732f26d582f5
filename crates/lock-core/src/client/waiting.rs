//! What follows for a call from where it stands among the waiters: it asks, begins on a grant, pauses, or goes.

use super::state::{Client, list};
use crate::call_id::CallId;
use crate::calls::{Acquire, By, Call, Claim, Kind, Leave, Release, State};
use crate::cohort::{First, Followers, MOST_FOLLOWERS, Verification};
use crate::commands::claim::grant_text;
use crate::connection::Expected;
use crate::error::{Code, Error};
use crate::key::LockKey;
use crate::official_callers::Question;
use crate::present::Present;
use crate::requests::{Claiming, Hold, Outcome, ReleaseRequest, WaitPolicy};
use crate::time::Instant;
use crate::timers::Timer;
use crate::waiters::{Dispatch, Grant, LEAST_GRANT};
use std::sync::Arc;

impl Client {
    /// Gives a grant of the key, if there is one, to whom it belongs.
    pub(super) fn dispatch_grant(&mut self, now: Instant, key: &LockKey) {
        let Self { calls, waiters, config, .. } = self;
        let is_idle = |id| calls.state(id) == Some(State::Parked);
        // The job of a single key may begin on it, unless replicas have to have the lock first.
        let may_begin = |id| config.safety.is_none() && calls.acquire(id).is_some_and(Acquire::is_simple);
        match waiters.dispatch_grant(now, key, is_idle, may_begin) {
            Dispatch::Nothing => {}
            Dispatch::Begin(id, grant) => self.begin_on_grant(now, id, grant),
            Dispatch::Ask(id) => self.submit(now, id),
            Dispatch::PassOn => self.leave(now, key, false),
        }
    }

    /// The key was granted to this client; `sent_at` is of the command that did it, if it was ours.
    pub(super) fn granted(
        &mut self,
        now: Instant,
        key: &LockKey,
        token: u64,
        first_foreign_ticket: Option<u64>,
        sent_at: Option<Instant>,
    ) {
        // Of a process that ends no job begins.
        if !self.exiting && self.waiters.granted(key, token, first_foreign_ticket, sent_at) {
            self.dispatch_grant(now, key);
        } else {
            self.leave(now, key, false);
        }
    }

    /// The job of a waiter begins on the grant; its claim follows.
    fn begin_on_grant(&mut self, now: Instant, id: CallId, grant: Grant) {
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        // The claim tells Redis of the next.
        acquire.left_alone = false;
        let (Some(lease), Some(key)) = (acquire.lease, acquire.keys.first().cloned()) else { return };
        // From the claim on, a lease that is shorter than the grant counts.
        let until = grant.until.min(now + lease);
        let client = *self.connection.client_id();
        let text: Arc<[u8]> = grant_text(&client, grant.token).into();
        let owner = acquire.owner.clone();
        let claim = Claim {
            key: key.clone(),
            grant: Arc::clone(&text),
            owner,
            lease,
            client,
            sent_at: now,
            until,
            superseded: false,
        };
        let claim = self.calls.insert(None, Kind::Claim(claim), None);
        self.waiters.claiming(&key, claim);
        let claiming = Claiming { claim: claim.serial, until, grant: text };
        let Some(acquire) = self.calls.acquire(id).present() else { return };
        let hold = acquire.hold(Box::new([grant.token]), now, Some(claiming.clone()));
        if let Some(first_foreign_ticket) = grant.first_foreign_ticket {
            let followers = Followers { token: grant.token + 1, count: MOST_FOLLOWERS, first_foreign_ticket };
            self.begin_cohort(now, id, now, followers, Some(claiming));
        }
        self.dequeue(now, id);
        // Written before the caller hears of it: the job may block the thread.
        self.submit(now, claim);
        self.handed_on(now, &hold.keys);
        self.finish(id, Outcome::Held(hold));
    }

    /// A waiter is given the lock by a command that was sent at `sent_at`, or by a grant; others may follow it.
    pub(super) fn begin_cohort(
        &mut self,
        now: Instant,
        id: CallId,
        sent_at: Instant,
        followers: Followers,
        claiming: Option<Claiming>,
    ) {
        if !self.calls.get(id).is_some_and(Call::is_wanted) {
            return;
        }
        let Some(acquire) = self.calls.acquire(id).present() else { return };
        let (Some(lease), Some(key)) = (acquire.lease, acquire.keys.first()) else { return };
        let first = First {
            key: key.clone(),
            owner: acquire.owner.clone(),
            attempt: acquire.attempt,
            lease,
            sent_at,
            claiming,
            least_grant: LEAST_GRANT,
        };
        let verification = self.cohorts.begin(now, first, followers);
        self.verify(now, verification);
    }

    /// Asks whose a lock is, for callers whose jobs have ended.
    pub(super) fn verify(&mut self, now: Instant, verification: Option<Verification>) {
        let Some(asked) = verification else { return };
        let (keys, by) = (Arc::new([asked.key]), By::VerifyOwner);
        let mut release = Release::automatic(now, keys, asked.owner, by, asked.attempt, asked.until);
        release.of_job = true;
        release.good_until = asked.good_until;
        release.grant = asked.grant;
        let release = Kind::Release(release.with_others(asked.others));
        self.add(now, Some(asked.caller), release, asked.limit);
    }

    /// The job of a hold has ended: the next of its cohort begins at once, if there is one. True when it did.
    pub(super) fn follow(&mut self, now: Instant, request: &ReleaseRequest) -> bool {
        let Some(claim) = self.cohorts.may_follow(now, request) else { return false };
        if claim.is_some_and(|claim| self.waiters.claim(claim).is_none()) || !self.connection.hands_off() {
            return false;
        }
        let Some(key) = request.keys.first().present() else { return false };
        let oldest = self.waiters.oldest_when_quiet(key, usize::from(claim.is_some()));
        let Some((ticket, id)) = oldest else { return false };
        let ready = self.calls.get(id).is_some_and(|call| call.state() == State::Parked && call.is_wanted());
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return false };
        if !ready || !acquire.is_simple() || !self.cohorts.takes(key, ticket, acquire.lease) {
            return false;
        }
        // Redis still has the client's entry in the queue.
        acquire.left_alone = false;
        let (keep, label) = (acquire.keep, acquire.label.clone());
        let Some(hold) = self.cohorts.follow(now, request, ticket, keep, &mut self.fx) else { return false };
        self.dequeue(now, id);
        self.finish(id, Outcome::Held(Hold { label, ..hold }));
        true
    }

    /// The key was handed on to this client. Now and then the server is asked for callers of the official package.
    pub(super) fn handed_on(&mut self, now: Instant, keys: &[LockKey]) {
        let [key] = keys else { return };
        if !self.connection.hands_off() {
            return;
        }
        let Some(question) = self.officials.handed_on(now, key) else { return };
        let expected = match question {
            Question::Use => Expected::OfficialUse,
            Question::Connections => Expected::Connections,
        };
        self.connection.send(now, &self.config, expected, false, &mut self.fx, |_, out| question.encode(out));
    }

    /// Takes a call out of the near half of the queue where it stands. It got its keys, or has none of them: of any other see
    /// `stop_waiting`.
    pub(super) fn dequeue(&mut self, now: Instant, id: CallId) {
        let Some(acquire) = self.calls.acquire_mut(id) else { return };
        let (keys, left_alone) = (Arc::clone(&acquire.keys), acquire.left_alone);
        let Some(place) = acquire.place.take() else { return };
        if let Some(key) = keys.get(place.at) {
            self.dequeue_at(now, id, key, place.ticket, left_alone);
        }
    }

    /// As `dequeue`, of a call that may hold the keys before the one that it waited for.
    pub(super) fn stop_waiting(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if let Kind::Acquire(acquire) = &call.kind {
            call.in_doubt |= acquire.place.is_some_and(|place| place.at > 0);
        }
        self.dequeue(now, id);
    }

    /// `left_alone`: the command that ended the waiting knew of no other waiter, so it took the client out of
    /// the queue; one whose park was answered since asks for itself.
    pub(super) fn dequeue_at(
        &mut self,
        now: Instant,
        id: CallId,
        key: &LockKey,
        ticket: u64,
        left_alone: bool,
    ) {
        self.waiters.remove(key, ticket, id);
        if left_alone {
            self.ask_oldest(now, key);
        }
        self.dispatch_grant(now, key);
    }

    pub(super) fn ask_oldest(&mut self, now: Instant, key: &LockKey) {
        if let Some((_, oldest)) = self.waiters.oldest(key) {
            self.ask(now, oldest);
        }
    }

    /// A command was answered that may have taken over a grant to this client, or passed it on. If a grant was announced meanwhile, it is void.
    /// Returns its key then: the oldest waiter has to ask.
    pub(super) fn decided(&mut self, id: CallId) -> Option<LockKey> {
        let acquire = self.calls.acquire_mut(id)?;
        let at = acquire.may_take_grant.take()?;
        let keys = Arc::clone(&acquire.keys);
        let key = keys.get(at)?;
        self.waiters.park_answered(key, id).then(|| key.clone())
    }

    /// Leaves the far half of the queue (`remove`) and passes on a grant that nobody here has use for.
    pub(super) fn leave(&mut self, now: Instant, key: &LockKey, remove: bool) {
        if let Some(pass) = self.waiters.leaving(key, remove) {
            self.add(now, None, Kind::Leave(Leave { key: key.clone(), remove, pass }), None);
        }
    }

    /// A parked waiter whom nobody waits for goes, and what it holds goes back.
    pub(super) fn withdraw(&mut self, now: Instant, id: CallId) {
        let Some(acquire) = self.calls.acquire(id).present() else { return };
        let key = acquire.place_key().cloned();
        self.stop_waiting(now, id);
        if self.calls.get(id).is_some_and(|call| call.in_doubt) {
            self.roll_back(now, id, true);
        } else {
            self.calls.forget(id);
        }
        if let Some(key) = key.filter(|key| self.waiters.is_empty_for(key)) {
            self.leave(now, &key, true);
        }
    }

    /// The call asks again after a pause: no queue is to be had, or somebody does not hand over.
    pub(super) fn pause(&mut self, now: Instant, id: CallId) {
        let jitter = self.ids.jitter();
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        let pause = acquire.backoff.pause(&self.config.backoff, jitter);
        self.calls.set_state(id, State::Pausing);
        self.fx.arm(now + pause, Timer::Retry(id));
    }

    /// The lock was given back here: the next in line asks.
    pub(super) fn next_in_line(&mut self, now: Instant, keys: &[LockKey]) {
        if self.lines.is_empty() {
            return;
        }
        for key in keys {
            let Self { calls, lines, fx, .. } = self;
            let asks = |id| Self::asks_in(calls, id);
            let waits = |id| calls.state(id) == Some(State::Pausing);
            if let Some(next) = lines.next(now, key, asks, waits, fx) {
                self.submit(now, next);
            }
        }
    }

    /// A line's timer is due.
    pub(super) fn line_due(&mut self, now: Instant, line: (u32, u64)) {
        let Self { calls, lines, fx, .. } = self;
        let asks = |id| Self::asks_in(calls, id);
        let waits = |id| calls.state(id) == Some(State::Pausing);
        if let Some(next) = lines.due(now, line, asks, waits, fx) {
            self.submit(now, next);
        }
    }

    /// The time limit of a call is over.
    pub(super) fn limit_reached(&mut self, now: Instant, id: CallId) {
        // A node of a cluster that sent the call elsewhere was there.
        let untold = self.calls.get(id).is_some_and(|call| !call.in_doubt && call.redirections == 0);
        let due = self.calls.get(id).and_then(|call| call.limit).unwrap_or(now);
        match self.calls.get(id).map(|call| &call.kind) {
            Some(Kind::Acquire(acquire)) => {
                let error = if matches!(acquire.wait, WaitPolicy::TryFor(_)) {
                    self.not_acquired(id)
                } else if untold && self.was_away_since(acquire.asked_at) {
                    let keys = self.keys_of(id);
                    let text = format!(
                        "There was no usable connection to Redis for as long as the call could wait for {}.",
                        list(&keys)
                    );
                    Error::new(Code::Unreachable, text).with_keys(keys)
                } else {
                    Error::new(Code::Timeout, "Timed-out acquiring lock.").with_keys(self.keys_of(id))
                };
                let error = error.with_cause(self.hindrance(now, id, due));
                self.abandon(now, id, error);
            }
            Some(Kind::Release(_)) => {
                let why = self.trouble().unwrap_or_else(|| "Redis has not answered yet".to_owned());
                self.tell(id, Outcome::ReleasePending(why));
            }
            _ => {}
        }
    }

    /// The caller waits no longer. What may have been taken, or may yet be, is given back.
    pub(super) fn abandon(&mut self, now: Instant, id: CallId, error: Error) {
        self.tell(id, Outcome::Failed(error));
        let Some(call) = self.calls.get(id).present() else { return };
        match (call.state(), call.in_doubt) {
            // The reply decides: a late grant is rolled back.
            (State::InFlight | State::Hinted | State::Judged | State::Unacknowledged, _) => {}
            (State::Parked, _) => self.withdraw(now, id),
            (State::Backlog, true) => self.roll_back(now, id, true),
            (State::Pausing, _) => self.drop_unwanted(now, id),
            (State::Backlog, false) => self.calls.forget(id),
        }
    }

    /// A call goes that nobody wants and that has no command under way. A node that did not take its command may have left it in a queue.
    pub(super) fn drop_unwanted(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        match call.kind {
            Kind::Acquire(_) if self.stands(id) => self.withdraw(now, id),
            Kind::Acquire(ref acquire) if call.in_doubt || acquire.place.is_some() => {
                self.roll_back(now, id, true);
            }
            _ => self.calls.forget(id),
        }
    }

    /// Whether the call is one of the waiters of this connection.
    fn stands(&self, id: CallId) -> bool {
        let place = self.calls.acquire(id).and_then(|acquire| acquire.place.zip(acquire.place_key()));
        place.is_some_and(|(place, key)| self.waiters.stands(key, place.ticket, id))
    }

    /// Forgets a claim that needs no answer any more.
    pub(super) fn forget_claim(&mut self, id: CallId) {
        let Some(claim) = self.calls.claim(id).present() else { return };
        self.waiters.claim_ended(&claim.key, id);
        self.calls.forget(id);
    }

    /// Whether the claim is under way here.
    pub(crate) fn knows_claim(&self, claim: u64) -> bool {
        self.waiters.claim(claim).is_some()
    }

    /// The grant of a claim that is not answered yet, for the release of its hold; the claim is not sent again.
    pub(crate) fn supersede(&mut self, claim: u64) -> Option<Arc<[u8]>> {
        let id = self.waiters.claim(claim)?;
        let of_call = self.calls.claim_mut(id)?;
        of_call.superseded = true;
        let grant = Arc::clone(&of_call.grant);
        // It pauses after an error.
        if self.calls.state(id) == Some(State::Pausing) {
            self.forget_claim(id);
        }
        Some(grant)
    }
}
