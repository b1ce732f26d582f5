//! The side that answers: one in every process, on the background thread.

use super::facts::{LockFacts, ProcessFacts, WaitFacts};
use super::message::{Freed, Heard, answer, heard};
use crate::key::LockKey;
use crate::lease::LeaseTable;
use crate::time::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How long the event loop has to say who waits. It is a part of the time in which the other side expects the answer.
const LOOP_LIMIT: Duration = Duration::from_millis(150);

/// Most questions that are answered at a time. Others are passed over: whoever asked asks again.
const MOST_OPEN: usize = 64;

/// A message to be published.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Where.
    pub channel: String,
    /// What.
    pub text: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    reply: String,
    keys: Option<BTreeSet<LockKey>>,
    until: Instant,
    waits: Option<Vec<WaitFacts>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Respondent {
    open: VecDeque<Open>,
    numbered: u64,
}

/// What follows from a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Follows {
    /// The event loop is asked who waits.
    AskLoop {
        /// The question's number, for its answer.
        number: u64,
        /// At these keys; `None`: at all.
        keys: Option<BTreeSet<LockKey>>,
    },
    /// Somebody takes locks away.
    Freed(Freed),
}

impl Respondent {
    /// Takes in a message of the common channel.
    pub fn hear(&mut self, now: Instant, message: &[u8]) -> Option<Follows> {
        match heard(message) {
            Heard::Nothing => None,
            Heard::Freed(freed) => Some(Follows::Freed(freed)),
            Heard::Question(_) if self.open.len() >= MOST_OPEN => None,
            Heard::Question(question) => {
                self.numbered += 1;
                let number = self.numbered;
                let keys: Option<BTreeSet<LockKey>> = question
                    .keys
                    .map(|keys| keys.into_iter().map(|key| LockKey::new(key.into_bytes())).collect());
                let until = now + LOOP_LIMIT;
                self.open.push_back(Open {
                    number,
                    reply: question.reply,
                    keys: keys.clone(),
                    until,
                    waits: None,
                });
                Some(Follows::AskLoop { number, keys })
            }
        }
    }

    /// The event loop has said who waits.
    pub fn loop_said(&mut self, number: u64, waits: Vec<WaitFacts>) {
        if let Some(open) = self.open.iter_mut().find(|open| open.number == number) {
            open.waits = Some(waits);
        }
    }

    /// When [`Self::answers`] has something at the latest.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.open.front().map(|open| open.until)
    }

    /// The answers to questions that the event loop has answered, or whose time is over.
    pub fn answers(&mut self, now: Instant, process: &ProcessFacts, leases: &LeaseTable) -> Vec<Message> {
        let mut messages = Vec::new();
        let (ready, open) =
            self.open.drain(..).partition::<Vec<_>, _>(|open| open.waits.is_some() || now >= open.until);
        self.open = open.into();
        for Open { reply, keys, waits, .. } in ready {
            let locks = leases.facts(now, keys.as_ref());
            let locks: Vec<LockFacts> = locks.iter().map(|lock| LockFacts::of(now, lock)).collect();
            let process = match waits {
                Some(_) => &ProcessFacts { stuck_ms: None, ..process.clone() },
                None => process,
            };
            let parts = answer(process, locks, waits.as_deref());
            messages.extend(parts.into_iter().map(|text| Message { channel: reply.clone(), text }));
        }
        messages
    }
}
