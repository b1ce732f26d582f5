//! Answers that were lost with the connection, and grants that come too late.

#![allow(clippy::panic, reason = "a test fails by panicking")]

mod support;

use lock_core::{LockKey, OfAttempt, Outcome, ReleaseRequest, Wanted};
use std::time::Duration;
use support::{HELD, MS, Rig, SECOND, config, holding, named, verb};

const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";

#[test]
fn an_acquire_whose_answer_was_lost_is_asked_again_with_the_same_attempt() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    let first = rig.sent().remove(0);
    rig.cut();
    rig.shake_hands();
    let again = rig.sent().remove(0);
    assert_eq!(first[3..12], again[3..12], "keys, owner and attempt are the same");
    assert_ne!(first[12], again[12], "a new connection is a new client");
    rig.reply(HELD);
    assert!(matches!(rig.outcome(), Outcome::Held(_)));
}

#[test]
fn the_lease_counts_from_the_request_that_was_answered() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 60 * SECOND);
    rig.cut();
    rig.pass(3 * SECOND);
    let asked_at = rig.now;
    rig.shake_hands();
    rig.sent();
    rig.pass(SECOND);
    rig.reply(HELD);
    match rig.outcome() {
        Outcome::Held(hold) => assert_eq!(hold.sent_at, asked_at),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_grant_that_comes_after_the_limit_is_given_back() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    let owner = rig.sent()[0][8].clone();
    rig.pass(SECOND);
    assert_eq!(rig.error().message, "Timed-out acquiring lock.");
    assert!(rig.sent().is_empty(), "nothing can be said before the answer");
    rig.reply(HELD);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), &sent[0][6]), ("give back", &owner));
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    assert!(rig.client.is_idle());
}

#[test]
fn a_late_grant_for_a_named_owner_is_rolled_back_by_its_attempt() {
    let mut rig = Rig::ready(config());
    rig.acquire(&["k"], Wanted::Named((*b"*").into()), Some(SECOND));
    let asked = rig.sent().remove(0);
    let (owner, attempt) = (asked[8].clone(), asked[11].clone());
    rig.pass(SECOND);
    rig.reply(HELD);
    let sent = rig.sent();
    assert_eq!(verb(&sent[0]), "roll back");
    assert_eq!(sent[0][7..9], [owner, attempt]);
}

#[test]
fn a_late_refusal_needs_nothing() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.pass(SECOND);
    rig.reply(REFUSED);
    assert!(rig.sent().is_empty());
    assert!(rig.client.is_idle());
}

#[test]
fn an_acquire_that_timed_out_without_a_connection_and_may_have_been_executed_is_rolled_back() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.cut();
    rig.pass(SECOND);
    rig.done.clear();
    rig.shake_hands();
    let sent = rig.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(verb(&sent[0]), "give back");
}

#[test]
fn an_acquire_that_was_never_sent_leaves_nothing_to_roll_back() {
    let mut rig = Rig::new(config());
    rig.wait_for("k", SECOND);
    rig.pass(SECOND);
    rig.done.clear();
    rig.shake_hands();
    assert!(rig.sent().is_empty());
    assert!(rig.client.is_idle());
}

#[test]
fn an_acquire_is_rolled_back_however_long_ago_it_was_asked_for() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.cut();
    rig.pass(60 * SECOND);
    rig.done.clear();
    rig.shake_hands();
    let sent = rig.sent();
    assert_eq!(sent.len(), 1);
    assert_eq!(verb(&sent[0]), "give back", "a server that stood still may have carried it out a moment ago");
}

#[test]
fn a_grant_that_took_longer_than_its_lease_is_asked_again() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.pass(9 * SECOND);
    rig.reply(b"_\r\n");
    rig.done.clear();
    rig.wait_for("l", 60 * SECOND);
    rig.sent();
    for _ in 0..2 {
        // Bytes keep coming, so the connection is not given up, but the answer itself is slow.
        rig.pass(5 * SECOND);
        rig.client.handle_bytes(rig.now, b"");
    }
    rig.reply(HELD);
    assert!(rig.done.is_empty(), "{:?}", rig.done);
    assert_eq!(verb(&rig.sent()[0]), "take");
    rig.reply(HELD);
    assert!(matches!(rig.outcome(), Outcome::Held(_)));
}

#[test]
fn without_records_a_lock_that_may_be_another_hold_of_its_named_owner_is_not_given_back() {
    let mut rig = Rig::plain(config());
    let (new, joined): (&[u8], &[u8]) = (b"*1\r\n:1\r\n", b"*2\r\n:1\r\n:-1\r\n");
    for (slow, answer, freed) in [(MS, new, true), (MS, joined, false), (5 * SECOND, new, false)] {
        rig.events.clear();
        let (caller, task) = rig.try_for("k", "me");
        assert_eq!(rig.sent().len(), 1);
        for _ in 0..2 {
            rig.pass(slow);
            rig.client.handle_bytes(rig.now, b"");
        }
        rig.client.cancel(rig.now, task, caller);
        rig.reply(answer);
        let sent = rig.sent();
        let frees = sent.iter().filter(|command| command.iter().any(|part| part == "medusa_lock:k"));
        assert_eq!(frees.count(), usize::from(freed), "{sent:?}");
        if freed {
            rig.reply(b"*2\r\n:1\r\n:1\r\n");
        }
        assert_eq!(rig.logs().contains("is not known"), !freed, "{}", rig.logs());
    }
}

#[test]
fn a_release_whose_answer_was_lost_asks_for_the_remembered_one() {
    let mut rig = Rig::ready(config());
    rig.release("k", &named("*"), None);
    let first = rig.sent().remove(0);
    rig.cut();
    rig.shake_hands();
    let again = rig.sent().remove(0);
    assert_eq!(first[3..6], again[3..6], "the same lock, record and remembered release");
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    assert!(matches!(rig.outcome(), Outcome::Released));
}

#[test]
fn a_resent_release_of_an_execute_lock_that_is_gone_counts_as_released() {
    let (mut rig, hold) = holding(config());
    rig.release("k", &hold.owner, Some(rig.now + 10 * SECOND));
    rig.sent();
    rig.cut();
    rig.shake_hands();
    assert_eq!(verb(&rig.sent()[0]), "give back");
    rig.reply(b"*2\r\n:1\r\n:0\r\n");
    assert!(matches!(rig.outcome(), Outcome::Released), "the first one may have got through");
}

#[test]
fn the_end_of_a_job_does_not_wait_for_a_server_that_is_not_there() {
    let (mut rig, hold) = holding(config());
    rig.cut();
    rig.release("k", &hold.owner, Some(rig.now + 10 * SECOND));
    assert!(matches!(rig.outcome(), Outcome::ReleasePending(_)));
    rig.pass(MS);
    rig.shake_hands();
    assert_eq!(verb(&rig.sent()[0]), "give back", "it is released all the same");
}

#[test]
fn a_release_that_redis_refuses_is_repeated_for_an_execute_lock() {
    let (mut rig, hold) = holding(config());
    rig.release("k", &hold.owner, Some(rig.now + 10 * SECOND));
    rig.sent();
    rig.reply(b"-MISCONF Redis is configured to save RDB snapshots, but it is currently unable to.\r\n");
    assert!(matches!(rig.outcome(), Outcome::ReleasePending(_)));
    rig.pass(SECOND);
    assert_eq!(verb(&rig.sent()[0]), "give back");
}

#[test]
fn a_withdrawn_script_is_not_sent_again() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.pass(SECOND);
    rig.done.clear();
    rig.reply(b"-NOSCRIPT No matching script.\r\n");
    assert!(rig.sent().is_empty());
    assert!(rig.client.is_idle());
}

#[test]
fn an_attempt_that_joined_a_hold_confirms_itself_alone() {
    let mut rig = Rig::ready(config());
    let joined = b"*3\r\n:1\r\n:5\r\n:-1\r\n";
    let is_attempt = |part: &String| part.len() == 32 && part.starts_with("0707");
    rig.try_for("k", "me");
    let (caller, withdrawn) = rig.try_for("k", "me");
    let sent = rig.sent();
    let attempts: Vec<_> =
        sent.iter().filter_map(|command| command.iter().find(|part| is_attempt(part))).collect();
    rig.client.cancel(rig.now, withdrawn, caller);
    rig.reply(joined);
    rig.reply(joined);
    let then = rig.sent();
    assert_eq!(then.len(), 2, "{then:?}");
    assert!(then[0].contains(&format!("={}", attempts[0])), "{then:?}");
    assert!(then[1].contains(attempts[1]), "rolled back: {then:?}");
}

/// Gives back the lock that an attempt of "me" has on "k".
fn gives_back(rig: &mut Rig, alone: bool) {
    gives_back_until(rig, alone, None);
}

/// Does the same with a lock that ends in `left`.
fn gives_back_until(rig: &mut Rig, alone: bool, left: Option<Duration>) {
    let request = ReleaseRequest {
        caller: 77,
        keys: [LockKey::new(b"medusa_lock:k".to_vec())].into(),
        owner: named("me"),
        lease_end: left.map(|left| rig.now + left),
        claim: None,
        limit: Some(5 * SECOND),
        waited: false,
        sound: false,
        good_until: None,
        of_attempt: Some(OfAttempt { attempt: [b'a'; 32], alone }),
    };
    rig.client.release(rig.now, request);
    rig.pass(Duration::ZERO);
}

#[test]
fn a_hold_that_is_given_back_by_its_attempt_is_asked_for_until_it_is_done_and_told() {
    let mut rig = Rig::ready(config());
    gives_back(&mut rig, false);
    assert_eq!(verb(&rig.sent()[0]), "roll back");
    rig.cut();
    rig.shake_hands();
    assert_eq!(verb(&rig.sent()[0]), "roll back");
    rig.reply(b"*1\r\n:1\r\n");
    assert!(matches!(rig.outcome(), Outcome::Released));
    assert!(rig.client.is_idle());
}

#[test]
fn without_records_a_hold_goes_back_by_its_attempt_only_if_its_owner_has_no_other() {
    for alone in [true, false] {
        let mut rig = Rig::plain(config());
        gives_back(&mut rig, alone);
        assert_eq!(rig.sent().len(), usize::from(alone));
        if alone {
            rig.reply(b"*2\r\n:1\r\n:1\r\n");
        }
        assert!(matches!(rig.outcome(), Outcome::Released));
    }
}

#[test]
fn without_records_nothing_is_given_back_by_name_after_the_holds_end() {
    for (outage, is_sent) in [(SECOND, true), (3 * SECOND, false), (9 * SECOND, false)] {
        let mut rig = Rig::plain(config());
        rig.cut();
        gives_back_until(&mut rig, true, Some(2 * SECOND));
        rig.pass(outage);
        rig.connects_without_side_keys();
        assert_eq!(rig.sent().len(), usize::from(is_sent), "the next hold may be another instance's");
        if is_sent {
            rig.reply(b"*2\r\n:1\r\n:1\r\n");
        }
        assert!(rig.client.is_idle());
    }
}

#[test]
fn without_records_a_hold_stays_while_its_owner_asks_for_the_key_again() {
    let mut rig = Rig::plain(config());
    rig.try_for("k", "me");
    rig.sent();
    gives_back(&mut rig, true);
    assert!(rig.sent().is_empty());
    assert!(matches!(rig.outcome(), Outcome::Released));
}

#[test]
fn a_roll_back_ends_with_a_word_in_the_log_where_records_may_not_be_looked_at_any_more() {
    let mut rig = Rig::ready(config());
    gives_back(&mut rig, false);
    rig.cut();
    rig.connects_without_side_keys();
    assert_eq!(rig.sent().len(), 1);
    rig.reply(b"-NOPERM no side keys\r\n");
    assert!(rig.logs().contains("release it by hand"), "{}", rig.logs());
    rig.pass(60 * SECOND);
    assert!(rig.sent().is_empty() && rig.client.is_idle());
}
