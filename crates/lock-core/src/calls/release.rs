//! A call that gives keys back: by owner on request, by attempt when an acquire came to nothing or its hold is refused.

use super::acquire::Hint;
use crate::commands::hand_over::{HandOver, Served};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;

/// What tells that a key is ours to free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The owner: asked for by a caller, or unique to one call.
    Owner,
    /// The attempt, as the hold record has it.
    Attempt(AttemptId),
    /// Nothing is freed: whether the lock is the owner's is verified, for callers whose job has ended and whose lock others took over.
    VerifyOwner,
}

#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) keys: Arc<[LockKey]>,
    pub(crate) owner: Owner,
    pub(crate) by: By,
    pub(crate) request: AttemptId,
    /// When Redis will have freed the keys by itself; until then an automatic release is repeated.
    pub(crate) until: Option<Instant>,
    /// The job ended in time, and its lease is over at this moment: what Redis says later says nothing against it.
    pub(crate) good_until: Option<Instant>,
    /// The release of a job's lock, or of a hold that is given back: goes on when its caller was told.
    pub(crate) of_job: bool,
    /// The claim by which the hold began.
    pub(crate) claim: Option<u64>,
    /// The grant that the hold began on, as it may still stand in Redis.
    pub(crate) grant: Option<Arc<[u8]>>,
    pub(crate) hint: Option<Hint>,
    /// Callers that are told the same: their jobs ended before, on this lock.
    pub(super) also: Vec<u64>,
    /// Of the cohort that it ends: the waiters that were served without a command.
    pub(crate) served: Option<Served>,
    pub(crate) sent_at: Instant,
}

impl Release {
    /// Of what was taken for nobody: no caller, and nobody named to be next.
    pub(crate) fn automatic(
        now: Instant,
        keys: Arc<[LockKey]>,
        owner: Owner,
        by: By,
        request: AttemptId,
        until: Option<Instant>,
    ) -> Self {
        Self {
            keys,
            owner,
            by,
            request,
            until,
            good_until: None,
            of_job: false,
            claim: None,
            grant: None,
            hint: None,
            also: Vec::new(),
            served: None,
            sent_at: now,
        }
    }

    /// These callers are told the same.
    pub(crate) fn with_others(self, also: Vec<u64>) -> Self {
        Self { also, ..self }
    }

    /// What `hand over` is asked.
    pub(crate) fn hand_over(&self) -> HandOver<'_> {
        HandOver {
            keys: &self.keys,
            owner: &self.owner,
            grant: self.grant.as_deref(),
            hint: self.hint.as_ref().map(|hint| &hint.hint),
            served_up_to: self.served.map(|served| served.up_to),
        }
    }

    /// Whether the release of a lock of `execute` has nothing more to say than that.
    pub(crate) fn is_plain_give_back(&self) -> bool {
        let Self { keys, owner, by: By::Owner, grant: None, hint: None, served: None, .. } = self else {
            return false;
        };
        keys.len() == 1 && owner.is_unique()
    }

    /// Whether Redis may have freed the lock by itself since the job ended in time.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.good_until.is_some_and(|until| now >= until)
    }
}
