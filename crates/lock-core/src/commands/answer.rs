//! Answers as values: the results of the verbs that take locks and of those that give them back.

use crate::resp::{Said, Value};
use std::time::Duration;

/// The result of a verb that takes locks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// The call holds every key. `tokens`: fencing tokens in the order of the keys, or none if the server gives none.
    Held {
        tokens: Box<[u64]>,
        /// The attempt joined locks that its owner held before by other attempts.
        joined: bool,
    },
    /// `take` found the key in a state that only `park` can handle.
    Contended,
    /// These keys, by index, are another owner's, and there is no queue.
    Refused { at: Box<[u32]> },
    /// The call stands in the queue of the key `at`.
    Parked {
        at: usize,
        ticket: u64,
        /// How long the holder may still hold the lock. `None`: not known.
        left: Option<Duration>,
    },
}

/// The result of a verb that gives locks back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// The lock was released, and the named waiter holds it.
    Given {
        token: Option<u64>,
        /// All waiters of other clients have this ticket or a later one. `None`: nobody may follow.
        first_foreign_ticket: Option<u64>,
    },
    /// The lock was released, and granted to this client.
    Granted { token: Option<u64> },
    /// Every key was the owner's, and is released.
    Released,
    /// These keys, by index, were not the owner's. The others are released.
    NotHeld(Vec<usize>),
    /// The attempt was rolled back. Nothing tells the owner of these keys, by index.
    RolledBack { doubtful: Vec<usize> },
}

/// The server's words in place of a known answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An error reply.
    Error(Said),
    /// A description of a reply that this version does not know.
    Odd(String),
}

/// An answer, or the server's words in place of one.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// Reads a reply that is no answer.
    pub(crate) fn of(reply: &Value) -> Self {
        match reply {
            Value::Error(said) => Self::Error(said.clone()),
            other => Self::Odd(format!("an answer that this version does not know ({})", describe(other))),
        }
    }

    /// For people.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Error(said) => said.shown().to_owned(),
            Self::Odd(text) => text,
        }
    }

    /// Whether the server does not know the script's hash. It executed nothing then.
    pub(crate) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Error(said) if said.starts_with(b"NOSCRIPT"))
    }
}

/// Describes a reply without any content that may be private.
fn describe(reply: &Value) -> String {
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

/// Indexes of keys.
pub(super) fn indexes<N: TryFrom<u64>, L: FromIterator<N>>(items: &[Value]) -> L {
    items.iter().filter_map(number).filter_map(|at| N::try_from(at).ok()).collect()
}

/// The numbers of a list behind its tag.
pub(super) fn tagged(reply: &Value) -> Option<(i64, &[Value])> {
    match reply {
        Value::Array(items) => match items.split_first() {
            Some((Value::Int(tag), rest)) => Some((*tag, rest)),
            _ => None,
        },
        _ => None,
    }
}
