//! A slot that no node of a cluster calls its own.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, WaitPolicy};
use support::MS;
use support::cluster::{Nodes, rules, with};

#[test]
fn a_call_that_two_nodes_send_to_each_other_pauses_and_its_error_says_why() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::Limit(150 * MS));
    for round in 0..17 {
        let (host, other) = if round % 2 == 0 { ("a", "b") } else { ("b", "a") };
        assert_eq!(nodes.asked(host).last().unwrap(), "park");
        nodes.reply(host, format!("-MOVED 1 {other}:7000\r\n").repeat(2).as_bytes());
    }
    assert!(nodes.sent("b").is_empty());
    nodes.pass(100 * MS);
    assert_eq!(nodes.asked("b"), ["SSUBSCRIBE", "park"]);
    nodes.reply("b", "-MOVED 1 a:7000\r\n".repeat(2).as_bytes());
    nodes.pass(50 * MS);
    let error = nodes.error();
    assert_eq!(error.code, Code::Timeout);
    assert!(error.cause.as_deref().unwrap().contains("18 times in a row: slot 1 "), "{error:?}");
}
