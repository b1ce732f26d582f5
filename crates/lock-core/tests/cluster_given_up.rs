//! A Redis Cluster whose table of slots is not looked up any more, because the user's function says so.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Outcome, Owner, PauseRule, WaitPolicy};
use std::time::Duration;
use support::MS;
use support::cluster::{Nodes, rules, with};

const LONG: WaitPolicy = WaitPolicy::Limit(Duration::from_secs(3_600));

fn asking() -> Nodes {
    let mut config = with(rules());
    config.retry.lookup_pause = PauseRule::Asked;
    Nodes::new(config)
}

/// A call of each kind, over one slot and over several.
fn calls(nodes: &mut Nodes) -> usize {
    let owner = Owner::Named(b"me"[..].into());
    for slots in [&[1][..], &[1, 9_000]] {
        nodes.wait_for(slots, WaitPolicy::None);
        nodes.wait_for(slots, LONG);
        nodes.release(slots, None, &owner);
    }
    nodes.release_all();
    7
}

/// Every call has failed, and nothing is left of it.
fn all_failed(nodes: &mut Nodes, count: usize) {
    assert_eq!(nodes.done.len(), count, "{:?}", nodes.done);
    for (_, outcome) in nodes.done.drain(..) {
        let Outcome::Failed(error) = outcome else { panic!("did not fail: {outcome:?}") };
        assert_eq!(error.code, Code::Unreachable);
    }
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn calls_that_wait_for_the_table_of_slots_fail_when_the_user_ends_the_lookups() {
    let mut nodes = asking();
    let count = calls(&mut nodes);
    nodes.no_map();
    assert!(nodes.done.is_empty(), "{:?}", nodes.done);
    nodes.router.reconnect_in(nodes.now, None);
    nodes.drain();
    all_failed(&mut nodes, count);
}

#[test]
fn later_calls_fail_at_once() {
    let mut nodes = asking();
    nodes.no_map();
    nodes.router.reconnect_in(nodes.now, None);
    let count = calls(&mut nodes);
    nodes.pass(MS);
    all_failed(&mut nodes, count);
}
