//! How long a lease, or a grant, can be relied on.

use crate::time::Instant;
use std::time::Duration;

/// How long a grant stands until it is claimed, as the scripts have it.
pub(crate) const CLAIM_PERIOD: Duration = Duration::from_secs(2);

/// What is left of an `execute` lock's lease when its process ends, in milliseconds: a COMMIT may be in flight.
pub const EXIT_LEASE_MS: u64 = 2_000;

/// How long the step at the end of a process may take.
pub const EXIT_LIMIT: Duration = Duration::from_millis(200);

/// How much of that it may wait for renewals that are under way.
pub const EXIT_LIMIT_OF_RENEWALS: Duration = Duration::from_millis(100);

/// Shortest and longest time after which a renewal or look that failed is tried again.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(3));

/// The abort comes this much before the lease can lapse: a share for clocks that run at different speeds and
/// a fixed part for the way to the JavaScript thread.
pub(crate) fn margin(lease: Duration) -> Duration {
    lease / 100 + Duration::from_millis(10)
}

/// When Redis itself will have freed what an acquire took, if its command is carried out no later than `now`.
pub(crate) fn longest_end(now: Instant, lease: Option<Duration>) -> Option<Instant> {
    lease.map(|lease| now + lease)
}

/// Whether what a command took that was sent at `sent_at` may have lapsed by `now`.
pub(crate) fn is_late(now: Instant, sent_at: Instant, lease: Option<Duration>) -> bool {
    lease.is_some_and(|lease| now >= (sent_at + lease).back(margin(lease)))
}
