//! Exhaustive runs in which every property holds. The numbers of states are in the crate's documentation.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use lock_model::{Call, Config, Faults, Owners, check};

#[track_caller]
fn holds(title: &str, config: Config) {
    let found = check(title, config);
    assert!(found.broken.is_empty(), "{:?}", found.broken);
}

fn one_key(clients: u8) -> Config {
    let calls = (0..clients).map(|client| Call::one(client, 0)).collect();
    Config { ordered: true, ..Config::execute(clients, 1, calls) }
}

fn two_keys() -> Config {
    Config::execute(3, 2, vec![Call::two(0, 0, 1), Call::two(1, 0, 1), Call::one(2, 1)])
}

#[test]
fn three_clients_share_a_key_under_any_two_faults() {
    let faults = Faults { polls: 0, ..Faults::any(2) };
    holds("3 clients, 1 key, any 2 faults", Config { faults, ..one_key(3) });
}

#[test]
fn two_clients_share_a_key_under_any_three_faults() {
    holds("2 clients, 1 key, any 3 faults", Config { faults: Faults::any(3), ..one_key(2) });
}

#[test]
fn two_clients_with_two_waiters_each_share_a_key_under_any_fault() {
    let calls = [0, 0, 1, 1].map(|client| Call::one(client, 0)).to_vec();
    let config = Config { faults: Faults::any(1), ..Config::execute(2, 1, calls) };
    holds("2 clients with 2 waiters each, 1 key, any fault", config);
}

#[test]
fn siblings_and_two_others_share_a_key_under_any_fault() {
    let calls = [0, 0, 1, 2].map(|client| Call::one(client, 0)).to_vec();
    let faults = Faults { polls: 0, ..Faults::any(1) };
    holds("3 clients with 4 waiters, 1 key, any fault", Config { faults, ..Config::execute(3, 1, calls) });
}

#[test]
fn three_clients_share_two_keys_under_any_fault() {
    holds("3 clients, 2 keys, any fault", Config { faults: Faults::any(1), ..two_keys() });
}

#[test]
fn three_clients_share_two_keys_while_two_of_them_fail() {
    let faults = Faults { total: 2, cuts: 2, crashes: 2, stops: 2, cancels: 2, ..Faults::NONE };
    holds("3 clients, 2 keys, 2 of cut, crash, stop, cancel", Config { faults, ..two_keys() });
}

#[test]
fn two_attempts_of_one_name_and_another_share_a_key_under_any_fault() {
    let calls = vec![Call::one(0, 0).named(1), Call::one(1, 0).named(1), Call::one(2, 0).named(2)];
    let config = Config { owners: Owners::Named, faults: Faults::any(1), ..Config::execute(3, 1, calls) };
    holds("3 clients, 2 names, 1 key, any fault", config);
}

#[test]
fn three_nameless_clients_share_a_key_under_two_broken_connections() {
    let faults = Faults { total: 2, cuts: 2, cancels: 2, noscripts: 2, ..Faults::NONE };
    let config = Config { owners: Owners::Star, faults, ..one_key(3) };
    holds("3 clients, owner *, 1 key, 2 of cut, cancel, NOSCRIPT", config);
}

#[test]
fn nothing_stays_locked_without_leases_when_broken_connections_deliver_nothing_late() {
    let faults = Faults { total: 2, cuts: 2, cancels: 2, noscripts: 2, polls: 1, ..Faults::NONE };
    let config = Config { owners: Owners::Star, leases: false, late_commands: false, faults, ..one_key(3) };
    holds("3 clients, owner *, no leases, 1 key, 2 of cut, cancel, NOSCRIPT", config);
}
