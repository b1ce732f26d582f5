//! A call that puts the owner and the full lease in place of a grant. The job is running already.

use crate::commands::claim::Claiming;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) key: LockKey,
    pub(crate) grant: Arc<[u8]>,
    pub(crate) owner: Owner,
    pub(crate) lease: Duration,
    pub(crate) client: AttemptId,
    pub(crate) sent_at: Instant,
    /// The end of the grant.
    pub(crate) until: Instant,
    /// The job has ended, and its release named the grant too.
    pub(crate) superseded: bool,
}

impl Claim {
    /// The arguments of `claim`. `next_ticket`: the ticket of the client's next waiter.
    pub(crate) fn claiming(&self, next_ticket: Option<u64>) -> Claiming<'_> {
        let Self { key, grant, owner, lease, client, .. } = self;
        Claiming { key, grant, owner, lease: *lease, client, next_ticket }
    }
}
