//! A call that gives keys back: by owner if a caller asks, or by attempt if an acquire failed or its hold is refused.

use super::acquire::Hint;
use crate::commands::hand_over::{HandOver, Served};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;

/// The proof that a key is this client's to free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The owner, which a caller named or which is unique to one call.
    Owner,
    /// The attempt, as the hold record has it.
    Attempt(AttemptId),
    /// The call frees nothing. It asks whether the lock is still the owner's, for callers whose jobs have ended and whose lock passed to
    /// others of their cohort.
    VerifyOwner,
}

#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) keys: Arc<[LockKey]>,
    pub(crate) owner: Owner,
    pub(crate) by: By,
    pub(crate) request: AttemptId,
    /// When Redis will have freed the keys by itself. The client repeats an automatic release until then.
    pub(crate) until: Option<Instant>,
    /// The job ended in time, and its lease ends at this moment. A later answer of Redis proves nothing against the job.
    pub(crate) good_until: Option<Instant>,
    /// The release of a job's lock, or of a hold that is given back. It goes on after its caller was told.
    pub(crate) of_job: bool,
    /// The number of the claim by which the hold began.
    pub(crate) claim: Option<u64>,
    /// The grant on which the hold began, which may still stand in Redis.
    pub(crate) grant: Option<Arc<[u8]>>,
    pub(crate) hint: Option<Hint>,
    /// Other callers of the same answer. Their jobs ended before, on this lock.
    pub(super) also: Vec<u64>,
    /// The waiters of the ended cohort that were served without a command.
    pub(crate) served: Option<Served>,
    pub(crate) sent_at: Instant,
}

impl Release {
    /// A release that no caller waits for and that names no successor.
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

    /// Adds callers that get the same answer.
    pub(crate) fn with_others(self, also: Vec<u64>) -> Self {
        Self { also, ..self }
    }

    /// The arguments of `hand over`.
    pub(crate) fn hand_over(&self) -> HandOver<'_> {
        HandOver {
            keys: &self.keys,
            owner: &self.owner,
            grant: self.grant.as_deref(),
            hint: self.hint.as_ref().map(|hint| &hint.hint),
            served_up_to: self.served.map(|served| served.up_to),
        }
    }

    /// Whether it is the release of a lock of `execute` that needs no other argument.
    pub(crate) fn is_plain_give_back(&self) -> bool {
        let Self { keys, owner, by: By::Owner, grant: None, hint: None, served: None, .. } = self else {
            return false;
        };
        keys.len() == 1 && owner.is_unique()
    }

    /// Whether Redis has freed the lock by itself, and a release by the owner's name could free a later hold of this owner.
    pub(crate) fn has_lapsed(&self, now: Instant) -> bool {
        let is_by_name = matches!(self.by, By::Owner) && !self.owner.is_unique();
        is_by_name && self.until.is_some_and(|until| now >= until)
    }

    /// Whether the job ended in time and Redis may have freed the lock by itself since then.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        self.good_until.is_some_and(|until| now >= until)
    }
}
