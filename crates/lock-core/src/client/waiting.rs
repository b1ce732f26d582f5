//! The next step of a waiting call: it asks, begins on a grant, pauses, or leaves the queue.

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
    /// Gives a grant of the key, if there is one, to the right waiter.
    pub(super) fn dispatch_grant(&mut self, now: Instant, key: &LockKey) {
        let Self { calls, waiters, config, .. } = self;
        let is_idle = |id| calls.state(id) == Some(State::Parked);
        // A job of one key may begin on the grant, unless replicas must have the lock first.
        let may_begin = |id| config.safety.is_none() && calls.acquire(id).is_some_and(Acquire::is_simple);
        match waiters.dispatch_grant(now, key, is_idle, may_begin) {
            Dispatch::Nothing => {}
            Dispatch::Begin(id, grant) => self.begin_on_grant(now, id, grant),
            Dispatch::Ask(id) => self.submit(now, id),
            Dispatch::PassOn => self.leave(now, key, false),
        }
    }

    /// The key was granted to this client. `sent_at`: when the command was sent that led to the grant, if it was a command of this client.
    pub(super) fn granted(
        &mut self,
        now: Instant,
        key: &LockKey,
        token: u64,
        first_foreign_ticket: Option<u64>,
        sent_at: Option<Instant>,
    ) {
        // A process that ends begins no job.
        if !self.exiting && self.waiters.granted(key, token, first_foreign_ticket, sent_at) {
            self.dispatch_grant(now, key);
        } else {
            self.leave(now, key, false);
        }
    }

    /// The job of a waiter begins on the grant. The client sends its claim.
    fn begin_on_grant(&mut self, now: Instant, id: CallId, grant: Grant) {
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        // The claim tells Redis of the next waiter.
        acquire.left_alone = false;
        let (Some(lease), Some(key)) = (acquire.lease, acquire.keys.first().cloned()) else { return };
        // From the claim on, the lease counts if it is shorter than the grant.
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
        // The claim is written before the caller hears of the lock, because the job may block the thread.
        self.submit(now, claim);
        self.handed_on(now, &hold.keys);
        self.finish(id, Outcome::Held(hold));
    }

    /// A waiter has the lock by a command that was sent at `sent_at`, or by a grant. Other waiters may follow it.
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

    /// Asks who owns a lock, for callers whose jobs have ended.
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

    /// The job of a hold has ended. If its cohort has a next waiter, that waiter's job begins at once. True: it did.
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

    /// This client was handed the key. Now and then it asks the server whether there are callers of the official package.
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

    /// Takes a call out of the client's own half of the queue. The call got its keys, or holds none of them. For any other call there is
    /// `stop_waiting`.
    pub(super) fn dequeue(&mut self, now: Instant, id: CallId) {
        let Some(acquire) = self.calls.acquire_mut(id) else { return };
        let (keys, left_alone) = (Arc::clone(&acquire.keys), acquire.left_alone);
        let Some(place) = acquire.place.take() else { return };
        if let Some(key) = keys.get(place.at) {
            self.dequeue_at(now, id, key, place.ticket, left_alone);
        }
    }

    /// Does the same as `dequeue`, for a call that may hold the keys before the one for which it waited.
    pub(super) fn stop_waiting(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if let Kind::Acquire(acquire) = &call.kind {
            call.in_doubt |= acquire.place.is_some_and(|place| place.at > 0);
        }
        self.dequeue(now, id);
    }

    /// `left_alone`: the command that ended the wait knew of no other waiter, so it took the client out of the queue. A waiter whose park
    /// was answered since then asks by itself.
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

    /// The server answered a command that may have taken over a grant to this client, or passed it on. A grant that was announced meanwhile
    /// is void. In that case returns its key: the oldest waiter has to ask.
    pub(super) fn decided(&mut self, id: CallId) -> Option<LockKey> {
        let acquire = self.calls.acquire_mut(id)?;
        let at = acquire.may_take_grant.take()?;
        let keys = Arc::clone(&acquire.keys);
        let key = keys.get(at)?;
        self.waiters.park_answered(key, id).then(|| key.clone())
    }

    /// Leaves Redis' half of the queue (`remove`), and passes on a grant that no waiter here can use.
    pub(super) fn leave(&mut self, now: Instant, key: &LockKey, remove: bool) {
        if let Some(pass) = self.waiters.leaving(key, remove) {
            self.add(now, None, Kind::Leave(Leave { key: key.clone(), remove, pass }), None);
        }
    }

    /// Withdraws a parked waiter that nobody waits for, and gives back the keys that it holds.
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

    /// Makes the call ask again after a pause: there is no queue, or the holder does not hand over.
    pub(super) fn pause(&mut self, now: Instant, id: CallId) {
        let jitter = self.ids.jitter();
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        let pause = acquire.backoff.pause(&self.config.backoff, jitter);
        self.calls.set_state(id, State::Pausing);
        self.fx.arm(now + pause, Timer::Retry(id));
    }

    /// The lock was given back here, so the first call in its line asks.
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

    /// The timer of a line is due.
    pub(super) fn line_due(&mut self, now: Instant, line: (u32, u64)) {
        let Self { calls, lines, fx, .. } = self;
        let asks = |id| Self::asks_in(calls, id);
        let waits = |id| calls.state(id) == Some(State::Pausing);
        if let Some(next) = lines.due(now, line, asks, waits, fx) {
            self.submit(now, next);
        }
    }

    /// The time limit of a call has ended.
    pub(super) fn limit_reached(&mut self, now: Instant, id: CallId) {
        // If a node of a cluster redirected the call, that node was reachable.
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

    /// The caller does not wait any longer. The client gives back what the call has taken or may still take.
    pub(super) fn abandon(&mut self, now: Instant, id: CallId, error: Error) {
        self.tell(id, Outcome::Failed(error));
        let Some(call) = self.calls.get(id).present() else { return };
        match (call.state(), call.in_doubt) {
            // The reply decides. The client rolls back a late grant.
            (State::InFlight | State::Hinted | State::Judged | State::Unacknowledged, _) => {}
            (State::Parked, _) => self.withdraw(now, id),
            (State::Backlog, true) => self.roll_back(now, id, true),
            (State::Pausing, _) => self.drop_unwanted(now, id),
            (State::Backlog, false) => self.calls.forget(id),
        }
    }

    /// Removes a call that nobody wants and that has no command under way. A node that did not take its command may have left it in a
    /// queue.
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

    /// Whether the call waits in a queue of this connection.
    fn stands(&self, id: CallId) -> bool {
        let place = self.calls.acquire(id).and_then(|acquire| acquire.place.zip(acquire.place_key()));
        place.is_some_and(|(place, key)| self.waiters.stands(key, place.ticket, id))
    }

    /// Forgets a claim whose answer is not needed any more.
    pub(super) fn forget_claim(&mut self, id: CallId) {
        let Some(claim) = self.calls.claim(id).present() else { return };
        self.waiters.claim_ended(&claim.key, id);
        self.calls.forget(id);
    }

    /// Whether the claim is under way here.
    pub(crate) fn knows_claim(&self, claim: u64) -> bool {
        self.waiters.claim(claim).is_some()
    }

    /// Returns the grant of a claim that is not answered yet, for the release of its hold. The client does not send the claim again.
    pub(crate) fn supersede(&mut self, claim: u64) -> Option<Arc<[u8]>> {
        let id = self.waiters.claim(claim)?;
        let of_call = self.calls.claim_mut(id)?;
        of_call.superseded = true;
        let grant = Arc::clone(&of_call.grant);
        // The claim pauses after an error.
        if self.calls.state(id) == Some(State::Pausing) {
            self.forget_claim(id);
        }
        Some(grant)
    }
}
