//! Interprets the answers to commands that take locks, for the call that asked and for the calls that wait behind it.

use super::state::{Client, list};
use crate::call_id::CallId;
use crate::calls::{Call, Kind, Place, Renew, State};
use crate::commands::renew::Renewing;
use crate::commands::{Acquired, Answer, Refusal};
use crate::config::Safety;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::present::Present;
use crate::requests::{Hold, Outcome};
use crate::time::Instant;
use crate::timers::Timer;
use crate::waiters::Waiter;
use std::sync::Arc;
use std::time::Duration;

/// Longest pause after which a waiter that holds keys asks again in order to keep them.
const KEEP_PAUSE: Duration = Duration::from_secs(1);

impl Client {
    pub(super) fn acquire_refused(&mut self, now: Instant, id: CallId, text: String) {
        let keys = self.keys_of(id);
        let error = Error::new(Code::Refused, format!("Redis refused to lock {}: {text}", list(&keys)))
            .with_keys(keys)
            .with_cause(Some(text));
        self.stop_waiting(now, id);
        if self.calls.get(id).is_some_and(|call| call.in_doubt) {
            self.tell(id, Outcome::Failed(error));
            self.roll_back(now, id, true);
        } else {
            self.finish(id, Outcome::Failed(error));
        }
    }

    pub(super) fn acquired(&mut self, now: Instant, id: CallId, acquired: Acquired) {
        let undecided = self.decided(id);
        self.take_acquired(now, id, acquired);
        if let Some(key) = undecided {
            self.ask_oldest(now, &key);
        }
    }

    fn take_acquired(&mut self, now: Instant, id: CallId, acquired: Acquired) {
        let Some(call) = self.calls.get_mut(id).present() else { return };
        let is_wanted = call.is_wanted();
        let in_doubt = std::mem::replace(&mut call.in_doubt, false);
        let Kind::Acquire(acquire) = &mut call.kind else {
            return debug_assert!(false, "the answer to an acquire for another call");
        };
        match acquired {
            Acquired::Held { tokens, joined } => {
                let sent_at = acquire.sent_at;
                acquire.joined = joined;
                if !tokens.is_empty() {
                    self.connection.set_synced(&acquire.keys);
                }
                self.held(now, id, tokens, sent_at);
            }
            Acquired::Contended => {
                acquire.contended = true;
                // It is still open whether an earlier command of this call took the lock. The lock that stands there may be its own.
                call.in_doubt = in_doubt;
                match (is_wanted, in_doubt) {
                    (true, _) => self.submit(now, id),
                    (false, true) => self.roll_back(now, id, true),
                    (false, false) => self.calls.forget(id),
                }
            }
            Acquired::Refused { at } => {
                acquire.refused = at;
                // A refused park has given back the keys that the call held. A polling call may still hold other keys, from the time when
                // it was parked.
                call.in_doubt = in_doubt && acquire.keys.len() > 1 && !self.connection.hands_off();
                if acquire.waits() {
                    self.polls(now, id);
                } else {
                    let error = self.not_acquired(id);
                    self.finish(id, Outcome::Failed(error));
                }
            }
            Acquired::Parked { at, ticket, left } => self.parked(now, id, Place { at, ticket }, left),
        }
    }

    /// The call has its keys, by a command that was sent at `sent_at`.
    pub(super) fn held(&mut self, now: Instant, id: CallId, tokens: Box<[u64]>, sent_at: Instant) {
        let Some(call) = self.calls.get_mut(id).present() else { return };
        let is_wanted = call.is_wanted();
        let Kind::Acquire(acquire) = &mut call.kind else {
            return debug_assert!(false, "keys held by something that is no acquire");
        };
        acquire.sent_at = sent_at;
        let late = acquire.is_late(now);
        let hold = acquire.hold(tokens, sent_at, None);
        self.lines.held(&hold.keys, id);
        hold.keys.iter().for_each(|key| self.waiters.held(key));
        self.dequeue(now, id);
        match (is_wanted, late) {
            (false, _) => self.roll_back(now, id, false),
            // The answer took longer than the lease, so another caller may hold the keys by now.
            (true, true) => {
                if let Some(call) = self.calls.get_mut(id) {
                    call.in_doubt = true;
                }
                self.submit(now, id);
            }
            (true, false) => {
                if hold.waited || self.officials.takes_again(now, &hold.keys) {
                    self.handed_on(now, &hold.keys);
                }
                self.tell_when_safe(now, id, hold);
            }
        }
    }

    /// Tells the caller of the hold: at once or, with [`Safety`], as soon as replicas have the lock.
    fn tell_when_safe(&mut self, now: Instant, id: CallId, hold: Hold) {
        if self.config.safety.is_none() {
            return self.tell_held(now, id, hold);
        }
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        acquire.unacknowledged = Some(Box::new(hold));
        self.calls.set_state(id, State::Unacknowledged);
        self.outbox.await_replicas(id);
        self.limit_command(now, id);
    }

    fn tell_held(&mut self, now: Instant, id: CallId, hold: Hold) {
        let joined = self.calls.acquire(id).filter(|acquire| acquire.joined && !acquire.fragment);
        if let Some(attempt) = joined.map(|acquire| acquire.attempt) {
            self.confirm_join(now, Arc::clone(&hold.keys), hold.owner.clone(), hold.tokens.clone(), attempt);
        }
        self.finish(id, Outcome::Held(hold));
    }

    /// An attempt joined what its owner held before, and its caller is about to hear that it holds. It will not be rolled back any more.
    pub(crate) fn confirm_join(
        &mut self,
        now: Instant,
        keys: Arc<[LockKey]>,
        owner: Owner,
        tokens: Box<[u64]>,
        attempt: AttemptId,
    ) {
        // Without records nothing tells attempts apart. Without a connection the confirmation could wait for ever, and it would change
        // little.
        if self.connection.is_ready() && !self.connection.is_plain() {
            let what = Renewing::ConfirmJoin(attempt);
            self.add(now, None, Kind::Renew(Renew { keys, owner, tokens: Some(tokens), what }), None);
        }
    }

    /// The answer to a WAIT: how many replicas have everything that was taken until now.
    pub(super) fn replicas_answered(&mut self, now: Instant, answer: Answer<u64>) {
        let Some(safety) = self.config.safety else { return };
        let enough = answer.as_ref().is_ok_and(|count| *count >= u64::from(safety.replicas));
        let answer = answer.map_err(Refusal::into_text);
        for id in self.outbox.end_wait() {
            let Some(call) = self.calls.get_mut(id).present() else { continue };
            call.command_limit = None;
            let is_wanted = call.is_wanted();
            let Kind::Acquire(acquire) = &mut call.kind else { continue };
            let late = acquire.is_late(now);
            match (acquire.unacknowledged.take(), is_wanted && enough) {
                (Some(hold), true) if !late => self.tell_held(now, id, *hold),
                // Another caller, or nobody, may hold the keys by now.
                (_, true) => {
                    call.in_doubt = true;
                    self.submit(now, id);
                }
                _ => {
                    let error = self.not_replicated(id, safety, &answer);
                    self.tell(id, Outcome::Failed(error));
                    self.roll_back(now, id, false);
                }
            }
        }
    }

    fn not_replicated(&self, id: CallId, safety: Safety, answer: &Result<u64, String>) -> Error {
        let keys = self.keys_of(id);
        let locks = list(&keys);
        let (wanted, ms) = (safety.replicas, safety.timeout.as_millis());
        let error = match answer {
            Ok(count) => Error::new(
                Code::NotReplicated,
                format!(
                    "The lock on {locks} was given back: {count} of {wanted} replicas acknowledged it within {ms} ms, as the option safety asks for. Look at the replicas (INFO replication), and try again."
                ),
            ),
            Err(text) => {
                let message = format!(
                    "The lock on {locks} was given back: whether replicas have it, as the option safety asks for, could not be found out, since Redis refused WAIT: {text}"
                );
                Error::new(Code::Refused, message).with_cause(Some(text.clone()))
            }
        };
        error.with_keys(keys)
    }

    /// The call stands in a key's queue.
    fn parked(&mut self, now: Instant, id: CallId, place: Place, left: Option<Duration>) {
        self.calls.set_state(id, State::Parked);
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        acquire.refused = u32::try_from(place.at).into_iter().collect();
        let (keys, sent_at, left_alone) = (Arc::clone(&acquire.keys), acquire.sent_at, acquire.left_alone);
        let before = acquire.place.replace(place);
        let Some(key) = keys.get(place.at).present() else { return };
        if let Some(before) = before.filter(|before| before.at != place.at)
            && let Some(old) = keys.get(before.at)
        {
            self.dequeue_at(now, id, old, before.ticket, left_alone);
        }
        let waiter = Waiter { call: id, ticket: place.ticket, sent_at, left };
        let ask_again = self.waiters.parked(now, key, waiter, &mut self.fx);
        if !self.calls.get(id).is_some_and(Call::is_wanted) {
            return self.withdraw(now, id);
        }
        // If the slot arrived between the two commands, the node refused the channel but not the park.
        self.connection.listen_to(now, &self.config, key.slot(), &mut self.fx);
        if let Some(acquire) =
            self.calls.acquire_mut(id).filter(|acquire| place.at > 0 && !acquire.poll_armed)
        {
            acquire.poll_armed = true;
            let pause = acquire.lease.map_or(KEEP_PAUSE, |lease| (lease / 3).min(KEEP_PAUSE));
            self.fx.arm(now + pause, Timer::Retry(id));
        }
        self.begin_limit(now, id);
        if ask_again {
            self.submit(now, id);
        }
        self.dispatch_grant(now, key);
    }

    /// The server said that there is no queue. This waiter, and all waiters of this client for that key, ask again after pauses.
    fn polls(&mut self, now: Instant, id: CallId) {
        self.dequeue(now, id);
        let Some(call) = self.calls.get(id).present() else { return };
        let is_wanted = call.is_wanted();
        let Kind::Acquire(acquire) = &call.kind else {
            return debug_assert!(false, "a wait of something that is no acquire");
        };
        let (keys, refused) = (Arc::clone(&acquire.keys), acquire.refused.first().copied());
        let key = refused.and_then(|at| keys.get(at as usize));
        if is_wanted {
            self.begin_limit(now, id);
            match key {
                Some(key) => self.line_up(now, id, key),
                None => self.pause(now, id),
            }
        } else {
            keys.iter().for_each(|key| self.lines.left(now, key, id, &mut self.fx));
            self.drop_unwanted(now, id);
        }
        let Some(key) = key else { return };
        self.lines.is_polled_now(now, key);
        let others = self.waiters.of_key(key);
        for other in &others {
            self.stop_waiting(now, *other);
            if self.calls.state(*other) == Some(State::Parked) {
                self.line_up(now, *other, key);
            }
        }
        if !others.is_empty() {
            self.leave(now, key, true);
        }
    }
}
