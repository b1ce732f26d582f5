//! A call that takes keys.

use crate::backoff::Backoff;
use crate::call_id::CallId;
use crate::commands::park::Park;
use crate::commands::poll::Poll;
use crate::commands::take::Take;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::{is_late, longest_end};
use crate::requests::{Claiming, Hold, Keep, WaitPolicy};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// The place of a waiter in a queue, or its old place after its connection broke: the index of the key, and its ticket there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: usize,
    pub(crate) ticket: u64,
}

#[derive(Debug)]
pub(crate) struct Acquire {
    pub(crate) keys: Arc<[LockKey]>,
    /// The keys as the caller named them, in the caller's order. May be empty if there is one key.
    pub(crate) named: Vec<String>,
    pub(crate) owner: Owner,
    pub(crate) attempt: AttemptId,
    pub(crate) lease: Option<Duration>,
    pub(crate) wait: WaitPolicy,
    pub(crate) backoff: Backoff,
    /// When the call's last command was sent.
    pub(crate) sent_at: Instant,
    pub(crate) place: Option<Place>,
    /// The keys, by index, whose locks were another owner's in the last answer.
    pub(crate) refused: Box<[u32]>,
    /// `take` found the key in a state that only `park` can handle.
    pub(crate) contended: bool,
    /// A timer is set by which a waiter keeps the keys that it holds already.
    pub(crate) poll_armed: bool,
    /// The last command may take over a grant of this key (by index) to the client, or pass it on.
    pub(crate) may_take_grant: Option<usize>,
    /// The last command also took the client out of the queue, since no other waiter was known.
    pub(crate) left_alone: bool,
    pub(crate) keep: Keep,
    /// When the caller asked.
    pub(crate) asked_at: Instant,
    pub(crate) label: Option<Arc<str>>,
    /// Another node takes other keys of the same call.
    pub(crate) fragment: bool,
    /// The attempt joined locks that its owner held before by other attempts.
    pub(crate) joined: bool,
    /// The hold that the caller hears of as soon as replicas have the lock.
    pub(crate) unacknowledged: Option<Box<Hold>>,
}

impl Acquire {
    /// The common case, which has shorter ways: one key of `execute`.
    pub(crate) fn is_simple(&self) -> bool {
        self.keys.len() == 1 && self.owner.is_unique() && self.lease.is_some() && !self.fragment
    }

    pub(crate) fn waits(&self) -> bool {
        !matches!(self.wait, WaitPolicy::None)
    }

    /// The key in whose queue the call stands.
    pub(crate) fn place_key(&self) -> Option<&LockKey> {
        self.keys.get(self.place?.at)
    }

    /// The key for which the call has to ask next.
    pub(crate) fn next_key(&self) -> Option<&LockKey> {
        self.place_key().or(self.keys.first())
    }

    /// Whether `take` is enough: no other call of this client waits for the key.
    pub(crate) fn is_quick(&self, is_synced: impl Fn(u16) -> bool) -> bool {
        self.is_simple()
            && self.place.is_none()
            && !self.contended
            && self.keys.first().is_some_and(|key| is_synced(key.slot()))
    }

    /// Whether the call can be parked by one command together with others that want the same key.
    pub(crate) fn comes_along(&self) -> bool {
        self.is_simple() && self.place.is_none() && self.waits()
    }

    /// The caller relies on the lock's end, so no later acquire of the same owner may bring it forward.
    fn promises_end(&self) -> bool {
        !self.owner.is_unique() && self.keep != Keep::No
    }

    /// The arguments of `take`.
    pub(crate) fn take(&self) -> Option<Take<'_>> {
        self.keys.first().map(|key| Take { key, owner: &self.owner, lease: self.lease })
    }

    /// The arguments of `park`. `along`: how many more waiters the command parks. `takes_again`: the client gave the lock back a moment
    /// ago.
    pub(crate) fn park(&self, next_ticket: Option<u64>, along: usize, takes_again: bool) -> Park<'_> {
        Park {
            keys: &self.keys,
            owner: &self.owner,
            attempt: &self.attempt,
            lease: self.lease,
            waits: self.waits(),
            place: self.place.map(|place| (place.at, place.ticket)),
            may_take_grant: self.may_take_grant.is_some(),
            next_ticket,
            along,
            promises_end: self.promises_end(),
            takes_again,
        }
    }

    /// The arguments of `acquire`, for a mode without queues.
    pub(crate) fn poll(&self, plain: bool) -> Poll<'_> {
        Poll {
            keys: &self.keys,
            owner: &self.owner,
            attempt: &self.attempt,
            lease: self.lease,
            waits: self.waits(),
            promises_end: self.promises_end(),
            plain,
        }
    }

    /// When Redis will have freed by itself everything that this attempt took, if it executes the attempt's last command only now.
    pub(crate) fn longest_end(&self, now: Instant) -> Option<Instant> {
        longest_end(now, self.lease)
    }

    /// Whether the locks that the last command took may have lapsed by now.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        is_late(now, self.sent_at, self.lease)
    }

    /// The hold, by a command that was sent at `sent_at`, or by a grant.
    pub(crate) fn hold(&self, tokens: Box<[u64]>, sent_at: Instant, claim: Option<Claiming>) -> Hold {
        Hold {
            keys: Arc::clone(&self.keys),
            owner: self.owner.clone(),
            attempt: self.attempt,
            tokens,
            lease: self.lease,
            sent_at,
            waited: claim.is_some() || self.place.is_some(),
            claim,
            joined: self.joined,
            keep: self.keep,
            label: self.label.clone(),
        }
    }
}

/// The successor hint of a release, and the waiter that it names.
#[derive(Clone, Debug)]
pub(crate) struct Hint {
    pub(crate) hint: crate::commands::hand_over::SuccessorHint,
    /// The waiter that can have the lock at once.
    pub(crate) successor: Option<CallId>,
}
