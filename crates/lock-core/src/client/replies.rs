//! Replies, to the tasks they belong to.

use super::batch::Sent;
use super::{Client, Kind};
use crate::resp::Value;
use crate::time::Instant;

/// What the server said instead of an answer that we know.
pub(super) fn server_text(reply: &Value) -> String {
    match reply {
        Value::Error(said) => said.shown().to_owned(),
        other => format!("an answer that this version does not know ({})", kind_of(other)),
    }
}

/// What an answer is, without anything of it that may be somebody's.
fn kind_of(reply: &Value) -> String {
    match reply {
        Value::Nil => "null".to_owned(),
        Value::Int(number) => format!("the number {number}"),
        Value::Text(text) => format!("a text of {} bytes", text.len()),
        Value::Error(said) => said.shown().to_owned(),
        Value::Array(items) | Value::Push(items) => match items.first() {
            Some(Value::Int(first)) => format!("a list of {}, the first of them {first}", items.len()),
            _ => format!("a list of {}", items.len()),
        },
    }
}

/// A number that is not negative.
pub(super) fn number(item: &Value) -> Option<u64> {
    match item {
        Value::Int(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

impl Client {
    pub(super) fn handle_reply(&mut self, now: Instant, reply: Value) {
        if !matches!(reply, Value::Error(_)) {
            self.proved_useful();
        }
        let index = match self.in_flight.pop_front() {
            Some(Sent::One(index)) => index,
            Some(Sent::Many(tasks)) => return self.batch_reply(now, &tasks, &reply),
            Some(Sent::Party(tasks)) => return self.party_reply(now, &tasks, &reply),
            Some(Sent::Nobody) => return,
            Some(Sent::Strangers(about)) => return self.strangers_answered(now, about, &reply),
            Some(Sent::Again) => return self.asked_again(&reply),
            // Who waits there is told by polls; a slot that has moved takes its waiters with it.
            Some(Sent::Channel(slot)) => return self.link.end_hearing(slot),
            Some(Sent::Wait) => return self.replicas_answered(now, &reply),
            None => {
                self.doubt();
                let reason = match &reply {
                    Value::Error(said) => format!("the server said: {said}"),
                    _ => "the server answered what was not asked".to_owned(),
                };
                return self.give_up(now, &reason);
            }
        };
        let whole = self.tasks.get(index as usize).is_some_and(|task| task.whole);
        if matches!(&reply, Value::Error(text) if text.starts_with(b"NOSCRIPT")) && !whole {
            return self.not_executed(now, index);
        }
        self.answered(now, index, reply);
    }

    /// A task's command was executed, or refused.
    pub(super) fn answered(&mut self, now: Instant, index: u32, reply: Value) {
        if let Some(task) = self.tasks.get_mut(index as usize) {
            task.command_limit = None;
            // Until now it may have been sent again, with the script's text.
            task.asking = false;
            if !matches!(reply, Value::Error(_)) {
                task.redirections = 0;
            }
        }
        match reply {
            Value::Error(text) => self.error_reply(now, index, text),
            reply => self.take_in(now, index, reply),
        }
    }

    /// What a reply means to its task.
    pub(super) fn take_in(&mut self, now: Instant, index: u32, reply: Value) {
        match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(_)) => self.acquire_reply(now, index, &reply),
            Some(Kind::Release(_)) => self.release_reply(now, index, &reply),
            Some(Kind::ReleaseAll(_)) => self.release_all_reply(now, index, reply),
            Some(Kind::Claim(_)) => self.claim_reply(now, index, &reply),
            Some(Kind::Leave(_)) => self.leave_reply(now, index),
            Some(Kind::Upkeep(_)) => self.forget(index),
            None => {}
        }
    }

    /// The server does not know the script by its hash yet. It gets the whole text, unless nobody wants the
    /// answer any more.
    fn not_executed(&mut self, now: Instant, index: u32) {
        let undecided = self.decided(index);
        self.send_again(now, index);
        if let Some(key) = undecided {
            self.ask_oldest(now, &key);
        }
    }

    fn send_again(&mut self, now: Instant, index: u32) {
        let Some(task) = self.tasks.get(index as usize) else { return };
        match &task.kind {
            Kind::Acquire(acquire) if task.caller.is_none() => match (task.unsure, acquire.place) {
                (true, _) => self.undo(now, index, true),
                (false, Some(_)) => self.withdraw(now, index),
                (false, None) => self.forget(index),
            },
            Kind::Claim(claim) if claim.superseded => {
                let key = claim.key.clone();
                self.forget_claim(index);
                self.settle(now, &key);
            }
            Kind::Release(_) => {
                self.offer_answered(now, index, false, None, None);
                self.send(now, index, true);
            }
            _ => self.send(now, index, true),
        }
    }
}
