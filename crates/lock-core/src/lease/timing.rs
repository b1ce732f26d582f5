//! How long a lease or a grant can be relied on.

use crate::time::Instant;
use std::time::Duration;

/// How long a grant stands until it is claimed. The scripts have the same number.
pub(crate) const CLAIM_PERIOD: Duration = Duration::from_secs(2);

/// The lease that an `execute` lock keeps when its process ends, in milliseconds. A COMMIT may be under way.
pub const EXIT_LEASE_MS: u64 = 2_000;

/// How long the step at the end of a process may take.
pub const EXIT_LIMIT: Duration = Duration::from_millis(200);

/// The part of that time in which the step may wait for renewals that are under way.
pub const EXIT_LIMIT_OF_RENEWALS: Duration = Duration::from_millis(100);

/// Shortest and longest time after which a failed renewal or look is tried again.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(3));

/// How long before the lease can lapse the job is aborted. The share is for clocks that run at different speeds, and the fixed part for the
/// way to the JavaScript thread.
pub(crate) fn margin(lease: Duration) -> Duration {
    lease / 100 + Duration::from_millis(10)
}

/// When Redis will have freed by itself what an acquire took, if Redis executes its command no later than `now`.
pub(crate) fn longest_end(now: Instant, lease: Option<Duration>) -> Option<Instant> {
    lease.map(|lease| now + lease)
}

/// Whether the locks that a command took may have lapsed by `now`. The command was sent at `sent_at`.
pub(crate) fn is_late(now: Instant, sent_at: Instant, lease: Option<Duration>) -> bool {
    lease.is_some_and(|lease| now >= (sent_at + lease).back(margin(lease)))
}
