//! Waiters that were parked in a slot to whose channel nobody listened.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::WaitPolicy;
use support::cluster::{LISTENS, Nodes, TICKET, key, parked, rules, smessage, with};
use support::{MS, verb};

const LIMIT: WaitPolicy = WaitPolicy::Limit(std::time::Duration::from_secs(60));

/// "a" does not have slot 1 yet when it is asked for the channel, and has it when it is asked to park. Returns the client's id there.
fn parked_unheard() -> (Nodes, String) {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], LIMIT);
    let sent = nodes.sent("a");
    assert_eq!((sent[0][0].as_str(), verb(&sent[1])), ("SSUBSCRIBE", "park"));
    nodes.refuse("a", "MOVED 1 b:7000");
    nodes.reply("a", &parked(TICKET));
    (nodes, sent[1][12].clone())
}

#[test]
fn a_channel_that_was_refused_before_the_park_is_asked_for_again_and_then_the_waiter_asks() {
    let (mut nodes, client) = parked_unheard();
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE"]);
    nodes.reply("a", LISTENS);
    let sent = nodes.sent("a");
    assert_eq!((sent.len(), verb(&sent[0])), (1, "park"));
    assert!(sent[0].contains(&TICKET.to_string()), "with its ticket: {sent:?}");
    nodes.reply("a", &parked(TICKET));
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    nodes.hold();
}

#[test]
fn a_waiter_asks_also_if_another_call_had_the_channel_opened() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], LIMIT);
    nodes.sent("a");
    nodes.refuse("a", "MOVED 1 b:7000");
    nodes.acquire(&[format!("{}2", key(1))], lock_core::Wanted::Execute, LIMIT);
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
    // The park was executed before that, so a grant may have come in between.
    nodes.reply("a", &parked(TICKET));
    assert!(nodes.sent("a").is_empty());
    nodes.reply("a", LISTENS);
    let sent = nodes.sent("a");
    assert_eq!((sent.len(), verb(&sent[0])), (1, "park"));
    assert!(sent[0].contains(&TICKET.to_string()), "{sent:?}");
    nodes.reply("a", &parked(TICKET + 1));
    assert!(nodes.sent("a").is_empty());
}

#[test]
fn a_waiter_whose_park_is_answered_after_its_channel_ended_is_heard_again() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.acquire(&[format!("{}2", key(1))], lock_core::Wanted::Execute, LIMIT);
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.cancel(1);
    assert_eq!(nodes.asked("a"), ["leave"]);
    // The slot leaves, and comes back before the park.
    let channel = format!("mlr!{}c:{client}", key(1));
    nodes.reply("a", format!(">3\r\n+sunsubscribe\r\n+{channel}\r\n:0\r\n").as_bytes());
    assert!(nodes.sent("a").is_empty());
    nodes.reply("a", &parked(TICKET + 1));
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE"]);
    nodes.reply("a", LISTENS);
    assert_eq!(nodes.asked("a"), ["park"]);
}

#[test]
fn where_the_channel_is_refused_for_good_the_waiter_polls() {
    let (mut nodes, _) = parked_unheard();
    for _ in 0..3 {
        assert_eq!(nodes.asked("a"), ["SSUBSCRIBE"]);
        nodes.refuse("a", "NOPERM No permissions to access a channel");
        assert!(nodes.sent("a").is_empty());
        nodes.pass(1_001 * MS);
        assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
        nodes.refuse("a", "NOPERM No permissions to access a channel");
        nodes.reply("a", &parked(TICKET));
    }
}
