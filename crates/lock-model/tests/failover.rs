//! A limit of the guarantees: a failover or FLUSHALL that loses a lock lets two jobs run. Their tokens tell them apart.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use lock_model::{Call, Config, Faults, check_all, find, name};

fn run(faults: Faults, clients: u8) -> Config {
    let calls = (0..clients).map(|client| Call::one(client, 0)).collect();
    Config { faults: Faults { total: 1, ..faults }, ordered: true, ..Config::execute(clients, 1, calls) }
}

#[test]
fn a_failover_that_loses_a_write_can_run_two_jobs() {
    let faults = Faults { failovers: 1, ..Faults::NONE };
    let found = find("failover", name::ONE_HOLDER, &run(faults, 2));
    assert!(found.steps(name::ONE_HOLDER).is_some());
}

#[test]
fn flushall_can_run_two_jobs() {
    let faults = Faults { flushes: 1, ..Faults::NONE };
    let found = find("flushall", name::ONE_HOLDER, &run(faults, 2));
    assert!(found.steps(name::ONE_HOLDER).is_some());
}

#[test]
fn all_else_holds_after_a_failover() {
    let found = check_all("3 clients, 1 key, failover", run(Faults { failovers: 1, ..Faults::NONE }, 3));
    let broken: Vec<_> = found.broken.iter().map(|(name, _)| *name).collect();
    assert_eq!(broken, [name::ONE_HOLDER]);
}

#[test]
fn all_else_holds_after_flushall() {
    let found = check_all("3 clients, 1 key, FLUSHALL", run(Faults { flushes: 1, ..Faults::NONE }, 3));
    let broken: Vec<_> = found.broken.iter().map(|(name, _)| *name).collect();
    assert_eq!(broken, [name::ONE_HOLDER]);
}
