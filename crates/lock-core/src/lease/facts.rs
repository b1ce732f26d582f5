//! What the table says about its leases, for people.

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
    /// The fencing token, where there is one.
    pub token: Option<u64>,
    /// What the caller says that it is for.
    pub label: Option<Arc<str>>,
    /// When the caller was given it.
    pub since: Instant,
    /// Length of the lease; `None`: no end.
    pub lease: Option<Duration>,
    /// Time until it counts as lost unless it is renewed; `None`: no end.
    pub left: Option<Duration>,
    /// How far it can be trusted; `None`: nobody looks after it.
    pub state: Option<LeaseState>,
}
