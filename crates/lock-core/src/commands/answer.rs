//! Answers as values: what the verbs that take locks, and those that give them back, can come to.

use crate::resp::{Said, Value};
use std::time::Duration;

/// What a verb that takes locks came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// Every key is held; fencing tokens in the order of the keys, none where the server gives none.
    Held {
        tokens: Box<[u64]>,
        /// The attempt joined what its owner held before, by other attempts.
        joined: bool,
    },
    /// `take` found more to do than it can.
    Contended,
    /// These keys, by index, are another's, and there is no queue.
    Refused { at: Box<[u32]> },
    /// It stands in the queue of the key `at`.
    Parked {
        at: usize,
        ticket: u64,
        /// The holder's time left; `None`: not told.
        left: Option<Duration>,
    },
}

/// What a verb that gives locks back came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// Released, and held by the waiter that was named.
    Given {
        token: Option<u64>,
        /// Every waiter of other clients has this ticket or a later one; `None`: nobody may follow.
        first_foreign_ticket: Option<u64>,
    },
    /// Released, and granted to this client.
    Granted { token: Option<u64> },
    /// Every key was the owner's and is released.
    Released,
    /// These keys, by index, were not the owner's; the others are released.
    NotHeld(Vec<usize>),
    /// Rolled back; about these keys, by index, nothing tells whose they are.
    RolledBack { doubtful: Vec<usize> },
}

/// What the server said instead of an answer that we know.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// An error reply.
    Error(Said),
    /// A reply that this version does not know, described.
    Odd(String),
}

/// An answer, or what the server said instead.
pub(crate) type Answer<T> = Result<T, Refusal>;

impl Refusal {
    /// What this reply is, if it is no answer.
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

    /// Whether the server does not know the script by its hash: nothing was executed.
    pub(crate) fn is_unknown_script(&self) -> bool {
        matches!(self, Self::Error(said) if said.starts_with(b"NOSCRIPT"))
    }
}

/// What a reply is, without anything of it that may be somebody's.
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

/// The numbers of a list, behind its tag.
pub(super) fn tagged(reply: &Value) -> Option<(i64, &[Value])> {
    match reply {
        Value::Array(items) => match items.split_first() {
            Some((Value::Int(tag), rest)) => Some((*tag, rest)),
            _ => None,
        },
        _ => None,
    }
}
