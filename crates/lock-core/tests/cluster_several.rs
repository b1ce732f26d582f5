//! Calls over several nodes of a Redis Cluster: keys of several slots, `releaseAll`, the step at exit.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, LockKey, NewLease, Outcome, WaitPolicy, Wanted};
use std::time::Duration;
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
    half_of(Wanted::Execute, wait, Some(LEASE))
}

fn half_of(wanted: Wanted, wait: WaitPolicy, lease: Option<Duration>) -> (Nodes, u64) {
    let mut nodes = ready();
    let caller = nodes.acquire_for(&[key(9000), key(1)], wanted, wait, lease);
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
    nodes.reply("a", LISTENS);
    nodes.reply("a", &held(5));
    assert_eq!(nodes.asked("b"), ["SSUBSCRIBE", "park"]);
    nodes.reply("b", LISTENS);
    nodes.reply("b", &parked(TICKET));
    (nodes, caller)
}

/// The lock at "a" is given back, and the client leaves the queue at "b".
fn assert_rolled_back(nodes: &mut Nodes) {
    // Nobody waits there, so the release shares a call with others.
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
    // Nobody waits, so the release shares a call with others.
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
    nodes.shake_hands("new");
    assert_eq!(nodes.asked("new"), ["roll back"]);
}

#[test]
fn a_part_that_a_slow_node_took_late_is_given_back_after_its_request_is_a_lease_old() {
    let mut nodes = ready();
    nodes.acquire(&[key(1), key(9000)], Wanted::Named((*b"me").into()), WaitPolicy::None);
    nodes.sent("a");
    nodes.pass(LEASE / 2);
    nodes.reply("a", &held(7));
    nodes.map(&[range(0, 8191, "new"), range(8192, 16_383, "b")]);
    nodes.sent("b");
    nodes.reply("b", REFUSED);
    nodes.error();
    nodes.pass(LEASE / 2 + SECOND);
    nodes.shake_hands("new");
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
fn a_part_that_is_answered_and_not_told_yet_goes_back_when_the_call_is_withdrawn() {
    let mut nodes = ready();
    let caller = nodes.wait_for(&[9000, 1], WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", &held(5));
    nodes.sent("b");
    let (id, now) = (nodes.id("b"), nodes.now);
    nodes.router.client(id).unwrap().handle_bytes(now, &held(6));
    nodes.cancel(caller);
    assert_eq!(nodes.error().code, Code::Aborted);
    assert_eq!(
        (nodes.asked("a"), nodes.asked("b")),
        (vec!["give back".to_owned()], vec!["give back".to_owned()])
    );
}

#[test]
fn a_part_that_is_answered_together_with_the_loss_of_another_goes_back() {
    let mut nodes = ready();
    nodes.wait_for(&[2, 1], WaitPolicy::Endless);
    nodes.sent("a");
    nodes.reply("a", LISTENS);
    nodes.reply("a", &held(5));
    nodes.sent("a");
    nodes.reply("a", LISTENS);
    nodes.reply("a", &parked(TICKET));
    nodes.pass(LEASE / 3);
    // The waiter looks at the second, and keeps the first, which is not answered yet.
    let asked: Vec<_> = nodes.sent("a").into_iter().map(|command| command[3].clone()).collect();
    assert_eq!(asked, [2, 1].map(|slot| format!("medusa_lock:{}", key(slot))));
    nodes.reply("a", &parked(TICKET));
    nodes.pass(LEASE / 3);
    let second = nodes.sent("a").remove(0);
    assert_eq!((support::verb(&second), &second[3]), ("park", &format!("medusa_lock:{}", key(2))));
    nodes.reply("a", &[REFUSED, &held(6)].concat());
    let sent = nodes.sent("a");
    let owner = &second[8];
    let of = |verb: &str| sent.iter().find(|command| support::verb(command) == verb);
    assert!(of("give back").is_some_and(|command| command.contains(owner)), "{sent:?}");
    assert!(of("park").is_some_and(|command| !command.contains(owner)), "{sent:?}");
}

#[test]
fn a_part_of_a_lock_without_an_end_has_one_until_all_are_held() {
    let (mut nodes, _) = half_of(Wanted::Named((*b"me").into()), WaitPolicy::Endless, None);
    nodes.pass(2 * SECOND);
    let kept = nodes.sent("a").remove(0);
    assert!(kept.contains(&"5000".to_owned()), "{kept:?}");
    nodes.reply("a", &held(5));
    // The call gets the second.
    let (id, now) = (nodes.id("b"), nodes.now);
    nodes.router.client(id).unwrap().handle_timeout(now + 5 * SECOND);
    nodes.sent("b");
    nodes.reply("b", &held(6));
    assert!(nodes.done.is_empty());
    let whole = nodes.sent("a").remove(0);
    assert!(!whole.contains(&"5000".to_owned()), "{whole:?}");
    nodes.reply("a", &held(5));
    assert_eq!(nodes.hold().lease, None);
    nodes.pass(60 * SECOND);
    assert!(nodes.sent("a").is_empty());
}

#[test]
fn held_parts_are_kept_alive_while_the_call_waits_for_the_rest() {
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
    // The late answer for the old part frees nothing of the new one.
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
    // The call gets the second, while the first does not answer.
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
fn at_exit_what_a_named_owners_call_has_is_given_back() {
    let (mut nodes, _) = half_of(Wanted::Named((*b"me").into()), WaitPolicy::Endless, None);
    assert!(nodes.router.shorten_for_exit(nodes.now, vec![]));
    assert_eq!(nodes.asked("a"), ["roll back"]);
    assert_eq!(nodes.asked("b"), ["leave"]);
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
        attempt: [0; 32],
        joined: false,
        claim: None,
        waited: false,
        since: nodes.now,
        label: None,
    };
    assert!(nodes.router.shorten_for_exit(nodes.now, vec![lease]));
    // This is the lock at "a" of the call that still waits at "b".
    let sent = nodes.sent("a");
    assert_eq!((support::verb(&sent[0]), &sent[0][3]), ("renew", &format!("medusa_lock:{}", key(1))));
    let sent = nodes.sent("b");
    assert_eq!((support::verb(&sent[0]), &sent[0][3]), ("renew", &format!("medusa_lock:{}", key(9001))));
    assert_eq!(support::verb(&sent[1]), "leave");
    assert_eq!(sent.len(), 2);
}

#[test]
fn a_part_that_its_node_does_not_keep_for_a_while_is_asked_for_until_it_may_have_lapsed() {
    let (mut nodes, _) = half(WaitPolicy::Limit(60 * SECOND));
    let mut refused = 0;
    nodes.pass(LEASE / 3);
    for _ in 0..40 {
        for _ in nodes.asked("a") {
            refused += 1;
            nodes.refuse(
                "a",
                if refused == 20 { "BUSY Redis is busy" } else { "CLUSTERDOWN The cluster is down" },
            );
        }
        nodes.pass(100 * MS);
    }
    assert!(refused > 20, "{refused}");
    assert!(nodes.done.is_empty(), "there is still time: {:?}", nodes.done);
    for _ in nodes.asked("a") {
        nodes.reply("a", &held(5));
    }
    nodes.pass(SECOND);
    assert!(nodes.done.is_empty());
}

#[test]
fn a_part_that_may_have_lapsed_while_its_node_did_not_keep_it_fails_its_call() {
    let (mut nodes, _) = half(WaitPolicy::Limit(60 * SECOND));
    for _ in 0..100 {
        for _ in nodes.asked("a") {
            nodes.refuse("a", "BUSY Redis is busy");
        }
        nodes.pass(100 * MS);
        nodes.asked("b");
    }
    assert_eq!(nodes.error().code, Code::Refused);
}

#[test]
fn a_part_that_was_not_kept_is_asked_for_before_the_call_is_told() {
    let (mut nodes, _) = half(WaitPolicy::Limit(60 * SECOND));
    nodes.pass(LEASE / 3);
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.refuse("a", "BUSY Redis is busy");
    // The call gets the second.
    nodes.sent("b");
    nodes.reply("b", &held(6));
    assert!(nodes.done.is_empty());
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.reply("a", &held(5));
    nodes.hold();
}

#[test]
fn a_part_whose_roll_back_may_come_late_is_taken_again_under_a_new_name() {
    let (mut nodes, _) = half(WaitPolicy::Limit(60 * SECOND));
    nodes.pass(LEASE / 3);
    let refresh = nodes.sent("a").remove(0);
    // Nobody knows whether the first command was executed when the second is refused.
    let (id, now) = (nodes.id("a"), nodes.now);
    nodes.router.client(id).unwrap().handle_disconnected(now, "cut");
    nodes.pass(SECOND);
    nodes.shake_hands("a");
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.refuse("a", "BUSY Redis is busy");
    let sent = nodes.sent("a");
    let verbs: Vec<&str> = sent.iter().map(|command| support::verb(command)).collect();
    assert!(verbs.contains(&"give back"), "{verbs:?}");
    let again = sent.iter().find(|command| support::verb(command) == "park");
    assert!(again.is_some_and(|command| command[8] != refresh[8]), "{sent:?}");
    assert!(nodes.done.is_empty());
}
