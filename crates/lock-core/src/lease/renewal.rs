//! What is asked of Redis about a lease that is due, and what the answer means.

use super::hold_id::HoldId;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// The time left that a renewal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// This: the lock is one caller's alone.
    Exactly(Duration),
    /// This or more; zero only looks.
    AtLeast(Duration),
}

impl Term {
    /// The time in ms, as the script `renew` takes it.
    #[must_use]
    pub fn text(self) -> String {
        match self {
            Self::Exactly(time) => time.as_millis().to_string(),
            Self::AtLeast(time) => format!("+{}", time.as_millis()),
        }
    }
}

/// One lease that is due: ask Redis for `term` on its keys.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// Which lease.
    pub hold: HoldId,
    /// Its keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// What tells the hold from others of the same owner, in the order of the keys; `None` when the owner does, or nothing can.
    pub tokens: Option<Box<[u64]>>,
    /// The time left to ask for.
    pub term: Term,
    /// Until when the answer is worth having.
    pub deadline: Instant,
}

impl Renewal {
    /// The same on some of its keys.
    #[must_use]
    pub fn part(&self, keys: &[LockKey]) -> Self {
        let tokens = self.tokens.as_ref().map(|tokens| tokens_of(&self.keys, tokens, keys));
        Self { keys: keys.into(), tokens, ..self.clone() }
    }

    /// What the script's answers mean.
    #[must_use]
    pub fn read(&self, answers: &[i64]) -> RenewalAnswer {
        if answers.contains(&0) {
            return RenewalAnswer::NotOurs;
        }
        let ends = answers.iter().filter_map(|left| u64::try_from(*left).ok()).map(Duration::from_millis);
        match self.term {
            Term::Exactly(time) => RenewalAnswer::Held { left: Some(time) },
            Term::AtLeast(_) => RenewalAnswer::Held { left: ends.min() },
        }
    }
}

/// What a renewal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalAnswer {
    /// Every key was still the hold's, and has this time left; `None`: it has no end.
    Held {
        /// The least of all keys.
        left: Option<Duration>,
    },
    /// At least one was not: no later renewal can win it back.
    NotOurs,
}

/// The tokens of some of the keys, both in their order; there is one per key, or none at all.
pub(super) fn tokens_of(keys: &[LockKey], tokens: &[u64], some: &[LockKey]) -> Box<[u64]> {
    let chosen = keys.iter().zip(tokens).filter(|(key, _)| is_among(key, some));
    chosen.map(|(_, token)| *token).collect()
}

/// Whether these keys, which are in their order, have this one.
pub(super) fn is_among(key: &LockKey, keys: &[LockKey]) -> bool {
    debug_assert!(keys.is_sorted(), "the keys of a call are in their order");
    keys.binary_search(key).is_ok()
}
