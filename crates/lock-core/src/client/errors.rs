//! Error replies that concern the connection: a server that has become a replica or loads its data, and the user's
//! own rule for when to connect anew.

use super::requests::{Event, Verdict};
use super::{Client, Redirect, State};
use crate::resp::{Said, Value};
use crate::time::Instant;

/// An error reply that waits for a verdict.
#[derive(Debug)]
pub(super) struct Question {
    number: u64,
    task: u32,
    text: Said,
}

/// Whether the server says that it is a replica. Redis 6.2 wraps what happens inside of a script.
pub(super) fn is_readonly(text: &[u8]) -> bool {
    text.starts_with(b"READONLY") || memchr::memmem::find(text, b"-READONLY ").is_some()
}

impl Client {
    /// Redis answered a command with an error.
    pub(super) fn error_reply(&mut self, now: Instant, index: u32, text: Said) {
        if let Some(redirect) = self.config.cluster.as_ref().and_then(|_| Redirect::parse(&text)) {
            return self.redirect(now, index, redirect, &text);
        }
        let reply = Value::Error(text);
        let cross_slot = self.is_cross_slot(&reply) && self.spans_slots(index);
        let Value::Error(text) = reply else { return };
        if cross_slot {
            return self.redirect(now, index, Redirect::CrossSlot, &text);
        }
        if text.starts_with(b"LOADING") && self.config.greeting.ready_check {
            // Nothing was executed; a new connection waits until the data is there.
            self.resend(index);
            return self.link.leave(text.shown());
        }
        if self.config.perseverance.asks_on_errors
            && let Some(task) = self.tasks.get_mut(index as usize)
        {
            task.state = State::Judged;
            let number = task.serial;
            let message = text.shown().to_owned();
            self.questions.push(Question { number, task: index, text });
            return self.events.push_back(Event::AskError { question: number, message });
        }
        self.accept_error(now, index, text);
    }

    /// What is done about an error reply that was asked about by [`Event::AskError`].
    pub fn judge(&mut self, now: Instant, question: u64, verdict: Verdict) {
        let Some(at) = self.questions.iter().position(|open| open.number == question) else { return };
        let Question { task, text, .. } = self.questions.swap_remove(at);
        let reason = format!("reconnectOnError: {text}");
        match verdict {
            Verdict::Accept => self.accept_error(now, task, text),
            Verdict::Reconnect => {
                self.take_in(now, task, Value::Error(text));
                self.link.leave(&reason);
            }
            Verdict::Resend => {
                self.resend(task);
                self.link.leave(&reason);
            }
        }
        self.leave_in_time(now);
    }

    /// Makes the connection anew where an error asked for it; but first all that has been answered gets its due.
    pub(super) fn leave_in_time(&mut self, now: Instant) {
        if self.questions.is_empty()
            && let Some(reason) = self.link.take_leaving()
        {
            self.give_up(now, &reason);
        }
    }

    /// The connection is gone: whoever was asked is not waited for.
    pub(super) fn accept_errors(&mut self, now: Instant) {
        for Question { task, text, .. } in std::mem::take(&mut self.questions) {
            self.take_in(now, task, Value::Error(text));
        }
    }

    fn accept_error(&mut self, now: Instant, index: u32, text: Said) {
        if is_readonly(&text) {
            // The server was a master once: the name or a Sentinel may lead to another by now.
            self.doubt();
            self.link.leave(text.shown());
        }
        self.take_in(now, index, Value::Error(text));
    }

    /// Keeps a task whose command was refused for the next connection.
    fn resend(&mut self, index: u32) {
        self.enqueue(index);
    }
}
