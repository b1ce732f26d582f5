//! Deliberate mistakes. The checker finds each of them.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use lock_model::{Call, Config, Faults, Mutants, Owners, find, name};

#[track_caller]
fn caught(title: &str, property: &'static str, config: &Config) {
    let found = find(title, property, config);
    assert!(found.steps(property).is_some(), "not found: {property}");
}

fn one_key(clients: u8) -> Config {
    let calls = (0..clients).map(|client| Call::one(client, 0)).collect();
    Config { ordered: true, ..Config::execute(clients, 1, calls) }
}

/// Two waiters of client 0 and one of each other client, on one key.
fn siblings(others: u8) -> Config {
    let mut calls = vec![Call::one(0, 0), Call::one(0, 0)];
    calls.extend((1..=others).map(|client| Call::one(client, 0)));
    Config::execute(1 + others, 1, calls)
}

#[test]
fn a_release_without_the_owner_check_frees_anothers_lock() {
    let mutants = Mutants { release_without_owner_check: true, ..Mutants::default() };
    let faults = Faults { total: 1, lapses: 1, ..Faults::NONE };
    caught("release without owner check", name::NO_WRONG_FREE, &Config { mutants, faults, ..one_key(2) });
}

#[test]
fn a_publish_without_the_liveness_check_waits_for_the_dead() {
    let mutants = Mutants { publish_without_liveness: true, ..Mutants::default() };
    let faults = Faults { total: 1, crashes: 1, ..Faults::NONE };
    caught("publish without liveness", name::GONE_COST_NOTHING, &Config { mutants, faults, ..one_key(3) });
}

#[test]
fn a_cancelled_park_that_is_not_rolled_back_leaves_a_lock_behind() {
    let mutants = Mutants { cancelled_without_roll_back: true, ..Mutants::default() };
    let faults = Faults { total: 2, cuts: 1, cancels: 1, ..Faults::NONE };
    let config = Config {
        owners: Owners::Star,
        leases: false,
        late_commands: false,
        mutants,
        faults,
        ..Config::execute(1, 1, vec![Call::one(0, 0)])
    };
    caught("cancelled without roll-back", name::NOTHING_STAYS_LOCKED, &config);
}

#[test]
fn an_roll_back_by_owner_frees_the_other_attempts_hold() {
    let mutants = Mutants { roll_back_by_owner: true, ..Mutants::default() };
    let faults = Faults { total: 1, cancels: 1, ..Faults::NONE };
    let calls = vec![Call::one(0, 0).named(1), Call::one(1, 0).named(1), Call::one(2, 0).named(2)];
    let config = Config { owners: Owners::Named, mutants, faults, ..Config::execute(3, 1, calls) };
    caught("roll-back by owner", name::NO_WRONG_FREE, &config);
}

#[test]
fn a_park_that_takes_over_during_a_claim_runs_two_jobs() {
    let mutants = Mutants { oldest_flag_during_claim: true, ..Mutants::default() };
    let faults = Faults { total: 1, noscripts: 1, polls: 1, ..Faults::NONE };
    caught("oldest flag during a claim", name::ONE_HOLDER, &Config { mutants, faults, ..siblings(1) });
}

#[test]
fn a_leave_that_keeps_the_grant_lets_it_lie_idle() {
    let mutants = Mutants { leave_keeps_grant: true, ..Mutants::default() };
    let faults = Faults { total: 1, cancels: 1, ..Faults::NONE };
    caught("leave keeps the grant", name::NO_IDLE_GRANT, &Config { mutants, faults, ..one_key(2) });
}

#[test]
fn barging_overtakes() {
    let mutants = Mutants { barging: true, ..Mutants::default() };
    let faults = Faults { total: 1, lapses: 1, ..Faults::NONE };
    caught("barging", name::NOBODY_OVERTAKES, &Config { mutants, faults, ..one_key(3) });
}

#[test]
fn without_polls_somebody_waits_for_ever() {
    let mutants = Mutants { no_poll: true, ..Mutants::default() };
    let faults = Faults { total: 1, crashes: 1, ..Faults::NONE };
    caught("no poll", name::NOBODY_WAITS_FOR_EVER, &Config { mutants, faults, ..one_key(2) });
}
