//! The facts about leases that operators see.

use super::entry::LeaseState;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// One key of one lease.
#[derive(Clone, Debug)]
pub struct LeaseFacts {
    /// The key.
    pub key: LockKey,
    /// Its owner.
    pub owner: Owner,
    /// The fencing token, if there is one.
    pub token: Option<u64>,
    /// The caller's label.
    pub label: Option<Arc<str>>,
    /// When the caller got it.
    pub since: Instant,
    /// Length of the lease. `None`: no end.
    pub lease: Option<Duration>,
    /// Time until the lease counts as lost unless it is renewed. `None`: no end.
    pub left: Option<Duration>,
    /// How far the lease can be trusted. `None`: nobody looks after it.
    pub state: Option<LeaseState>,
}
