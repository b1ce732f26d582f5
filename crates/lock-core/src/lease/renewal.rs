//! The request to Redis for a lease that is due, and the meaning of its answer.

use super::hold_id::HoldId;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// The time left for which a renewal asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// Exactly this time, because the lock belongs to one caller alone.
    Exactly(Duration),
    /// At least this time. Zero only looks.
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
    /// The lease.
    pub hold: HoldId,
    /// Its keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// The tokens that tell the hold from others of the same owner, in the order of the keys. `None`: the owner's name does, or nothing
    /// can.
    pub tokens: Option<Box<[u64]>>,
    /// The time left to ask for.
    pub term: Term,
    /// The answer is useless after this moment.
    pub deadline: Instant,
}

impl Renewal {
    /// The same request for some of the keys.
    #[must_use]
    pub fn part(&self, keys: &[LockKey]) -> Self {
        let tokens = self.tokens.as_ref().map(|tokens| tokens_of(&self.keys, tokens, keys));
        Self { keys: keys.into(), tokens, ..self.clone() }
    }

    /// The meaning of the script's answers.
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

/// The result of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalAnswer {
    /// Every key was still the hold's.
    Held {
        /// The least time left of all keys. `None`: no end.
        left: Option<Duration>,
    },
    /// At least one key was not the hold's, and no later renewal can win it back.
    NotOurs,
}

/// The tokens of some of the keys. Both lists are in the order of the keys. There is one token per key, or none at all.
pub(super) fn tokens_of(keys: &[LockKey], tokens: &[u64], some: &[LockKey]) -> Box<[u64]> {
    let chosen = keys.iter().zip(tokens).filter(|(key, _)| is_among(key, some));
    chosen.map(|(_, token)| *token).collect()
}

/// Whether the sorted `keys` contain the key.
pub(super) fn is_among(key: &LockKey, keys: &[LockKey]) -> bool {
    debug_assert!(keys.is_sorted(), "the keys of a call are in their order");
    keys.binary_search(key).is_ok()
}
