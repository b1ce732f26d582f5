//! How long a lease, or a grant, can be relied on.

use std::time::Duration;

/// How long a grant stands until it is claimed, as the scripts have it.
pub(crate) const CLAIM_PERIOD: Duration = Duration::from_secs(2);

/// What is left of an `execute` lock's lease when its process ends, in milliseconds: a COMMIT may be in flight.
pub const EXIT_LEASE_MS: u64 = 2_000;

/// Shortest and longest time after which a renewal or look that failed is tried again.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(3));

/// The abort comes this much before the lease can lapse: a share for clocks that run at different speeds and
/// a fixed part for the way to the JavaScript thread.
pub(crate) fn margin(lease: Duration) -> Duration {
    lease / 100 + Duration::from_millis(10)
}
