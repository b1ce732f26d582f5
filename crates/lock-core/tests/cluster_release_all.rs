//! `releaseAll` over the nodes of a Redis Cluster.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::Outcome;
use support::cluster::{Nodes, range, rules, with};

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
    assert!(matches!(nodes.outcome(), Outcome::Freed(2)));
    assert!(nodes.router.is_idle());
}

/// A SCAN of the node finds one lock, and so it is freed, or not.
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
    nodes.greet("new");
    for host in ["a", "b"] {
        assert_eq!(nodes.asked(host), ["SCAN"]);
        nodes.reply(host, b"*2\r\n$1\r\n0\r\n*0\r\n");
    }
    assert_eq!(nodes.asked("new"), ["SCAN"]);
    free_one(&mut nodes, "new", b"*2\r\n:1\r\n:1\r\n");
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
    assert!(matches!(nodes.outcome(), Outcome::Freed(1)));
}

#[test]
fn release_all_outlives_all_nodes() {
    let mut nodes = ready();
    nodes.release_all();
    nodes.map(&[]);
    assert!(nodes.done.is_empty() && nodes.router.has_callers());
    nodes.map(&[range(0, 16_383, "c")]);
    nodes.greet("c");
    assert_eq!(nodes.asked("c"), ["SCAN"]);
    nodes.reply("c", b"*2\r\n$1\r\n0\r\n*0\r\n");
    assert!(matches!(nodes.outcome(), Outcome::Freed(0)));
    assert!(nodes.router.is_idle());
}
