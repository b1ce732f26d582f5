//! The limits of the guarantees beside those of `failover.rs`. The protocol bounds each of them, or documents it.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use lock_model::{Call, Config, Faults, Owners, find, name};

#[test]
fn a_park_of_a_broken_connection_that_arrives_after_the_release_locks_for_a_lease_or_for_ever() {
    let faults = Faults { total: 1, cuts: 1, ..Faults::NONE };
    let config = Config {
        owners: Owners::Star,
        leases: false,
        faults,
        ..Config::execute(1, 1, vec![Call::one(0, 0)])
    };
    let found = find("late park without a lease", name::NOTHING_STAYS_LOCKED, &config);
    assert!(found.steps(name::NOTHING_STAYS_LOCKED).is_some());
}
