//! One lease: how long it can be trusted, and when the renewal has to act on it.

use super::hold_id::HoldId;
use super::renewal::{Renewal, Term, tokens_of};
use super::timing::{CLAIM_PERIOD, margin};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::requests::{Claiming, Hold};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// Longest time between two looks at a lease that is not renewed.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
/// The same for a server that gives no tokens. There, an acquire of the same owner may bring the end forward, to a second from now at the
/// nearest.
const LONGEST_LOOK_WITHOUT_TOKENS: Duration = Duration::from_millis(500);
/// Such a lease is looked at once more this long before its end, because it may have been extended.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// How far a lease can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// The lease was renewed in time.
    Held,
    /// The last renewal failed, and the lease has not lapsed.
    Suspect,
    /// Redis said that it is gone.
    Lost,
    /// The lease has ended, or is so near its end that nobody may rely on it.
    Lapsed,
    /// The lease was given back, or never existed.
    Gone,
}

impl LeaseState {
    /// Whether another owner may hold the keys.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::Lost | Self::Lapsed)
    }
}

/// Why a lease was not renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrenewed {
    /// The renewal was not tried, because the JavaScript thread was stuck for too long.
    pub stuck: bool,
    /// The reason, as the end of a sentence.
    pub why: Arc<str>,
}

impl Unrenewed {
    /// Redis did not renew it.
    #[must_use]
    pub fn failed(why: impl Into<Arc<str>>) -> Self {
        Self { stuck: false, why: why.into() }
    }
}

/// The way in which a lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The lease could not be renewed before its end.
    Lapsed,
    /// The lease was not renewed before its end, because the JavaScript thread was stuck for too long.
    Stuck,
    /// The lease ended, and the caller had asked for no renewal.
    Ended,
    /// Redis said that the hold has lost the lock.
    TakenAway,
}

/// The parts of a new lease.
#[derive(Clone, Debug)]
pub struct NewLease {
    /// The lock keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// The attempt that took them.
    pub attempt: AttemptId,
    /// The owner held some of them before, by other attempts.
    pub joined: bool,
    /// Fencing tokens in the order of the keys. They tell a named owner's holds apart. Empty: the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease. `None`: it has no end.
    pub lease: Option<Duration>,
    /// When the request that took the keys was sent. The lease counts from then.
    pub sent_at: Instant,
    /// Whether it is renewed. A lease without an end is not.
    pub renews: bool,
    /// The unanswered claim: its number, and the end of the grant.
    pub claim: Option<Claiming>,
    /// The caller had to wait for the keys.
    pub waited: bool,
    /// When the caller got the keys.
    pub since: Instant,
    /// The caller's label for the hold.
    pub label: Option<Arc<str>>,
}

impl NewLease {
    /// A lease that nobody asks about, on keys that the caller gets now.
    #[must_use]
    pub fn unwatched(since: Instant, hold: Hold) -> Self {
        let Hold { keys, owner, attempt, joined, tokens, lease, sent_at, claim, waited, label, .. } = hold;
        Self {
            keys,
            owner,
            attempt,
            joined,
            tokens,
            lease,
            sent_at,
            renews: false,
            claim,
            waited,
            since,
            label,
        }
    }

    /// The same lease on some of its keys.
    #[must_use]
    pub fn part(&self, keys: &[LockKey]) -> Self {
        Self { keys: keys.into(), tokens: tokens_of(&self.keys, &self.tokens, keys), ..self.clone() }
    }

    /// Whether Redis can tell the hold from a later hold of the same keys.
    pub(super) fn is_told_apart(&self) -> bool {
        self.owner.is_unique() || !self.tokens.is_empty()
    }

    /// The time left to ask Redis for, when the lease is due.
    fn term(&self) -> Term {
        match (&self.owner, self.lease) {
            (Owner::Execute(_), Some(lease)) => Term::Exactly(lease),
            (_, Some(lease)) if self.renews => Term::AtLeast(lease),
            _ => Term::AtLeast(Duration::ZERO),
        }
    }
}

#[derive(Debug)]
pub(super) struct Lease {
    pub(super) serial: u64,
    pub(super) held: NewLease,
    pub(super) state: LeaseState,
    /// Nothing has proved yet that the grant was claimed.
    pub(super) on_grant: bool,
    /// Until when Redis surely has the lock.
    pub(super) deadline: Instant,
    pub(super) counted: Duration,
    /// When the lease is renewed or looked at.
    pub(super) due_at: Instant,
    pub(super) asking: bool,
    /// The value of `on_grant` when the renewal last asked.
    pub(super) asked_on_grant: bool,
    /// The lease's place in the schedule.
    pub(super) scheduled: Instant,
    /// Why the last renewal failed, if it did.
    pub(super) unrenewed: Option<Unrenewed>,
}

impl Lease {
    pub(super) fn new(held: NewLease, serial: u64) -> Self {
        let claim = held.claim.as_ref().map(|claiming| claiming.until);
        let sent_at = held.sent_at;
        let mut lease = Self {
            serial,
            state: LeaseState::Held,
            on_grant: claim.is_some(),
            deadline: Instant::FAR_FUTURE,
            counted: LONGEST_LOOK,
            due_at: Instant::FAR_FUTURE,
            asking: false,
            asked_on_grant: false,
            scheduled: Instant::FAR_FUTURE,
            unrenewed: None,
            held,
        };
        lease.extend(sent_at, lease.held.lease);
        lease.due_at = lease.next_due(sent_at);
        if let Some(until) = claim {
            lease.deadline = until;
            lease.counted = CLAIM_PERIOD;
            // A job may block the thread that hears the claim's answer. The renewal has its own thread.
            lease.due_at = lease.due_at.min(sent_at + CLAIM_PERIOD / 4);
        }
        lease
    }

    /// The moment at which the caller must hear that the lease is lost, unless it is renewed before.
    pub(super) fn last_call(&self) -> Instant {
        if self.deadline == Instant::FAR_FUTURE {
            return Instant::FAR_FUTURE;
        }
        self.deadline.back(margin(self.counted))
    }

    /// How far the lease can be trusted at `now`, even if nobody has looked since then.
    pub(super) fn state(&self, now: Instant) -> LeaseState {
        if !self.state.is_lost() && now >= self.last_call() { LeaseState::Lapsed } else { self.state }
    }

    /// Redis had this much time left (`None`: no end) at `since`, or later.
    pub(super) fn extend(&mut self, since: Instant, left: Option<Duration>) {
        self.deadline = left.map_or(Instant::FAR_FUTURE, |left| since + left);
        self.counted = left.unwrap_or(LONGEST_LOOK);
    }

    /// When the lease is renewed or looked at after `since`.
    pub(super) fn next_due(&self, since: Instant) -> Instant {
        let longest = if self.held.is_told_apart() { Duration::MAX } else { LONGEST_LOOK_WITHOUT_TOKENS };
        match self.held.lease {
            Some(lease) if self.held.renews => since + (lease / 3).min(longest),
            _ => {
                let at = since + (self.counted / 3).min(LONGEST_LOOK).min(longest);
                let last = self.last_call().back(LAST_LOOK.max(self.counted / 20));
                match self.deadline {
                    Instant::FAR_FUTURE => at,
                    _ if at <= last => at,
                    _ if since < last => last,
                    // There is no time for another look.
                    _ => Instant::FAR_FUTURE,
                }
            }
        }
    }

    /// When the renewal has to act on the lease.
    pub(super) fn next(&self) -> Instant {
        match (self.state, self.asking) {
            (LeaseState::Lost | LeaseState::Lapsed, _) => Instant::FAR_FUTURE,
            (_, true) => self.last_call(),
            (_, false) => self.last_call().min(self.due_at),
        }
    }

    pub(super) fn loss(&self) -> Loss {
        match &self.unrenewed {
            _ if !self.held.renews => Loss::Ended,
            Some(Unrenewed { stuck: true, .. }) => Loss::Stuck,
            _ => Loss::Lapsed,
        }
    }

    /// The request to Redis for a lease that is due.
    pub(super) fn renewal(&self, hold: HoldId) -> Renewal {
        let held = &self.held;
        let told_apart = !held.owner.is_unique() && !held.tokens.is_empty();
        Renewal {
            hold,
            keys: Arc::clone(&held.keys),
            owner: held.owner.clone(),
            tokens: told_apart.then(|| held.tokens.clone()),
            term: held.term(),
            deadline: self.last_call(),
        }
    }
}
