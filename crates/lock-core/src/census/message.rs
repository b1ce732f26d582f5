//! The messages: JSON with a version. A reader ignores fields that it does not know, and messages of a later version.

use super::facts::{LockFacts, ProcessFacts, WaitFacts};
use crate::ids::AttemptId;
use serde::{Deserialize, Serialize};

/// The channel to which every process listens.
pub const CHANNEL: &str = "mlr!?";

/// The beginning of the name of the channel for the answers.
const REPLIES: &str = "mlr!a:";

/// It rises only if an older reader must not read a message.
const VERSION: u32 = 1;

/// Size of one part of an answer, in bytes. A part with one very long lock may be longer.
const PART: usize = 64 << 10;

/// Longest name of an operator, in characters.
const LONGEST_BY: usize = 200;

/// Most parts of one answer: some 100,000 locks.
pub(super) const MOST_PARTS: usize = 1_000;

/// The channel for the answers to the question of this id.
#[must_use]
pub fn reply_channel(id: &AttemptId) -> String {
    format!("{REPLIES}{}", String::from_utf8_lossy(id))
}

/// A message on [`CHANNEL`].
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    question: Option<Question>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    freed: Option<Freed>,
}

/// Who holds, and who waits?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The channel for the answers.
    pub reply: String,
    /// The keys in Redis that the question is about. `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

/// An operator is about to take these locks away by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freed {
    /// The keys in Redis.
    pub keys: Vec<String>,
    /// Only from this owner. `None`: from any holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The operator.
    pub by: String,
}

/// A message that a process heard.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Question(Question),
    Freed(Freed),
    Nothing,
}

/// One part of an answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Part {
    v: u32,
    /// The number of this part, from 0, and the number of all parts.
    pub(super) part: usize,
    pub(super) parts: usize,
    pub(super) process: ProcessFacts,
    #[serde(default)]
    pub(super) locks: Vec<LockFacts>,
    /// `None`: the process' event loop did not answer.
    #[serde(default)]
    pub(super) waits: Option<Vec<WaitFacts>>,
    /// There are more locks and waiters than the answer tells.
    #[serde(default)]
    pub(super) cut: bool,
}

/// The message that asks.
#[must_use]
pub fn question_message(question: Question) -> Vec<u8> {
    encode(&Said { v: VERSION, question: Some(question), freed: None })
}

/// The message that tells which operator takes locks away.
#[must_use]
pub fn freed_message(freed: Freed) -> Vec<u8> {
    encode(&Said { v: VERSION, question: None, freed: Some(freed) })
}

/// Anybody who may publish can send any name. A name that goes to logs and errors is short, and has no control characters for a terminal.
fn shown(by: &str) -> String {
    let unseen = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    by.chars().take(LONGEST_BY).map(|c| if unseen(c) { '?' } else { c }).collect()
}

pub(super) fn heard(message: &[u8]) -> Heard {
    match serde_json::from_slice(message) {
        Ok(Said { v: VERSION, question: Some(question), .. }) if question.reply.starts_with(REPLIES) => {
            Heard::Question(question)
        }
        Ok(Said { v: VERSION, freed: Some(freed), .. }) => {
            Heard::Freed(Freed { by: shown(&freed.by), ..freed })
        }
        _ => Heard::Nothing,
    }
}

/// The answer, in parts.
pub(super) fn answer(
    process: &ProcessFacts,
    locks: Vec<LockFacts>,
    waits: Option<&[WaitFacts]>,
) -> Vec<Vec<u8>> {
    let new = || Part {
        v: VERSION,
        part: 0,
        parts: 0,
        process: process.clone(),
        locks: Vec::new(),
        waits: waits.is_some().then(Vec::new),
        cut: false,
    };
    let (mut parts, mut room) = (vec![new()], PART);
    let mut next = |parts: &mut Vec<Part>, size: usize| {
        if size > room && room < PART {
            parts.push(new());
            room = PART;
        }
        room = room.saturating_sub(size);
    };
    for lock in locks {
        next(
            &mut parts,
            200 + lock.key.len() + lock.owner.len() + lock.label.as_ref().map_or(0, String::len),
        );
        if let Some(part) = parts.last_mut() {
            part.locks.push(lock);
        }
    }
    for wait in waits.unwrap_or_default() {
        next(&mut parts, 100 + wait.key.len() + wait.labels.iter().map(String::len).sum::<usize>());
        if let Some(waits) = parts.last_mut().and_then(|part| part.waits.as_mut()) {
            waits.push(wait.clone());
        }
    }
    let cut = parts.len() > MOST_PARTS;
    parts.truncate(MOST_PARTS);
    let count = parts.len();
    let numbered =
        parts.into_iter().enumerate().map(|(number, part)| Part { part: number, parts: count, cut, ..part });
    numbered.map(|part| encode(&part)).collect()
}

pub(super) fn part(message: &[u8]) -> Option<Part> {
    let part: Part = serde_json::from_slice(message).ok()?;
    (part.v == VERSION && part.part < part.parts && part.parts <= MOST_PARTS).then_some(part)
}

fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    // This fails only for maps whose keys are no text, and there are none.
    serde_json::to_vec(message).unwrap_or_default()
}
