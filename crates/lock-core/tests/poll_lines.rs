//! Callers of one client that poll for a key. They stand in a line, and only the first of them asks.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Outcome, TaskKey, Wanted};
use std::time::Duration;
use support::{MS, Rig, SECOND, config, verb};

const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";
const HELD: &[u8] = b"*2\r\n:1\r\n:1800000000000000\r\n";

/// Lets time pass until the client asks something. Returns how long that took.
fn asked(rig: &mut Rig, most: Duration) -> (Vec<Vec<String>>, Duration) {
    let began = rig.now;
    while rig.now < began + most {
        rig.pass(MS);
        let sent = rig.sent();
        if !sent.is_empty() {
            return (sent, rig.now.since(began));
        }
    }
    (Vec::new(), most)
}

/// Three callers. The first was told to poll, and nobody has asked again.
fn three(rig: &mut Rig) {
    rig.wait_for("k", 3_600 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    rig.wait_for("k", 3_600 * SECOND);
    rig.wait_for("k", 3_600 * SECOND);
    assert!(rig.sent().is_empty(), "they stand behind the first");
}

#[test]
fn only_the_first_in_line_asks() {
    let mut rig = Rig::ready(config());
    three(&mut rig);
    for _ in 0..20 {
        let (sent, pause) = asked(&mut rig, SECOND);
        assert_eq!((sent.len(), verb(&sent[0])), (1, "park"));
        assert!(
            pause <= 26 * MS,
            "whoever gives it back and takes it again in one breath is broken into: {pause:?}"
        );
        rig.reply(REFUSED);
    }
}

#[test]
fn the_next_in_line_asks_as_soon_as_the_lock_is_given_back() {
    let mut rig = Rig::ready(config());
    three(&mut rig);
    asked(&mut rig, SECOND);
    rig.reply(HELD);
    let Outcome::Held(hold) = rig.outcome() else { panic!("not held") };
    rig.pass(5 * MS);
    rig.sent();
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    let sent = rig.sent();
    let verbs: Vec<_> = sent.iter().map(|command| verb(command)).collect();
    assert_eq!(verbs, ["give back", "park"], "in one write, the release first");
}

#[test]
fn a_waiter_that_has_to_poll_and_is_withdrawn_gives_back_what_it_has() {
    let mut rig = Rig::ready(config());
    let (caller, index) = rig.acquire(&["a", "k"], Wanted::Execute, Some(3_600 * SECOND));
    rig.sent();
    rig.reply(b"*5\r\n:2\r\n:1\r\n:1800000000000000\r\n:60000\r\n:1\r\n");
    rig.wait_for("k", 3_600 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    let sent = rig.sent();
    assert_eq!(verb(&sent[0]), "leave", "everybody polls for it from now on");
    rig.reply(b"*1\r\n:1\r\n");
    rig.client.cancel(rig.now, index, caller);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][3].as_str()), ("hand over", "medusa_lock:a"));
}

/// A call has the first of two keys and waits for the second. On the next connection all callers poll.
fn parked_before_it_polls() -> (Rig, u64, TaskKey) {
    let mut rig = Rig::ready(config());
    let (caller, index) = rig.acquire(&["a", "k"], Wanted::Execute, Some(3_600 * SECOND));
    rig.sent();
    rig.reply(b"*5\r\n:2\r\n:1\r\n:1800000000000000\r\n:60000\r\n:1\r\n");
    rig.cut();
    rig.pass(SECOND);
    rig.connects_without_side_keys();
    assert_eq!(verb(rig.sent().last().unwrap()), "acquire");
    (rig, caller, index)
}

#[test]
fn keys_from_before_a_call_polled_are_given_back_when_it_goes() {
    let (mut rig, caller, index) = parked_before_it_polls();
    rig.reply(REFUSED);
    rig.client.cancel(rig.now, index, caller);
    assert_eq!(verb(&rig.sent()[0]), "release", "between two questions");
    let (mut rig, caller, index) = parked_before_it_polls();
    rig.client.cancel(rig.now, index, caller);
    rig.reply(REFUSED);
    assert_eq!(verb(&rig.sent()[0]), "release", "while it asks");
}

#[test]
fn a_question_says_when_the_client_gave_the_lock_back_a_moment_ago() {
    let mut rig = Rig::ready(config());
    three(&mut rig);
    let (before, _) = asked(&mut rig, SECOND);
    rig.reply(HELD);
    let Outcome::Held(hold) = rig.outcome() else { panic!("not held") };
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    let at_once = rig.sent().pop().unwrap();
    rig.reply(b":1\r\n");
    rig.reply(REFUSED);
    rig.pass(25 * MS);
    let later = rig.sent().pop().unwrap();
    let arguments = |park: &[String]| park.len() - 3 - 5;
    assert_eq!((verb(&at_once), arguments(&at_once), at_once.last().unwrap().as_str()), ("park", 13, "1"));
    assert_eq!((arguments(&before[0]), arguments(&later)), (11, 11), "{later:?}");
}

#[test]
fn a_caller_who_goes_away_does_not_hold_up_the_line() {
    let mut rig = Rig::ready(config());
    let (first, task) = rig.wait_for("k", 3_600 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    rig.wait_for("k", 3_600 * SECOND);
    rig.client.cancel(rig.now, task, first);
    let (sent, _) = asked(&mut rig, SECOND);
    assert_eq!(sent.len(), 1, "the second asks");
}

#[test]
fn a_caller_who_goes_away_while_it_is_asked_for_does_not_hold_up_the_line() {
    let mut rig = Rig::ready(config());
    let (first, task) = rig.wait_for("k", 3_600 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    rig.wait_for("k", 3_600 * SECOND);
    asked(&mut rig, SECOND);
    rig.client.cancel(rig.now, task, first);
    rig.reply(REFUSED);
    let (sent, _) = asked(&mut rig, SECOND);
    assert_eq!(sent.len(), 1, "the second asks");
}

#[test]
fn a_line_goes_on_after_a_broken_connection() {
    let mut rig = Rig::ready(config());
    three(&mut rig);
    asked(&mut rig, SECOND);
    rig.cut();
    rig.pass(100 * MS);
    rig.shake_hands();
    let sent = rig.sent();
    assert!(sent.iter().any(|command| verb(command) == "park"), "{sent:?}");
}

#[test]
fn a_call_that_waits_long_asks_as_often_as_before() {
    let mut rig = Rig::ready(config());
    three(&mut rig);
    let began = rig.now;
    while rig.now < began + 10 * SECOND {
        let (sent, pause) = asked(&mut rig, SECOND);
        assert_eq!(sent.len(), 1);
        assert!(pause <= 26 * MS, "others who have come just now ask as often: {pause:?}");
        rig.reply(REFUSED);
    }
}
