//! The answering side. There is one in every process, on the background thread.

use super::facts::{LockFacts, ProcessFacts, summed_up};
use super::message::{Freed, Heard, answer, heard};
use crate::key::LockKey;
use crate::lease::LeaseFacts;
use crate::requests::Waiting;
use crate::time::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// How long the event loop has to tell the waiters. This is a part of the time in which the asking side expects the answer.
const LOOP_LIMIT: Duration = Duration::from_millis(150);

/// Most questions that are answered at a time. Others are ignored, and their askers ask again.
const MOST_OPEN: usize = 64;

/// A message to be published.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// The channel.
    pub channel: String,
    /// The text.
    pub text: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    until: Instant,
    ready: Ready,
}

/// A question that can be answered now.
#[derive(Debug)]
pub struct Ready {
    reply: String,
    keys: Option<BTreeSet<LockKey>>,
    /// `None`: the event loop did not answer.
    waits: Option<Vec<Waiting>>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Respondent {
    open: VecDeque<Open>,
    numbered: u64,
}

/// The next step after a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Follows {
    /// The lane asks the event loop for its waiters.
    AskLoop {
        /// The question's number, for its answer.
        number: u64,
        /// The keys that the question is about. `None`: all.
        keys: Option<BTreeSet<LockKey>>,
    },
    /// An operator takes locks away.
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
                let ready = Ready { reply: question.reply, keys: keys.clone(), waits: None };
                self.open.push_back(Open { number, until: now + LOOP_LIMIT, ready });
                Some(Follows::AskLoop { number, keys })
            }
        }
    }

    /// The event loop has told its waiters.
    pub fn loop_said(&mut self, number: u64, waits: Vec<Waiting>) {
        if let Some(open) = self.open.iter_mut().find(|open| open.number == number) {
            open.ready.waits = Some(waits);
        }
    }

    /// When [`Self::ready`] has something at the latest.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.open.front().map(|open| open.until)
    }

    /// The questions that the event loop has answered, or whose time has ended.
    pub fn ready(&mut self, now: Instant) -> Vec<Ready> {
        let is_ready = |open: &Open| open.ready.waits.is_some() || now >= open.until;
        let (ready, open) = self.open.drain(..).partition::<Vec<_>, _>(is_ready);
        self.open = open.into();
        ready.into_iter().map(|open| open.ready).collect()
    }
}

impl Ready {
    /// The keys that the question is about. `None`: all.
    #[must_use]
    pub fn keys(&self) -> Option<&BTreeSet<LockKey>> {
        self.keys.as_ref()
    }

    /// The answer. `locks`: the facts of the table of leases about the keys. This step does not need the table, because it takes long if
    /// there are many locks.
    #[must_use]
    pub fn answer(self, now: Instant, process: &ProcessFacts, locks: &[LeaseFacts]) -> Vec<Message> {
        let waits = self.waits.map(|waiting| summed_up(now, waiting));
        let locks = locks.iter().map(|lock| LockFacts::of(now, lock)).collect();
        let process = match waits {
            Some(_) => &ProcessFacts { stuck_ms: None, ..process.clone() },
            None => process,
        };
        let parts = answer(process, locks, waits.as_deref());
        parts.into_iter().map(|text| Message { channel: self.reply.clone(), text }).collect()
    }
}
