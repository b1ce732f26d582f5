//! Finds the call that an answer belongs to, and reads errors. `acquired` and `returned` interpret the other answers.

use super::state::{Client, Redirect, Redirected, is_readonly};
use crate::call_id::CallId;
use crate::calls::{By, Kind, State};
use crate::commands::push::Push;
use crate::commands::{Answer, Refusal};
use crate::commands::{claim, give_back, hand_over, park, release, revoke, take, wait};
use crate::connection::Expected;
use crate::error::{Code, Error};
use crate::key::LockKey;
use crate::official_callers::{Question, encode_mark, encode_time_marked};
use crate::present::Present;
use crate::requests::{Event, LogLevel, Outcome};
use crate::resp::{Said, Value};
use crate::time::Instant;

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
            // The connection uses these itself.
            Expected::Nobody | Expected::Probe | Expected::SlotChannel(_) => {}
        }
    }

    /// The reply to a call's own command.
    fn call_replied(&mut self, now: Instant, id: CallId, reply: Value) {
        let Some(call) = self.calls.get(id).present() else { return };
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

    /// A call's command was executed or refused.
    fn answer<T>(
        &mut self,
        now: Instant,
        id: CallId,
        answer: Answer<T>,
        take_in: impl FnOnce(&mut Self, Instant, CallId, T),
    ) {
        if let Some(call) = self.calls.get_mut(id) {
            call.command_limit = None;
            // Until now the client could send it again, with the script's text.
            call.asking = false;
            call.behind_text = false;
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

    /// Whether a command that several calls share was executed. If not, sends the calls again that are still wanted.
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

    /// Sends again the calls that are still wanted and whose command was not executed.
    fn send_unexecuted(&mut self, now: Instant, ids: &[CallId]) {
        for id in ids.iter().copied() {
            let Some(call) = self.calls.get(id).present() else { continue };
            match &call.kind {
                Kind::Acquire(_) if !call.is_wanted() && call.in_doubt => self.roll_back(now, id, true),
                Kind::Acquire(_) if !call.is_wanted() => self.calls.forget(id),
                // Another call of this client may wait for the key by now.
                _ => self.send(now, id, false),
            }
        }
    }

    /// The server does not know the script's hash yet. The client sends the text, unless nobody wants the answer any more or a text is
    /// under way already. Very many calls may hear this at once, and a text is some kilobytes long.
    fn not_executed(&mut self, now: Instant, id: CallId) {
        let undecided = self.decided(id);
        self.send_again(now, id);
        if let Some(key) = undecided {
            self.ask_oldest(now, &key);
        }
    }

    fn send_again(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get(id).present() else { return };
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
                self.send_with_text(now, id);
            }
            _ => self.send_with_text(now, id),
        }
    }

    fn send_with_text(&mut self, now: Instant, id: CallId) {
        let is_under_way = self.connection.has_text_under_way();
        let Some(call) = self.calls.get_mut(id).present() else { return };
        // The call waits for another text only once, because that text may be another script's.
        let by_hash = is_under_way && !std::mem::replace(&mut call.behind_text, is_under_way);
        self.send(now, id, !by_hash);
    }

    /// Redis answered a command with an error.
    fn error_reply(&mut self, now: Instant, id: CallId, said: Said) {
        if let Some(redirect) = self.config.cluster.as_ref().and_then(|_| Redirect::parse(&said)) {
            return self.redirect(now, id, redirect, &said);
        }
        if self.is_cross_slot(&said) && self.spans_slots(id) {
            return self.redirect(now, id, Redirect::CrossSlot, &said);
        }
        if said.starts_with(b"LOADING") && self.config.handshake_options.ready_check {
            // The server executed nothing. A new connection waits until its data is loaded.
            self.calls.enqueue(id);
            return self.connection.leave(said.shown());
        }
        if self.config.retry.asks_on_errors && self.calls.get(id).is_some() {
            let message = said.shown().to_owned();
            let question = self.calls.ask_about(id, said);
            return self.fx.tell(Event::AskError { question, message });
        }
        self.accept_error(now, id, &said);
    }

    /// Treats the error reply as the call's answer.
    pub(super) fn accept_error(&mut self, now: Instant, id: CallId, said: &Said) {
        if is_readonly(said) {
            // The server was a master before. Its name or a Sentinel may lead to another master now.
            self.connection.doubt();
            self.connection.leave(said.shown());
        }
        self.refused(now, id, said.shown().to_owned());
    }

    /// Redis refused a call's command and said why.
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

    /// A message arrived.
    pub(super) fn pushed(&mut self, now: Instant, push: Push) {
        match push {
            Push::Granted { key, token, first_foreign_ticket } => {
                self.granted(now, &key, token, first_foreign_ticket, None);
            }
            Push::TakenAway(key) => self.fx.tell(Event::TakenAway { key }),
            // The slot has moved. Its waiters ask for the new node.
            Push::SlotChannelGone(slot) => self.ask_in_slot(now, slot),
            Push::Subscribed | Push::SlotChannelOpen | Push::Other => {}
        }
    }

    /// The client may have missed grants in this slot. The oldest waiter of each of its keys asks.
    pub(super) fn ask_in_slot(&mut self, now: Instant, slot: u16) {
        for key in self.waiters.waited_for().into_iter().filter(|key| key.slot() == slot) {
            self.ask_oldest(now, &key);
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
            // The entries that this client left on that node count as those of a dead client.
            Some(Kind::Leave(_) | Kind::Renew(_)) => return self.forget_upkeep(now, id),
            Some(Kind::ReleaseAll(all)) if redirect == Redirect::CrossSlot => {
                all.keep_to_slots();
                return self.submit(now, id);
            }
            Some(Kind::ReleaseAll(all)) => {
                all.batch_moved();
                // This entry only updates the table of slots. The call goes on here, and then at other nodes.
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

    /// Whether the server refused a command because it named keys of several slots. If so, no command does so from now on.
    fn is_cross_slot(&mut self, said: &Said) -> bool {
        let refused = self.config.cluster.is_none() && memchr::memmem::find(said, b"CROSSSLOT").is_some();
        if refused && self.connection.found_slots() {
            self.fx.log(LogLevel::Warn, ONE_ADDRESS);
        }
        refused
    }

    /// Whether the call can be repeated slot by slot.
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
