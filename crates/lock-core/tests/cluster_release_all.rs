//! `releaseAll` over the nodes of a Redis Cluster.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Error, Outcome, PauseRule, SlotRange, WaitPolicy};
use support::MS;
use support::cluster::{Nodes, halves, held, range, rules, with};

fn ready() -> Nodes {
    Nodes::ready(with(rules()))
}

#[test]
fn release_all_asks_every_node_and_sums() {
    let mut nodes = ready();
    nodes.release_all();
    for host in ["a", "b"] {
        assert_eq!(nodes.asked(host), ["SCAN"]);
        free_one(&mut nodes, host, b"*2\r\n:1\r\n:1\r\n");
    }
    assert!(nodes.done.is_empty() && nodes.router.has_callers() && !nodes.router.is_idle());
    look_up(&mut nodes, &halves());
    assert!(matches!(nodes.outcome(), Outcome::Freed(2)));
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn release_all_asks_a_node_of_which_only_the_table_of_slots_tells() {
    let mut nodes = ready();
    nodes.release_all();
    find_nothing(&mut nodes, "a");
    look_up(&mut nodes, &[range(0, 8191, "a"), range(8192, 16_000, "b"), range(16_001, 16_383, "new")]);
    find_nothing(&mut nodes, "b");
    nodes.shake_hands("new");
    for host in ["a", "b"] {
        find_nothing(&mut nodes, host);
    }
    assert_eq!(nodes.asked("new"), ["SCAN"]);
    free_one(&mut nodes, "new", b"*2\r\n:1\r\n:1\r\n");
    assert!(nodes.done.is_empty());
    look_up(&mut nodes, &[range(0, 8191, "a"), range(8192, 16_000, "b"), range(16_001, 16_383, "new")]);
    assert!(matches!(nodes.outcome(), Outcome::Freed(1)));
}

#[test]
fn release_all_does_not_rely_on_a_lookup_that_began_before_it() {
    let mut nodes = ready();
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "CLUSTERDOWN x");
    nodes.pass(100 * MS);
    assert!(nodes.looks_up());
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.reply("a", &held(1));
    nodes.hold();
    nodes.release_all();
    for host in ["a", "b"] {
        find_nothing(&mut nodes, host);
    }
    nodes.map(&halves());
    assert!(nodes.done.is_empty());
    look_up(&mut nodes, &halves());
    assert!(matches!(nodes.outcome(), Outcome::Freed(0)));
}

#[test]
fn release_all_looks_up_again_after_a_lookup_that_found_nothing() {
    let mut nodes = ready();
    nodes.map(&[range(0, 16_383, "a")]);
    nodes.release_all();
    find_nothing(&mut nodes, "a");
    nodes.pass(50 * MS);
    assert!(nodes.looks_up());
    nodes.no_map();
    assert!(nodes.done.is_empty() && nodes.router.has_callers() && !nodes.router.is_idle());
    nodes.pass(1_000 * MS);
    assert!(nodes.looks_up(), "the next lookup comes by itself");
    nodes.map(&[range(0, 16_383, "new")]);
    nodes.shake_hands("new");
    assert_eq!(nodes.asked("new"), ["SCAN"]);
    free_one(&mut nodes, "new", b"*2\r\n:1\r\n:1\r\n");
    look_up(&mut nodes, &[range(0, 16_383, "new")]);
    assert!(matches!(nodes.outcome(), Outcome::Freed(1)));
}

#[test]
fn release_all_fails_if_the_table_of_slots_cannot_be_had() {
    let mut nodes = ready();
    nodes.release_all();
    for host in ["a", "b"] {
        find_nothing(&mut nodes, host);
    }
    for _ in 0..5 {
        assert!(nodes.done.is_empty());
        nodes.pass(1_000 * MS);
        assert!(nodes.looks_up());
        nodes.no_map();
    }
    let error = nodes.error();
    assert_eq!(error.code, Code::Unreachable);
    assert!(error.message.contains("locks may be left"), "{}", error.message);
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn release_all_fails_if_there_will_be_no_more_lookups() {
    let mut config = with(rules());
    config.retry.pause = PauseRule::Never;
    let mut nodes = Nodes::ready(config);
    for _ in 0..2 {
        nodes.release_all();
        for host in ["a", "b"] {
            find_nothing(&mut nodes, host);
        }
        nodes.pass(50 * MS);
        if nodes.looks_up() {
            nodes.no_map();
        }
        assert_eq!(nodes.error().code, Code::Unreachable);
    }
}

#[test]
fn release_all_fails_as_soon_as_the_user_wants_no_more_lookups() {
    let mut config = with(rules());
    config.retry.lookup_pause = PauseRule::Asked;
    let mut nodes = Nodes::ready(config);
    nodes.release_all();
    for host in ["a", "b"] {
        find_nothing(&mut nodes, host);
    }
    nodes.pass(50 * MS);
    assert!(nodes.looks_up());
    nodes.no_map();
    assert!(nodes.done.is_empty());
    nodes.router.reconnect_in(nodes.now, None);
    nodes.drain();
    assert_eq!(nodes.error().code, Code::Unreachable);
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn release_all_that_waits_for_the_table_of_slots_fails_with_all_others() {
    let mut nodes = ready();
    nodes.release_all();
    for host in ["a", "b"] {
        find_nothing(&mut nodes, host);
    }
    nodes.router.fail_all(&Error::new(Code::Internal, "a fault"));
    nodes.drain();
    assert_eq!(nodes.error().code, Code::Internal);
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

/// The router asks for the table of slots, and gets this one.
fn look_up(nodes: &mut Nodes, ranges: &[SlotRange]) {
    nodes.pass(50 * MS);
    assert!(nodes.looks_up());
    nodes.map(ranges);
}

fn find_nothing(nodes: &mut Nodes, host: &str) {
    assert_eq!(nodes.asked(host), ["SCAN"]);
    nodes.reply(host, b"*2\r\n$1\r\n0\r\n*0\r\n");
}

/// A SCAN of the node finds one lock, which is freed or not.
fn free_one(nodes: &mut Nodes, host: &str, answer: &[u8]) {
    nodes.reply(host, b"*2\r\n$1\r\n0\r\n*1\r\n$13\r\nmedusa_lock:k\r\n");
    assert_eq!(nodes.asked(host), ["revoke"]);
    nodes.reply(host, answer);
}

#[test]
fn release_all_goes_on_at_a_new_node_to_which_a_slot_moved() {
    let mut nodes = ready();
    nodes.release_all();
    nodes.sent("a");
    nodes.sent("b");
    nodes.reply("b", b"*2\r\n$1\r\n0\r\n*0\r\n");
    free_one(&mut nodes, "a", b"-MOVED 7629 new:7000\r\n");
    assert!(nodes.done.is_empty());
    nodes.shake_hands("new");
    let ranges =
        [range(0, 7628, "a"), range(7629, 7629, "new"), range(7630, 8191, "a"), range(8192, 16_383, "b")];
    look_up(&mut nodes, &ranges);
    for host in ["a", "b"] {
        find_nothing(&mut nodes, host);
    }
    assert_eq!(nodes.asked("new"), ["SCAN"]);
    free_one(&mut nodes, "new", b"*2\r\n:1\r\n:1\r\n");
    look_up(&mut nodes, &ranges);
    assert!(matches!(nodes.outcome(), Outcome::Freed(1)));
}

#[test]
fn release_all_gives_up_when_slots_keep_moving() {
    let mut nodes = ready();
    nodes.release_all();
    for _ in 0..9 {
        assert!(nodes.done.is_empty());
        nodes.sent("a");
        nodes.sent("b");
        nodes.reply("b", b"*2\r\n$1\r\n0\r\n*0\r\n");
        free_one(&mut nodes, "a", b"-MOVED 7629 b:7000\r\n");
        look_up(&mut nodes, &halves());
    }
    assert!(nodes.error().message.contains("kept moving"));
    assert!(nodes.router.is_idle());
}

#[test]
fn release_all_counts_what_a_node_freed_that_is_let_go_and_asks_again() {
    let mut nodes = ready();
    nodes.release_all();
    nodes.sent("a");
    nodes.sent("b");
    nodes.reply("b", b"*2\r\n$1\r\n0\r\n*0\r\n");
    nodes.reply("a", b"*2\r\n$1\r\n9\r\n*1\r\n$13\r\nmedusa_lock:k\r\n");
    nodes.sent("a");
    nodes.reply("a", b"*2\r\n:1\r\n:1\r\n");
    nodes.map(&[range(0, 16_383, "b")]);
    assert_eq!(nodes.asked("b"), ["SCAN"]);
    nodes.reply("b", b"*2\r\n$1\r\n0\r\n*0\r\n");
    look_up(&mut nodes, &[range(0, 16_383, "b")]);
    assert!(matches!(nodes.outcome(), Outcome::Freed(1)));
}

#[test]
fn release_all_outlives_all_nodes() {
    let mut nodes = ready();
    nodes.release_all();
    nodes.map(&[]);
    assert!(nodes.done.is_empty() && nodes.router.has_callers());
    nodes.map(&[range(0, 16_383, "c")]);
    nodes.shake_hands("c");
    find_nothing(&mut nodes, "c");
    look_up(&mut nodes, &[range(0, 16_383, "c")]);
    assert!(matches!(nodes.outcome(), Outcome::Freed(0)));
    assert!(nodes.router.is_idle());
}
