//! The log's lines about keys for which calls wait long.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lock_core::{AcquireRequest, Engine, Instant, Keep, SharedLeases, WaitPolicy, Wanted};
use support::{MS, SECOND, config};

fn waits(engine: &mut Engine, now: Instant, caller: u64, key: &str) {
    let request = AcquireRequest {
        caller,
        keys: engine.router().parse_keys(&[key.to_owned()]).unwrap(),
        named: vec![],
        wanted: Wanted::Execute,
        lease: Some(60 * SECOND),
        wait: WaitPolicy::Limit(60 * SECOND),
        keep: Keep::Renewed,
        label: None,
    };
    engine.acquire(now, request).unwrap();
}

#[test]
fn a_key_that_one_call_has_waited_for_long_counts_all_calls_that_wait_for_it() {
    let start = Instant::from_nanos(1 << 40);
    let mut engine = Engine::new(config(), [7; 24], SharedLeases::default());
    waits(&mut engine, start, 1, "old");
    waits(&mut engine, start + MS, 2, "old");
    waits(&mut engine, start + MS, 3, "new");
    let long = engine.long_waits(start + 200 * MS, 200 * MS);
    let told: Vec<_> = long.iter().map(|wait| (wait.key.as_str(), wait.count, wait.longest_ms)).collect();
    assert_eq!(told, [("medusa_lock:old", 2, 200)]);
}
