//! What answers mean: to the call that asked, and to those who wait behind it.

use super::state::{Client, Redirect, Redirected, is_readonly, list};
use crate::calls::{By, Call, CallId, Hint, Kind, Place, Renew, State};
use crate::cohort::Followers;
use crate::commands::push::Push;
use crate::commands::renew::Renewing;
use crate::commands::revoke::Revoked;
use crate::commands::{Acquired, Answer, Refusal, Returned};
use crate::commands::{claim, give_back, hand_over, park, release, revoke, take, wait};
use crate::config::Safety;
use crate::connection::Expected;
use crate::error::{Code, Error};
use crate::key::LockKey;
use crate::official_callers::{Question, encode_mark, encode_time_marked};
use crate::requests::{Event, Hold, LogLevel, Outcome};
use crate::resp::{Said, Value};
use crate::time::Instant;
use crate::timers::Timer;
use crate::waiters::Waiter;
use std::sync::Arc;
use std::time::Duration;

/// Pause before a release that Redis answered with an error is tried again.
const RELEASE_RETRY: Duration = Duration::from_millis(500);
/// The same of a claim.
const CLAIM_RETRY: Duration = Duration::from_millis(100);
/// Longest pause before a waiter that holds keys already asks again, to keep them.
const KEEP_PAUSE: Duration = Duration::from_secs(1);

const ONE_ADDRESS: &str = "Redis keeps the rules of a cluster behind one address: from now on keys of several slots are locked one slot after the other. Where its nodes can be reached, name them by the option \"cluster\" of provider \"locking-redis\".";

impl Client {
    /// A reply arrived.
    pub(super) fn replied(&mut self, now: Instant, expected: Expected, reply: Value) {
        match expected {
            Expected::Call(id) => self.call_replied(now, id, reply),
            Expected::Takes(ids) if self.is_executed(now, &ids, &reply) => {
                for (id, answer) in ids.iter().zip(take::decode(&reply, ids.len())) {
                    self.answer(now, *id, answer, Self::acquired);
                }
            }
            Expected::Gives(ids) if self.is_executed(now, &ids, &reply) => {
                for (id, answer) in ids.iter().zip(give_back::decode(&reply, ids.len())) {
                    self.answer(now, *id, answer, Self::returned);
                }
            }
            Expected::Parks(ids) if self.is_executed(now, &ids, &reply) => {
                for (id, answer) in ids.iter().zip(park::decode_shared(&reply, ids.len())) {
                    self.answer(now, *id, answer, Self::acquired);
                }
            }
            Expected::Takes(_) | Expected::Gives(_) | Expected::Parks(_) => {}
            Expected::OfficialUse => self.officials_answered(now, Question::Use, &reply),
            Expected::Connections => self.officials_answered(now, Question::Connections, &reply),
            Expected::PolledMark => self.officials.time_marked(now, &reply),
            Expected::Wait => self.replicas_answered(now, wait::decode(&reply)),
            // The connection's own.
            Expected::Nobody | Expected::Probe | Expected::SlotChannel(_) => {}
        }
    }

    /// The reply to a call's own command.
    fn call_replied(&mut self, now: Instant, id: CallId, reply: Value) {
        let Some(call) = self.calls.get(id) else {
            return debug_assert!(false, "an answer for a call that is gone");
        };
        if !call.whole && Refusal::of(&reply).is_unknown_script() {
            return self.not_executed(now, id);
        }
        match &call.kind {
            Kind::Acquire(acquire) => {
                let answer = park::decode(&reply, acquire.keys.len());
                self.answer(now, id, answer, Self::acquired);
            }
            Kind::Release(release) => match release.by {
                By::VerifyOwner => {
                    let answer = release::decode_verify_owner(reply);
                    self.answer(now, id, answer, |client, now, id, holder| {
                        client.owner_verified(now, id, holder.as_deref());
                    });
                }
                By::Attempt(_) => self.answer(now, id, release::decode_roll_back(&reply), Self::returned),
                By::Owner => self.answer(now, id, hand_over::decode(&reply), Self::returned),
            },
            Kind::ReleaseAll(_) => self.answer(now, id, revoke::decode(reply), Self::revoked),
            Kind::Claim(_) => self.answer(now, id, claim::decode(&reply), Self::claimed),
            Kind::Leave(_) | Kind::Renew(_) => {
                let answer = if let Value::Error(_) = &reply { Err(Refusal::of(&reply)) } else { Ok(()) };
                self.answer(now, id, answer, |client, now, id, ()| client.forget_upkeep(now, id));
            }
        }
    }

    /// A call's command was executed, or refused.
    fn answer<T>(
        &mut self,
        now: Instant,
        id: CallId,
        answer: Answer<T>,
        take_in: impl FnOnce(&mut Self, Instant, CallId, T),
    ) {
        if let Some(call) = self.calls.get_mut(id) {
            call.command_limit = None;
            // Until now it may have been sent again, with the script's text.
            call.asking = false;
            if !matches!(answer, Err(Refusal::Error(_))) {
                call.redirections = 0;
            }
        }
        match answer {
            Ok(value) => take_in(self, now, id, value),
            Err(Refusal::Error(said)) => self.error_reply(now, id, said),
            Err(Refusal::Odd(text)) => self.refused(now, id, text),
        }
    }

    /// Whether a command that several calls share was executed. If not, what is still wanted of it is sent again.
    fn is_executed(&mut self, now: Instant, ids: &[CallId], reply: &Value) -> bool {
        let Value::Error(said) = reply else { return true };
        if said.starts_with(b"NOSCRIPT") {
            self.outbox.send_texts();
            let is_whole = |id: &CallId| self.calls.get(*id).is_some_and(|call| call.whole);
            let (refused, unknown): (Vec<CallId>, Vec<CallId>) = ids.iter().copied().partition(is_whole);
            for id in refused {
                self.answer(now, id, Err(Refusal::of(reply)), |_, _, _, ()| {});
            }
            self.send_unexecuted(now, &unknown);
            return false;
        }
        if ids.len() > 1 && self.is_cross_slot(said) {
            self.send_unexecuted(now, ids);
            return false;
        }
        true
    }

    /// Sends again what is still wanted of calls whose command was not executed.
    fn send_unexecuted(&mut self, now: Instant, ids: &[CallId]) {
        for id in ids.iter().copied() {
            let Some(call) = self.calls.get(id) else { continue };
            match &call.kind {
                Kind::Acquire(_) if !call.is_wanted() && call.in_doubt => self.roll_back(now, id, true),
                Kind::Acquire(_) if !call.is_wanted() => self.calls.forget(id),
                // By now somebody of this client may wait for the key.
                _ => self.send(now, id, false),
            }
        }
    }

    /// The server does not know the script by its hash yet. It gets the whole text, unless nobody wants the
    /// answer any more.
    fn not_executed(&mut self, now: Instant, id: CallId) {
        let undecided = self.decided(id);
        self.send_again(now, id);
        if let Some(key) = undecided {
            self.ask_oldest(now, &key);
        }
    }

    fn send_again(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get(id) else { return };
        match &call.kind {
            Kind::Acquire(acquire) if !call.is_wanted() => match (call.in_doubt, acquire.place) {
                (true, _) => self.roll_back(now, id, true),
                (false, Some(_)) => self.withdraw(now, id),
                (false, None) => self.calls.forget(id),
            },
            Kind::Claim(claim) if claim.superseded => {
                let key = claim.key.clone();
                self.forget_claim(id);
                self.dispatch_grant(now, &key);
            }
            Kind::Release(_) => {
                self.hint_answered(now, id, None);
                self.send(now, id, true);
            }
            _ => self.send(now, id, true),
        }
    }

    /// Redis answered a command with an error.
    fn error_reply(&mut self, now: Instant, id: CallId, said: Said) {
        if let Some(redirect) = self.config.cluster.as_ref().and_then(|_| Redirect::parse(&said)) {
            return self.redirect(now, id, redirect, &said);
        }
        if self.is_cross_slot(&said) && self.spans_slots(id) {
            return self.redirect(now, id, Redirect::CrossSlot, &said);
        }
        if said.starts_with(b"LOADING") && self.config.greeting.ready_check {
            // Nothing was executed; a new connection waits until the data is there.
            self.calls.enqueue(id);
            return self.connection.leave(said.shown());
        }
        if self.config.perseverance.asks_on_errors && self.calls.get(id).is_some() {
            let message = said.shown().to_owned();
            let question = self.calls.ask_about(id, said);
            return self.fx.tell(Event::AskError { question, message });
        }
        self.accept_error(now, id, &said);
    }

    /// The call takes the error as it is.
    pub(super) fn accept_error(&mut self, now: Instant, id: CallId, said: &Said) {
        if is_readonly(said) {
            // The server was a master once: the name or a Sentinel may lead to another by now.
            self.connection.doubt();
            self.connection.leave(said.shown());
        }
        self.refused(now, id, said.shown().to_owned());
    }

    /// Redis did not do what a call asked for, and said why.
    pub(super) fn refused(&mut self, now: Instant, id: CallId, text: String) {
        match self.calls.get(id).map(|call| &call.kind) {
            Some(Kind::Acquire(_)) => {
                let undecided = self.decided(id);
                self.acquire_refused(now, id, text);
                if let Some(key) = undecided {
                    self.ask_oldest(now, &key);
                }
            }
            Some(Kind::Release(_)) => {
                self.hint_answered(now, id, None);
                self.release_failed(now, id, &text);
            }
            Some(Kind::ReleaseAll(_)) => {
                let message = format!("Redis refused to release the locks of the namespace: {text}");
                let error = Error::new(Code::Refused, message).with_cause(Some(text));
                self.finish(id, Outcome::Failed(error));
            }
            Some(Kind::Claim(_)) => self.claim_failed(now, id),
            Some(Kind::Leave(_) | Kind::Renew(_)) => self.forget_upkeep(now, id),
            None => debug_assert!(false, "a call that is gone is refused"),
        }
    }

    fn acquire_refused(&mut self, now: Instant, id: CallId, text: String) {
        let keys = self.keys_of(id);
        let in_doubt =
            self.calls.get_mut(id).is_some_and(|call| std::mem::replace(&mut call.in_doubt, false));
        let error = Error::new(Code::Refused, format!("Redis refused to lock {}: {text}", list(&keys)))
            .with_keys(keys)
            .with_cause(Some(text));
        let holds = self.dequeue(now, id);
        if in_doubt || holds {
            self.tell(id, Outcome::Failed(error));
            self.roll_back(now, id, true);
        } else {
            self.finish(id, Outcome::Failed(error));
        }
    }

    fn acquired(&mut self, now: Instant, id: CallId, acquired: Acquired) {
        let undecided = self.decided(id);
        self.take_acquired(now, id, acquired);
        if let Some(key) = undecided {
            self.ask_oldest(now, &key);
        }
    }

    fn take_acquired(&mut self, now: Instant, id: CallId, acquired: Acquired) {
        let Some(call) = self.calls.get_mut(id) else { return };
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
                // Whether an earlier command took it is as open as before: it may be this call's own lock that stands there.
                call.in_doubt = in_doubt;
                match (is_wanted, in_doubt) {
                    (true, _) => self.submit(now, id),
                    (false, true) => self.roll_back(now, id, true),
                    (false, false) => self.calls.forget(id),
                }
            }
            Acquired::Refused { at, own_poll } => {
                acquire.own_poll = own_poll;
                acquire.refused = at;
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

    /// The keys are this call's, by a command that was sent at `sent_at`.
    fn held(&mut self, now: Instant, id: CallId, tokens: Box<[u64]>, sent_at: Instant) {
        let Some(call) = self.calls.get_mut(id) else { return };
        let is_wanted = call.is_wanted();
        let Kind::Acquire(acquire) = &mut call.kind else { return };
        acquire.sent_at = sent_at;
        let late = acquire.is_late(now);
        let hold = acquire.hold(tokens, sent_at, None);
        self.lines.held(now, &hold.keys, id);
        hold.keys.iter().for_each(|key| self.waiters.held(key));
        self.dequeue(now, id);
        match (is_wanted, late) {
            (false, _) => self.roll_back(now, id, false),
            // The answer took longer than the lease: whoever comes next may hold the keys by now.
            (true, true) => {
                if let Some(call) = self.calls.get_mut(id) {
                    call.in_doubt = true;
                }
                self.submit(now, id);
            }
            (true, false) => {
                if hold.waited {
                    self.handed_on(now, &hold.keys);
                }
                self.tell_when_safe(now, id, hold);
            }
        }
    }

    /// The call's keys are taken: its caller is told now or, with [`Safety`], once replicas have them.
    fn tell_when_safe(&mut self, now: Instant, id: CallId, hold: Hold) {
        if self.config.safety.is_none() {
            return self.tell_held(now, id, hold);
        }
        let Some(acquire) = self.calls.acquire_mut(id) else { return };
        acquire.unacknowledged = Some(Box::new(hold));
        self.calls.set_state(id, State::Unacknowledged);
        self.outbox.await_replicas(id);
        self.limit_command(now, id);
    }

    fn tell_held(&mut self, now: Instant, id: CallId, hold: Hold) {
        if self.calls.acquire(id).is_some_and(|acquire| acquire.joined && !acquire.fragment) {
            // The attempt joined what its owner held before, and is told that it holds: it will not be rolled back any more.
            let (keys, owner, tokens) =
                (Arc::clone(&hold.keys), hold.owner.clone(), Some(hold.tokens.clone()));
            let confirm = Renew { keys, owner, tokens, what: Renewing::ConfirmJoin };
            self.add(now, None, Kind::Renew(confirm), None);
        }
        self.finish(id, Outcome::Held(hold));
    }

    /// The answer to a WAIT: how many replicas have everything that was taken until now.
    fn replicas_answered(&mut self, now: Instant, answer: Answer<u64>) {
        let Some(safety) = self.config.safety else { return };
        let enough = answer.as_ref().is_ok_and(|count| *count >= u64::from(safety.replicas));
        let answer = answer.map_err(Refusal::into_text);
        for id in self.outbox.end_wait() {
            let Some(call) = self.calls.get_mut(id) else { continue };
            call.command_limit = None;
            let is_wanted = call.is_wanted();
            let Kind::Acquire(acquire) = &mut call.kind else { continue };
            let late = acquire.is_late(now);
            match (acquire.unacknowledged.take(), is_wanted && enough) {
                (Some(hold), true) if !late => self.tell_held(now, id, *hold),
                (_, true) => self.submit(now, id),
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

    /// The call waits in a key's queue.
    fn parked(&mut self, now: Instant, id: CallId, place: Place, left: Option<Duration>) {
        self.calls.set_state(id, State::Parked);
        let Some(acquire) = self.calls.acquire_mut(id) else { return };
        acquire.refused = u32::try_from(place.at).into_iter().collect();
        let (keys, sent_at, left_alone) = (Arc::clone(&acquire.keys), acquire.sent_at, acquire.left_alone);
        let before = acquire.place.replace(place);
        let Some(key) = keys.get(place.at) else { return };
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

    /// The answer that there is no queue to wait in: this waiter, and all of ours at that key, ask again after
    /// pauses.
    fn polls(&mut self, now: Instant, id: CallId) {
        self.dequeue(now, id);
        let Some(call) = self.calls.get(id) else { return };
        let is_wanted = call.is_wanted();
        let Kind::Acquire(acquire) = &call.kind else { return };
        let (keys, refused) = (Arc::clone(&acquire.keys), acquire.refused.first().copied());
        let key = refused.and_then(|at| keys.get(at as usize));
        if is_wanted {
            self.begin_limit(now, id);
            match key {
                Some(key) => self.line_up(now, id, key),
                None => self.pause(now, id),
            }
        } else {
            self.calls.forget(id);
            keys.iter().for_each(|key| self.lines.left(now, key, id, &mut self.fx));
        }
        let Some(key) = key else { return };
        self.lines.is_polled_now(now, key);
        let others = self.waiters.of_key(key);
        for other in &others {
            self.dequeue(now, *other);
            if self.calls.state(*other) == Some(State::Parked) {
                self.line_up(now, *other, key);
            }
        }
        if !others.is_empty() {
            self.leave(now, key, true);
        }
    }

    fn returned(&mut self, now: Instant, id: CallId, returned: Returned) {
        self.hint_answered(now, id, Some(&returned));
        let Some(call) = self.calls.get(id) else { return };
        let Kind::Release(release) = &call.kind else {
            return debug_assert!(false, "the answer to a release for another call");
        };
        match returned {
            Returned::Given { .. } | Returned::Granted { .. } | Returned::Released => {
                self.finish(id, Outcome::Released);
            }
            Returned::NotHeld(at) => {
                // A unique owner's release is not remembered: "not yours" after a resend says that the first
                // one got through. After the lease's end it says that Redis has freed the lock by itself.
                let unknown = release.is_late(now) || (call.in_doubt && release.owner.is_unique());
                let outcome = if unknown {
                    Outcome::Released
                } else {
                    Outcome::NotHeld(self.named_at(&release.keys, &at))
                };
                self.finish(id, outcome);
            }
            Returned::RolledBack { doubtful } => {
                if !doubtful.is_empty() {
                    let keys = list(&self.named_at(&release.keys, &doubtful));
                    let message = format!(
                        "The lock on {keys} belongs to owner \"{:?}\", but nothing tells whether it is the one of a call that failed, so it was left alone.",
                        release.owner
                    );
                    self.fx.log(LogLevel::Warn, message);
                }
                self.calls.forget(id);
            }
        }
    }

    /// A release was answered: what became of the waiter that it named.
    fn hint_answered(&mut self, now: Instant, id: CallId, returned: Option<&Returned>) {
        let Some(release) = self.calls.release_mut(id) else { return };
        let (keys, hint, sent_at) = (Arc::clone(&release.keys), release.hint.take(), release.sent_at);
        let Some(key) = keys.first() else { return };
        let (given, token, first_foreign_ticket) = match returned {
            Some(Returned::Given { token, first_foreign_ticket }) => (true, *token, *first_foreign_ticket),
            Some(Returned::Granted { token }) => (false, *token, None),
            _ => (false, None, None),
        };
        if let Some(Hint { hint, successor: Some(waiter) }) = hint
            && self.calls.state(waiter) == Some(State::Hinted)
        {
            self.calls.set_state(waiter, State::Parked);
            let Some(call) = self.calls.get(waiter) else { return };
            let waits = matches!(&call.kind, Kind::Acquire(acquire) if acquire.place.is_some());
            match (given, call.is_wanted()) {
                (true, _) => {
                    if let (Some(token), Some(first_foreign_ticket)) = (token, first_foreign_ticket) {
                        let count = hint.successor.map_or(0, |successor| successor.followers);
                        let followers = Followers { token: token + 1, count, first_foreign_ticket };
                        self.begin_cohort(now, waiter, sent_at, followers, None);
                    }
                    return self.held(now, waiter, token.into_iter().collect(), sent_at);
                }
                (false, false) => self.withdraw(now, waiter),
                // Everybody polls by now.
                (false, true) if !waits => self.pause(now, waiter),
                (false, true) => {}
            }
        }
        match token {
            Some(token) => self.granted(now, key, token, None, Some(sent_at)),
            None => self.dispatch_grant(now, key),
        }
    }

    fn release_failed(&mut self, now: Instant, id: CallId, text: &str) {
        let keys = self.keys_of(id);
        let Some(call) = self.calls.get(id) else { return };
        let Kind::Release(release) = &call.kind else { return };
        if call.may_be_given_up() {
            let message = format!("Redis refused to release {}: {text}", list(&keys));
            let error = Error::new(Code::Refused, message).with_keys(keys).with_cause(Some(text.to_owned()));
            return self.finish(id, Outcome::Failed(error));
        }
        // Nobody else will free these keys, so it is tried until Redis has done so by itself.
        if release.until.is_some_and(|until| now + RELEASE_RETRY >= until) {
            return self.finish(id, Outcome::ReleasePending(text.to_owned()));
        }
        self.calls.set_state(id, State::Pausing);
        self.fx.arm(now + RELEASE_RETRY, Timer::Retry(id));
        self.tell(id, Outcome::ReleasePending(text.to_owned()));
    }

    /// Who holds the lock of a cohort some of whose jobs have ended.
    fn owner_verified(&mut self, now: Instant, id: CallId, holder: Option<&[u8]>) {
        self.hint_answered(now, id, None);
        let Some(call) = self.calls.get(id) else { return };
        let Kind::Release(release) = &call.kind else { return };
        // As with a release: after a broken connection the cohort may have ended since.
        let own = holder == Some(release.owner.as_bytes())
            || holder.is_some() && holder == release.grant.as_deref();
        if own || call.in_doubt || release.is_late(now) {
            return self.finish(id, Outcome::Released);
        }
        let keys = self.caller_names(&release.keys);
        let taken = release.keys.first().cloned();
        self.finish(id, Outcome::NotHeld(keys));
        // Another job of the cohort may be under way.
        taken.into_iter().for_each(|key| self.fx.tell(Event::TakenAway { key }));
    }

    fn revoked(&mut self, now: Instant, id: CallId, revoked: Revoked) {
        let Some(all) = self.calls.release_all_mut(id) else { return };
        match revoked {
            Revoked::Freed(count) => all.batch_freed(count),
            Revoked::Found { cursor, names } => all.take_found(cursor, names),
        }
        self.revoke_on(now, id);
    }

    /// Goes on with the next portion, or ends.
    fn revoke_on(&mut self, now: Instant, id: CallId) {
        let Some(all) = self.calls.release_all_mut(id) else { return };
        if all.is_done() {
            let freed = all.freed();
            let outcome = if all.has_moved() { Outcome::FreedSome(freed) } else { Outcome::Freed(freed) };
            self.finish(id, outcome);
        } else {
            self.submit(now, id);
        }
    }

    /// The claim of a hold that began on a grant was answered: whether the lock is its owner's.
    fn claimed(&mut self, now: Instant, id: CallId, is_held: bool) {
        let Some(claim) = self.calls.claim(id) else { return };
        let (key, sent_at) = (claim.key.clone(), is_held.then_some(claim.sent_at));
        if !claim.superseded {
            let verification = self.cohorts.claimed(&key, id.serial, sent_at);
            self.verify(now, verification);
            self.fx.tell(match sent_at {
                Some(sent_at) => Event::Claimed { claim: id.serial, sent_at },
                None => Event::ClaimLost { claim: id.serial },
            });
        }
        self.forget_claim(id);
        self.dispatch_grant(now, &key);
    }

    /// Redis did not carry the claim out, which says nothing about the grant. It is tried again for as long as the grant may stand.
    fn claim_failed(&mut self, now: Instant, id: CallId) {
        let Some(claim) = self.calls.claim(id) else { return };
        if claim.superseded || now + CLAIM_RETRY >= claim.until {
            let key = claim.key.clone();
            // The lease ends with the grant, unless the renewal can claim.
            self.forget_claim(id);
            return self.dispatch_grant(now, &key);
        }
        self.calls.set_state(id, State::Pausing);
        self.fx.arm(now + CLAIM_RETRY, Timer::Retry(id));
    }

    /// Something that nobody waits for was answered: a queue was left, or a hold was seen to.
    fn forget_upkeep(&mut self, now: Instant, id: CallId) {
        let key = match self.calls.get(id).map(|call| &call.kind) {
            Some(Kind::Leave(leave)) => Some(leave.key.clone()),
            _ => None,
        };
        self.calls.forget(id);
        if let Some(key) = key {
            self.waiters.left(&key);
            self.dispatch_grant(now, &key);
        }
    }

    /// A message arrived.
    pub(super) fn pushed(&mut self, now: Instant, push: Push) {
        match push {
            Push::Granted { key, token, first_foreign_ticket } => {
                self.granted(now, &key, token, first_foreign_ticket, None);
            }
            Push::TakenAway(key) => self.fx.tell(Event::TakenAway { key }),
            // The slot has moved: who waits there asks where to.
            Push::SlotChannelGone(slot) => {
                for key in self.waiters.waited_for().into_iter().filter(|key| key.slot() == slot) {
                    self.ask_oldest(now, &key);
                }
            }
            Push::Subscribed | Push::SlotChannelOpen | Push::Other => {}
        }
    }

    fn officials_answered(&mut self, now: Instant, question: Question, reply: &Value) {
        for key in self.officials.answered(now, question, reply) {
            let mut polled = Vec::new();
            key.polled(&mut polled);
            let Self { connection, config, fx, .. } = self;
            connection.send(now, config, Expected::PolledMark, false, fx, |_, out| {
                encode_time_marked(&polled, out);
            });
            connection.send(now, config, Expected::Nobody, false, fx, |_, out| encode_mark(&polled, out));
        }
    }

    /// A node does not take the call's command.
    fn redirect(&mut self, now: Instant, id: CallId, redirect: Redirect, said: &Said) {
        let text = said.shown().to_owned();
        match self.calls.get_mut(id).map(|call| &mut call.kind) {
            // What is left of this client there is a dead client's.
            Some(Kind::Leave(_) | Kind::Renew(_)) => return self.forget_upkeep(now, id),
            Some(Kind::ReleaseAll(all)) if redirect == Redirect::CrossSlot => {
                all.keep_to_slots();
                return self.submit(now, id);
            }
            Some(Kind::ReleaseAll(all)) => {
                all.batch_moved();
                // For the table of slots; the call itself goes on here, and then elsewhere.
                let call = CallId { serial: 0, ..id };
                self.redirected.push(Redirected { call, redirect, text });
                return self.revoke_on(now, id);
            }
            Some(Kind::Acquire(_)) => {
                if let Some(key) = self.decided(id) {
                    self.ask_oldest(now, &key);
                }
            }
            Some(Kind::Release(_)) => self.hint_answered(now, id, None),
            Some(Kind::Claim(_)) | None => {}
        }
        if let Some(call) = self.calls.get_mut(id) {
            call.redirections += 1;
            self.calls.set_state(id, State::Judged);
            self.redirected.push(Redirected { call: id, redirect, text });
        }
    }

    /// Whether a command was refused because it named keys of several slots. From then on none does.
    fn is_cross_slot(&mut self, said: &Said) -> bool {
        let refused = self.config.cluster.is_none() && memchr::memmem::find(said, b"CROSSSLOT").is_some();
        if refused && self.connection.found_slots() {
            self.fx.log(LogLevel::Warn, ONE_ADDRESS);
        }
        refused
    }

    /// Whether a call by itself may be repeated slot by slot.
    fn spans_slots(&self, id: CallId) -> bool {
        let keys = match self.calls.get(id).map(|call| &call.kind) {
            Some(Kind::Acquire(acquire)) => &acquire.keys,
            Some(Kind::Release(release)) => &release.keys,
            Some(Kind::ReleaseAll(all)) => return !all.keeps_to_slots(),
            _ => return false,
        };
        keys.first().map(LockKey::slot) != keys.last().map(LockKey::slot)
    }
}
