//! A node of a Redis Cluster that loses all its slots. No call that was under way there is lost, whatever its state.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Event, Outcome, RetryPolicy, Safety, Verdict, WaitPolicy, Wanted};
use support::cluster::{Nodes, TICKET, halves, held, key, parked, range, rules, smessage, with};
use support::{MS, SECOND, verb};

const LISTENS: &[u8] = b">3\r\n+ssubscribe\r\n+x\r\n:1\r\n";
const RELEASED: &[u8] = b"*2\r\n:1\r\n:1\r\n";

/// "a" is removed, and "b" has all slots.
fn let_go(nodes: &mut Nodes) {
    nodes.map(&[range(0, 16_383, "b")]);
    assert!(nodes.find("a").is_none());
}

/// The scripts that "b" gets, in order.
fn scripts(nodes: &mut Nodes) -> Vec<&'static str> {
    nodes
        .sent("b")
        .iter()
        .filter(|command| command[0].starts_with("EVAL"))
        .map(|command| verb(command))
        .collect()
}

fn is_at_rest(nodes: &Nodes) -> bool {
    nodes.router.is_idle() && !nodes.router.has_callers()
}

#[test]
fn a_waiter_asks_elsewhere_with_its_ticket() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.park("a", 1);
    let_go(&mut nodes);
    let sent = nodes.sent("b");
    assert_eq!((sent[0][0].as_str(), verb(&sent[1])), ("SSUBSCRIBE", "park"));
    assert!(sent[1].contains(&TICKET.to_string()));
    nodes.reply("b", LISTENS);
    nodes.reply("b", &held(1));
    nodes.hold();
    assert!(is_at_rest(&nodes));
}

#[test]
fn commands_under_way_there_are_not_executed_when_the_node_has_slots_again() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::Endless);
    nodes.sent("a");
    let_go(&mut nodes);
    nodes.map(&halves());
    let asked = nodes.shake_hands("a");
    assert!(asked.iter().any(|command| *command == ["CLIENT", "KILL", "ID", "7"]), "{asked:?}");
}

#[test]
fn a_waiter_that_a_release_named_asks_elsewhere_after_the_release() {
    let mut nodes = Nodes::ready(with(rules()));
    let hold = nodes.holding("a", 1);
    nodes.wait_for(&[1], WaitPolicy::Endless);
    assert_eq!(nodes.asked("a"), ["take"]);
    nodes.reply("a", b"*2\r\n:1\r\n:0\r\n");
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
    nodes.reply("a", LISTENS);
    nodes.reply("a", &parked(TICKET));
    nodes.release(&[1], Some(&hold), &hold.owner);
    assert_eq!(nodes.asked("a"), ["hand over"]);
    let_go(&mut nodes);
    let mut asked = scripts(&mut nodes);
    asked.sort_unstable();
    assert_eq!(asked, ["give back", "park"]);
}

#[test]
fn a_lock_that_waits_for_replicas_is_asked_for_again_by_its_attempt() {
    let safety = Some(Safety { replicas: 1, timeout: 100 * MS });
    let mut nodes = Nodes::ready(ClientConfig { safety, ..with(rules()) });
    nodes.wait_for(&[1], WaitPolicy::None);
    let first = nodes.sent("a").remove(0);
    nodes.reply("a", &held(1));
    assert_eq!(nodes.asked("a"), ["WAIT"]);
    let_go(&mut nodes);
    let again = nodes.sent("b").remove(0);
    assert_eq!((verb(&again), &again[8], &again[11]), ("park", &first[8], &first[11]));
    nodes.reply("b", &held(1));
    assert!(nodes.done.is_empty());
    assert_eq!(nodes.asked("b"), ["WAIT"]);
    nodes.reply("b", b":1\r\n");
    nodes.hold();
    assert!(is_at_rest(&nodes));
}

#[test]
fn a_lock_that_waits_for_replicas_for_nobody_is_given_back_elsewhere() {
    let safety = Some(Safety { replicas: 1, timeout: 100 * MS });
    let mut nodes = Nodes::ready(ClientConfig { safety, ..with(rules()) });
    let caller = nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", &held(1));
    nodes.cancel(caller);
    nodes.done.clear();
    let_go(&mut nodes);
    assert_eq!(scripts(&mut nodes), ["give back"]);
    nodes.reply("b", RELEASED);
    assert!(is_at_rest(&nodes));
}

#[test]
fn an_error_that_somebody_judges_is_taken_as_it_is() {
    let retry = RetryPolicy { asks_on_errors: true, ..RetryPolicy::default() };
    let mut nodes = Nodes::ready(ClientConfig { retry, ..with(rules()) });
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "OOM command not allowed");
    let asked = nodes.events.iter().find_map(|(_, event)| match event {
        Event::AskError { question, .. } => Some(*question),
        _ => None,
    });
    let_go(&mut nodes);
    assert!(nodes.error().message.contains("OOM"));
    // The verdict comes too late, and does nothing.
    nodes.router.judge(nodes.now, asked.unwrap(), Verdict::Resend);
    nodes.drain();
    assert!(nodes.sent("b").is_empty() && is_at_rest(&nodes));
}

#[test]
fn a_claim_goes_on_elsewhere_and_its_job_is_told() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    nodes.hold();
    nodes.sent("a");
    let_go(&mut nodes);
    assert_eq!(scripts(&mut nodes), ["claim"]);
    nodes.reply("b", b"*1\r\n:0\r\n");
    assert!(nodes.events.iter().any(|(_, event)| matches!(event, Event::ClaimLost { .. })));
    assert!(is_at_rest(&nodes));
}

#[test]
fn a_claim_that_was_not_sent_yet_goes_on_elsewhere() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    let hold = nodes.hold();
    let_go(&mut nodes);
    nodes.release(&[1], Some(&hold), &hold.owner);
    let sent = nodes.sent("b");
    let release = sent.iter().find(|command| verb(command) == "hand over").unwrap();
    assert!(release.contains(&format!("grant:{client}:{}", TICKET + 9)));
    for command in &sent {
        let answer: &[u8] = if verb(command) == "claim" { b"*1\r\n:1\r\n" } else { RELEASED };
        nodes.reply("b", answer);
    }
    assert!(matches!(nodes.outcome(), Outcome::Released));
    assert!(is_at_rest(&nodes));
}

#[test]
fn a_client_that_leaves_a_queue_there_need_not_leave_it_elsewhere() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.park("a", 1);
    let caller = nodes.wait_for(&[2], WaitPolicy::Endless);
    nodes.sent("a");
    nodes.reply("a", LISTENS);
    nodes.reply("a", &parked(TICKET));
    nodes.cancel(caller);
    nodes.done.clear();
    assert_eq!(nodes.asked("a"), ["leave"]);
    let_go(&mut nodes);
    assert_eq!(scripts(&mut nodes), ["park"]);
}

#[test]
fn a_call_is_not_failed_by_letting_its_node_go_even_if_none_may_wait_for_a_reconnect() {
    let retry = RetryPolicy { most_reconnects: Some(0), ..RetryPolicy::default() };
    let mut nodes = Nodes::ready(ClientConfig { retry, ..with(rules()) });
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    let_go(&mut nodes);
    assert!(nodes.done.is_empty());
    assert_eq!(scripts(&mut nodes), ["park"]);
}

#[test]
fn a_release_that_pauses_goes_on_elsewhere_without_its_pause() {
    let mut nodes = Nodes::ready(with(rules()));
    let hold = nodes.holding("a", 1);
    nodes.release(&[1], Some(&hold), &hold.owner);
    nodes.sent("a");
    nodes.refuse("a", "BUSY Redis is busy");
    assert!(matches!(nodes.outcome(), Outcome::ReleasePending(_)));
    let_go(&mut nodes);
    assert_eq!(scripts(&mut nodes), ["give back"]);
    nodes.reply("b", RELEASED);
    assert!(is_at_rest(&nodes));
}

#[test]
fn a_release_for_nobody_ends_with_the_lease_when_the_cluster_stays_down() {
    let mut nodes = Nodes::ready(with(rules()));
    let hold = nodes.holding("a", 1);
    nodes.release(&[1], Some(&hold), &hold.owner);
    for _ in 0..200 {
        for _ in nodes.sent("a") {
            nodes.refuse("a", "CLUSTERDOWN The cluster is down");
        }
        nodes.pass(100 * MS);
    }
    assert!(matches!(nodes.outcome(), Outcome::ReleasePending(_)));
    assert!(is_at_rest(&nodes));
}

#[test]
fn parts_of_a_call_follow_their_slots() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.acquire(&[key(1), key(9000)], Wanted::Execute, WaitPolicy::Limit(60 * SECOND));
    nodes.sent("a");
    nodes.reply("a", LISTENS);
    nodes.reply("a", &held(5));
    nodes.sent("b");
    nodes.map(&[range(0, 8191, "a"), range(8192, 16_383, "a")]);
    let sent = nodes.sent("a");
    assert_eq!(verb(sent.last().unwrap()), "park");
    for command in sent {
        nodes.reply("a", if command[0] == "EVALSHA" { b"*2\r\n:1\r\n:6\r\n" } else { LISTENS });
    }
    assert_eq!(*nodes.hold().tokens, [5, 6]);
    assert!(is_at_rest(&nodes));
}
