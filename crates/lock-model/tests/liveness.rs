//! After any faults, the steps that happen by themselves lead to an end in which nobody waits.

use lock_model::{Call, Config, Faults, dead_ends};

fn one_key(clients: u8) -> Config {
    let calls = (0..clients).map(|client| Call::one(client, 0)).collect();
    Config { ordered: true, ..Config::execute(clients, 1, calls) }
}

#[test]
fn every_state_of_one_key_leads_on() {
    assert_eq!(dead_ends("3 clients, 1 key, any fault", Config { faults: Faults::any(1), ..one_key(3) }), 0);
}

#[test]
fn every_state_of_two_keys_leads_on() {
    let calls = vec![Call::two(0, 0, 1), Call::two(1, 0, 1), Call::one(2, 1)];
    let faults = Faults { total: 1, cuts: 1, crashes: 1, stops: 1, ..Faults::NONE };
    assert_eq!(dead_ends("3 clients, 2 keys, 1 fault", Config { faults, ..Config::execute(3, 2, calls) }), 0);
}
