//! Waiters of a Redis Cluster whose node refuses their question for a while, because it cannot serve the slot's keys.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, WaitPolicy};
use support::cluster::{Nodes, TICKET, held, parked, rules, smessage, with};
use support::{MS, SECOND};

const DOWN: &str = "CLUSTERDOWN The cluster is down";

/// Two waiters stand in a queue, and the older one asks. Returns the client's id.
fn two_wait(nodes: &mut Nodes) -> String {
    let client = nodes.park("a", 1);
    nodes.wait_for(&[1], WaitPolicy::Endless);
    nodes.sent("a");
    nodes.reply("a", &parked(TICKET + 1));
    nodes.pass(SECOND);
    assert_eq!(nodes.asked("a"), ["park"]);
    client
}

fn assert_the_other_is_served(nodes: &mut Nodes, client: &str) {
    assert_eq!(nodes.router.check(), Ok(()));
    nodes.reply("a", &smessage(client, 1, TICKET + 9));
    assert!(nodes.hold().claim.is_some());
    assert_eq!(nodes.asked("a"), ["claim"]);
}

#[test]
fn one_that_is_withdrawn_while_it_pauses_leaves_the_grant_to_the_next() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = two_wait(&mut nodes);
    nodes.refuse("a", DOWN);
    nodes.cancel(1);
    assert_eq!(nodes.error().code, Code::Aborted);
    assert_the_other_is_served(&mut nodes, &client);
}

#[test]
fn one_that_is_withdrawn_before_it_is_refused_leaves_the_grant_to_the_next() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = two_wait(&mut nodes);
    nodes.cancel(1);
    nodes.refuse("a", DOWN);
    assert_eq!(nodes.error().code, Code::Aborted);
    assert_the_other_is_served(&mut nodes, &client);
}

#[test]
fn one_that_is_refused_too_often_leaves_the_grant_to_the_next() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::Endless);
    let sent = nodes.sent("a");
    nodes.reply("a", b">3\r\n+ssubscribe\r\n+x\r\n:1\r\n");
    nodes.reply("a", &parked(TICKET));
    nodes.wait_for(&[1], WaitPolicy::Limit(60 * SECOND));
    nodes.sent("a");
    nodes.reply("a", &parked(TICKET + 1));
    nodes.pass(SECOND);
    while nodes.done.is_empty() {
        assert_eq!(nodes.asked("a"), ["park"]);
        nodes.refuse("a", DOWN);
        nodes.pass(100 * MS);
    }
    assert_eq!(nodes.error().code, Code::Refused);
    // The answer to its own park is so old that the grant is worth no more than the question.
    nodes.reply("a", &smessage(&sent[1][12], 1, TICKET + 9));
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.reply("a", &held(TICKET + 9));
    nodes.hold();
}

#[test]
fn the_last_one_that_is_withdrawn_leaves_the_queue() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.park("a", 1);
    nodes.pass(SECOND);
    nodes.sent("a");
    nodes.refuse("a", DOWN);
    nodes.cancel(1);
    assert_eq!(nodes.asked("a"), ["leave"]);
    nodes.reply("a", b"*1\r\n:1\r\n");
    assert!(nodes.router.is_idle());
}

#[test]
fn one_in_doubt_that_is_refused_too_often_is_rolled_back_at_once() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::Endless);
    nodes.sent("a");
    let id = nodes.id("a");
    nodes.router.client(id).unwrap().handle_disconnected(nodes.now, "ECONNRESET");
    nodes.pass(SECOND);
    nodes.shake_hands("a");
    while nodes.done.is_empty() {
        for _ in nodes.sent("a") {
            nodes.refuse("a", DOWN);
        }
        nodes.pass(100 * MS);
    }
    assert_eq!(nodes.error().code, Code::Refused);
    assert_eq!(nodes.asked("a"), ["give back"]);
    nodes.reply("a", b":1\r\n");
    assert!(nodes.router.is_idle());
}
