//! One lease: until when it can be trusted, and when something is to be done about it.

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
/// The same where the server gives no tokens: an acquire of the same owner may bring the end forward there, to a second from now at the nearest.
const LONGEST_LOOK_WITHOUT_TOKENS: Duration = Duration::from_millis(500);
/// Such a lease is looked at once more so long before its end: somebody may have extended it.
const LAST_LOOK: Duration = Duration::from_millis(100);
/// How far a lease can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Renewed in time.
    Held,
    /// The last renewal failed; the lease has not lapsed.
    Suspect,
    /// Redis said that it is gone.
    Lost,
    /// Its time is over, or so nearly that nobody may rely on it.
    Lapsed,
    /// Given back, or never there.
    Gone,
}

impl LeaseState {
    /// Whether another owner may hold the keys.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::Lost | Self::Lapsed)
    }
}

/// Why a renewal did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrenewed {
    /// It was not tried, because the JavaScript thread was stuck for too long.
    pub stuck: bool,
    /// The reason, as the end of a sentence.
    pub why: Arc<str>,
}

impl Unrenewed {
    /// Redis did not do it.
    #[must_use]
    pub fn failed(why: impl Into<Arc<str>>) -> Self {
        Self { stuck: false, why: why.into() }
    }
}

/// What happened to a lease that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It could not be renewed before its end.
    Lapsed,
    /// It was not renewed before its end, because the JavaScript thread was stuck for too long.
    Stuck,
    /// It came to its end, and nobody had asked for a renewal.
    Ended,
    /// Redis said that the lock is not this hold's any more.
    TakenAway,
}

/// What a new lease consists of.
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
    /// Fencing tokens in the order of the keys, by which holds of a named owner are told apart; empty where the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease; `None`: it has no end.
    pub lease: Option<Duration>,
    /// When the request that took the keys was sent: the lease counts from there.
    pub sent_at: Instant,
    /// Whether it is renewed. A lease without an end is not.
    pub renews: bool,
    /// The claim is not answered yet: its number, and until when the grant stands.
    pub claim: Option<Claiming>,
    /// The keys were waited for.
    pub waited: bool,
    /// When the caller was given the keys.
    pub since: Instant,
    /// What the caller says that they are for.
    pub label: Option<Arc<str>>,
}

impl NewLease {
    /// Of keys that the caller is given now, and whose lease nobody asks about.
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

    /// Whether Redis can tell it from a later hold of the same keys.
    pub(super) fn is_told_apart(&self) -> bool {
        self.owner.is_unique() || !self.tokens.is_empty()
    }

    /// What is asked of Redis when it is due.
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
    /// Nothing has shown yet that the grant was claimed.
    pub(super) on_grant: bool,
    /// Until when Redis has the lock for certain, and the length of time from which that was counted.
    pub(super) deadline: Instant,
    pub(super) counted: Duration,
    /// When it is renewed or looked at.
    pub(super) due_at: Instant,
    pub(super) asking: bool,
    /// `on_grant` when it was last asked for.
    pub(super) asked_on_grant: bool,
    /// When the schedule has it.
    pub(super) scheduled: Instant,
    /// Why the last renewal did not come about, if it did not.
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
            // A job may block the thread that hears the claim's answer; the renewal hears by its own.
            lease.due_at = lease.due_at.min(sent_at + CLAIM_PERIOD / 4);
        }
        lease
    }

    /// When it has to be told that the lease is lost, unless it was renewed.
    pub(super) fn last_call(&self) -> Instant {
        if self.deadline == Instant::FAR_FUTURE {
            return Instant::FAR_FUTURE;
        }
        self.deadline.back(margin(self.counted))
    }

    /// How far it can be trusted at `now`, whether or not anybody has looked since.
    pub(super) fn state(&self, now: Instant) -> LeaseState {
        if !self.state.is_lost() && now >= self.last_call() { LeaseState::Lapsed } else { self.state }
    }

    /// Redis had so much time left (`None`: no end) at `since`, or later.
    pub(super) fn extend(&mut self, since: Instant, left: Option<Duration>) {
        self.deadline = left.map_or(Instant::FAR_FUTURE, |left| since + left);
        self.counted = left.unwrap_or(LONGEST_LOOK);
    }

    /// When it is renewed or looked at after `since`.
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

    /// When something is to be done about it.
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

    /// What is asked about it, now that it is due.
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
