//! Calls over several nodes of a Redis Cluster: keys of several slots, `releaseAll`, the step at exit.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, LockKey, NewLease, Outcome, WaitPolicy, Wanted};
use support::cluster::{LEASE, Nodes, TICKET, held, key, parked, range, rules, with};
use support::{MS, SECOND, named};

const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";
const LISTENS: &[u8] = b">3\r\n+ssubscribe\r\n+x\r\n:1\r\n";
const NOT_HELD: &[u8] = b"*3\r\n:1\r\n:0\r\n:0\r\n";

fn ready() -> Nodes {
    Nodes::ready(with(rules()))
}

/// A call for a key of "a" and one of "b" that has the first and waits in the queue of the second.
fn half(wait: WaitPolicy) -> (Nodes, u64) {
    let mut nodes = ready();
    let caller = nodes.wait_for(&[9000, 1], wait);
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
    nodes.reply("a", LISTENS);
    nodes.reply("a", &held(5));
    assert_eq!(nodes.asked("b"), ["SSUBSCRIBE", "park"]);
    nodes.reply("b", LISTENS);
    nodes.reply("b", &parked(TICKET));
    (nodes, caller)
}

/// What is held at "a" is given back, and the queue at "b" left.
fn assert_rolled_back(nodes: &mut Nodes) {
    // Nobody waits there, so that it shares a call with others.
    assert_eq!(nodes.asked("a"), ["give back"]);
    nodes.reply("a", b"*2\r\n:1\r\n:1\r\n");
    assert_eq!(nodes.asked("b"), ["leave"]);
    nodes.reply("b", b"*1\r\n:1\r\n");
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn keys_of_several_slots_are_taken_in_their_order_one_slot_after_the_other() {
    let mut nodes = ready();
    nodes.wait_for(&[9000, 1], WaitPolicy::None);
    assert!(nodes.sent("b").is_empty());
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.reply("a", &held(7));
    assert_eq!(nodes.asked("b"), ["park"]);
    nodes.reply("b", &held(3));
    let hold = nodes.hold();
    let slots: Vec<u16> = hold.keys.iter().map(LockKey::slot).collect();
    assert_eq!((slots.as_slice(), &hold.tokens[..]), (&[1, 9000][..], &[7, 3][..]));
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn fewer_tokens_than_keys_give_none() {
    let mut nodes = ready();
    nodes.wait_for(&[1, 9000], WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", b"*1\r\n:1\r\n");
    nodes.sent("b");
    nodes.reply("b", &held(3));
    assert!(nodes.hold().tokens.is_empty());
}

#[test]
fn a_refused_try_gives_back_what_it_has() {
    let mut nodes = ready();
    nodes.wait_for(&[1, 9000], WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", &held(7));
    nodes.sent("b");
    nodes.reply("b", REFUSED);
    let error = nodes.error();
    assert_eq!((error.code, error.keys), (Code::NotAcquired, vec![key(9000)]));
    // Nobody waits, so that it shares a call with others.
    assert_eq!(nodes.asked("a"), ["give back"]);
    nodes.reply("a", b"*2\r\n:1\r\n:1\r\n");
    assert!(nodes.router.is_idle());
}

#[test]
fn a_named_owners_part_is_given_back_by_its_attempt() {
    let mut nodes = ready();
    nodes.acquire(&[key(1), key(9000)], Wanted::Named((*b"me").into()), WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", &held(7));
    nodes.sent("b");
    nodes.reply("b", REFUSED);
    assert_eq!(nodes.error().code, Code::NotAcquired);
    assert_eq!(nodes.asked("a"), ["roll back"]);
}

#[test]
fn a_named_owners_part_is_given_back_by_its_attempt_at_a_node_that_is_not_connected_yet() {
    let mut nodes = ready();
    nodes.acquire(&[key(1), key(9000)], Wanted::Named((*b"me").into()), WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", &held(7));
    nodes.map(&[range(0, 8191, "new"), range(8192, 16_383, "b")]);
    nodes.sent("b");
    nodes.reply("b", REFUSED);
    nodes.error();
    nodes.greet("new");
    assert_eq!(nodes.asked("new"), ["roll back"]);
}

#[test]
fn a_call_that_times_out_gives_back_what_it_has_and_waits_no_longer() {
    let (mut nodes, _) = half(WaitPolicy::Limit(900 * MS));
    nodes.pass(900 * MS);
    let error = nodes.error();
    assert_eq!((error.code, error.keys), (Code::Timeout, vec![key(9000), key(1)]));
    assert_rolled_back(&mut nodes);
}

#[test]
fn a_call_that_is_withdrawn_or_closed_gives_back_what_it_has() {
    for closes in [false, true] {
        let (mut nodes, caller) = half(WaitPolicy::Endless);
        if closes {
            nodes.router.close(nodes.now);
            nodes.drain();
        } else {
            nodes.cancel(caller);
        }
        let code = if closes { Code::Closed } else { Code::Aborted };
        assert_eq!(nodes.error().code, code);
        assert_rolled_back(&mut nodes);
    }
}

#[test]
fn what_is_held_is_kept_alive_while_the_call_waits_for_the_rest() {
    let (mut nodes, _) = half(WaitPolicy::Endless);
    nodes.pass(LEASE / 3);
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.reply("a", &held(5));
    assert!(nodes.done.is_empty());
    nodes.pass(LEASE / 3);
    assert_eq!(nodes.asked("a"), ["park"]);
}

#[test]
fn a_part_that_was_lost_is_taken_again_before_the_later_ones_under_a_new_name() {
    let (mut nodes, _) = half(WaitPolicy::Endless);
    nodes.pass(LEASE / 3);
    let refresh = nodes.sent("a").remove(0);
    nodes.sent("b");
    nodes.reply("a", REFUSED);
    // The late answer of the old part frees nothing of the new one.
    nodes.reply("b", &held(6));
    let again = nodes.sent("a").remove(0);
    assert_eq!(support::verb(&again), "park");
    assert_ne!((&refresh[8], &refresh[11]), (&again[8], &again[11]), "owner and attempt");
    assert!(!nodes.asked("b").contains(&"park".to_owned()));
    nodes.reply("a", &held(8));
    let sent = nodes.sent("b");
    assert!(sent.iter().any(|command| command.contains(&again[8])), "{sent:?}");
    assert!(nodes.done.is_empty());
}

#[test]
fn a_call_whose_part_cannot_be_kept_alive_still_ends_at_its_limit() {
    let (mut nodes, _) = half(WaitPolicy::Limit(8 * SECOND));
    nodes.pass(LEASE / 3);
    assert_eq!(nodes.asked("a"), ["park"]);
    // The second is had, while the first does not answer.
    nodes.sent("b");
    nodes.reply("b", &held(6));
    assert!(nodes.done.is_empty());
    nodes.pass(8 * SECOND);
    assert_eq!(nodes.error().code, Code::Timeout);
    assert!(!nodes.router.has_callers());
}

#[test]
fn a_release_of_several_slots_says_what_became_of_all() {
    type Check = fn(&Outcome) -> bool;
    let (free, not_held): (&[u8], &[u8]) = (b"*2\r\n:1\r\n:1\r\n", NOT_HELD);
    let remembered: &[u8] = b"*2\r\n:1\r\n:0\r\n";
    let refused: &[u8] = b"-ERR no\r\n";
    let cases: [(&[u8], &[u8], Check); 4] = [
        (free, free, |outcome| matches!(outcome, Outcome::Released)),
        (free, not_held, |outcome| matches!(outcome, Outcome::NotHeld(keys) if *keys == [key(9000)])),
        (remembered, free, |outcome| matches!(outcome, Outcome::NotHeld(keys) if keys.is_empty())),
        (
            not_held,
            refused,
            |outcome| matches!(outcome, Outcome::Failed(error) if error.code == Code::Refused),
        ),
    ];
    for (one, other, is_right) in cases {
        let mut nodes = ready();
        nodes.release(&[1, 9000], None, &named("me"));
        assert_eq!((nodes.asked("a"), nodes.asked("b")), (vec!["release".into()], vec!["release".into()]));
        nodes.reply("a", one);
        assert!(nodes.done.is_empty());
        nodes.reply("b", other);
        let outcome = nodes.outcome();
        assert!(is_right(&outcome), "{outcome:?}");
    }
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

#[test]
fn at_exit_each_lock_is_shortened_at_its_own_node() {
    let (mut nodes, _) = half(WaitPolicy::Endless);
    let hold = nodes.holding("b", 9001);
    let lease = NewLease {
        keys: hold.keys,
        owner: hold.owner,
        tokens: hold.tokens,
        lease: Some(LEASE),
        sent_at: nodes.now,
        renews: true,
        claim: None,
        waited: false,
        since: nodes.now,
        label: None,
    };
    assert!(nodes.router.shorten_for_exit(nodes.now, vec![lease]));
    // At "a" what the call has that still waits at "b".
    let sent = nodes.sent("a");
    assert_eq!((support::verb(&sent[0]), &sent[0][3]), ("renew", &format!("medusa_lock:{}", key(1))));
    let sent = nodes.sent("b");
    assert_eq!((support::verb(&sent[0]), &sent[0][3]), ("renew", &format!("medusa_lock:{}", key(9001))));
    assert_eq!(support::verb(&sent[1]), "leave");
    assert_eq!(sent.len(), 2);
}
