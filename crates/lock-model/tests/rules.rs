//! Rules that the text left open. Without each of them a property breaks within few steps.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use lock_model::{Call, Config, Faults, Owners, Rules, check, find, name};

#[track_caller]
fn breaks(title: &str, property: &'static str, config: &Config) {
    let found = find(title, property, config);
    assert!(found.steps(property).is_some(), "not found: {property}");
}

/// Two waiters of client 0 and one of each other client, on one key.
fn siblings(others: u8) -> Config {
    let mut calls = vec![Call::one(0, 0), Call::one(0, 0)];
    calls.extend((1..=others).map(|client| Call::one(client, 0)));
    Config::execute(1 + others, 1, calls)
}

#[test]
fn an_early_start_beside_a_leave_runs_two_jobs() {
    let rules = Rules { early_start_waits_for_leave: false, ..Rules::default() };
    let faults = Faults { total: 1, cancels: 1, ..Faults::NONE };
    // In the order in which they begin: a holder, a waiter that is cancelled, the next holder, its sibling, and the client that gets the
    // key beside it.
    let calls = [1, 0, 2, 0, 1].map(|client| Call::one(client, 0)).to_vec();
    let config = Config { rules, faults, ordered: true, ..Config::execute(3, 1, calls) };
    breaks("early start beside a leave", name::ONE_HOLDER, &config);
}

#[test]
fn a_cancelled_poll_that_does_not_decide_runs_two_jobs() {
    let rules = Rules { cancelled_park_decides: false, ..Rules::default() };
    let faults = Faults { total: 2, cancels: 1, polls: 1, ..Faults::NONE };
    breaks("cancelled poll", name::ONE_HOLDER, &Config { rules, faults, ..siblings(2) });
}

#[test]
fn a_first_release_that_does_not_look_frees_the_next_hold() {
    let rules = Rules { release_always_looks: false, ..Rules::default() };
    let faults = Faults { total: 1, cuts: 1, ..Faults::NONE };
    let calls = vec![Call::one(0, 0), Call::one(1, 0)];
    let config = Config { owners: Owners::Star, rules, faults, ..Config::execute(2, 1, calls) };
    breaks("late first release", name::NO_WRONG_FREE, &config);
}

#[test]
fn a_first_command_that_does_not_raise_lets_tokens_fall_at_a_failover() {
    let rules = Rules { first_command_raises: false, ..Rules::default() };
    let faults = Faults { total: 1, failovers: 1, ..Faults::NONE };
    let calls = (0..3).map(|client| Call::one(client, 0)).collect();
    let config = Config { rules, faults, ordered: true, ..Config::execute(3, 1, calls) };
    breaks("failover without raise", name::TOKENS_RISE, &config);
}

#[test]
fn a_push_that_comes_twice_runs_two_jobs_unless_it_is_known() {
    let rules = Rules { pushes_rise: false, ..Rules::default() };
    let faults = Faults { total: 1, duplicates: 1, ..Faults::NONE };
    breaks("push twice", name::ONE_HOLDER, &Config { rules, faults, ..siblings(2) });
}

#[test]
fn a_park_that_goes_back_without_passing_on_costs_a_claim_period() {
    let rules = Rules { unused_grant_is_passed_on: false, ..Rules::default() };
    let faults = Faults { total: 1, lapses: 1, ..Faults::NONE };
    let calls = vec![Call::two(0, 0, 1), Call::two(1, 0, 1), Call::one(2, 1)];
    breaks("going back", name::NO_IDLE_GRANT, &Config { rules, faults, ..Config::execute(3, 2, calls) });
}

#[test]
fn a_record_that_names_one_attempt_lets_its_roll_back_free_the_others_hold() {
    let rules = Rules { record_names_all: false, ..Rules::default() };
    let faults = Faults { total: 1, cancels: 1, ..Faults::NONE };
    let calls = vec![Call::one(0, 0).named(1), Call::one(1, 0).named(1), Call::one(2, 0).named(2)];
    let config = Config { owners: Owners::Named, rules, faults, ..Config::execute(3, 1, calls) };
    breaks("record names one attempt", name::ONE_HOLDER, &config);
}

#[test]
fn a_push_that_comes_twice_does_no_harm_when_it_is_known() {
    let faults = Faults { total: 1, duplicates: 1, ..Faults::NONE };
    let found = check("push twice, known", Config { faults, ..siblings(2) });
    assert!(found.broken.is_empty(), "{:?}", found.broken);
}
