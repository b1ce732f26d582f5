//! Taking locks whose tokens nobody can see: a SET each, and one look at all their queues.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Hold, Outcome};
use support::{Rig, SECOND, config, verb};

fn rig() -> Rig {
    let mut rig = Rig::ready(config());
    rig.fenced = false;
    rig
}

/// Calls for these keys; what was sent for them.
fn ask<const N: usize>(rig: &mut Rig, keys: [&str; N]) -> ([u64; N], Vec<Vec<String>>) {
    let callers = keys.map(|key| rig.wait_for(key, 60 * SECOND).0);
    let sent = rig.sent();
    assert_eq!(sent.len(), N + 1);
    (callers, sent)
}

fn hold(rig: &mut Rig) -> (u64, Hold) {
    assert_eq!(rig.done.len(), 1, "{:?}", rig.done);
    match rig.done.pop() {
        Some((caller, Outcome::Held(hold))) => (caller, hold),
        other => panic!("not held: {other:?}"),
    }
}

#[test]
fn each_call_gets_the_answer_of_its_own_command_once_nobody_is_known_to_wait() {
    let mut rig = rig();
    let (callers, sent) = ask(&mut rig, ["a", "b", "c"]);
    assert_eq!(sent[0][..2], ["SET", "medusa_lock:a"]);
    assert_eq!(sent[0][3..], ["NX", "PX", "10000"]);
    assert_eq!(sent[3].len(), 4, "one look at three queues: {:?}", sent[3]);
    rig.reply(b"+OK\r\n_\r\n-OOM full\r\n");
    assert!(rig.done.is_empty(), "somebody may wait");
    rig.reply(b":0\r\n");
    assert!(
        matches!(&rig.done[1], (caller, Outcome::Failed(error)) if *caller == callers[2] && error.code == Code::Refused)
    );
    rig.done.truncate(1);
    let (caller, hold) = hold(&mut rig);
    assert_eq!((caller, hold.tokens.len(), format!("{:?}", hold.owner)), (callers[0], 0, sent[0][2].clone()));
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0]), sent[0][3].as_str()), (1, "park", "medusa_lock:b"));
    rig.release("a", &hold.owner, Some(rig.now + SECOND));
    assert_eq!(verb(&rig.sent()[0]), "give back");
}

#[test]
fn a_lock_that_others_wait_for_is_given_back_and_asked_for_by_another_name() {
    let mut rig = rig();
    let (callers, first) = ask(&mut rig, ["a", "b"]);
    rig.reply(b"+OK\r\n+OK\r\n:1\r\n");
    assert!(rig.done.is_empty());
    let looks = rig.sent();
    assert_eq!(looks.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    rig.reply(b":0\r\n:1\r\n");
    assert_eq!(hold(&mut rig).0, callers[0]);
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), ["give back", "park"]);
    assert_eq!(sent[0][6], first[1][2]);
    assert_ne!(
        sent[1][8], first[1][2],
        "a release that comes late, or twice, must not end what is taken after it"
    );
}

#[test]
fn when_the_connection_breaks_between_the_answers_each_call_asks_for_itself() {
    let mut rig = rig();
    let (_, first) = ask(&mut rig, ["a", "b"]);
    rig.reply(b"+OK\r\n");
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    let again = rig.sent();
    // The first may be held, and is found by its owner; so may the other.
    assert_eq!(again.len(), 3);
    let owners =
        |sent: &[Vec<String>]| sent[..2].iter().map(|command| command[2].clone()).collect::<Vec<_>>();
    assert_eq!(owners(&again), owners(&first));
    rig.reply(b"_\r\n+OK\r\n:0\r\n");
    assert_eq!(rig.done.len(), 1);
    let sent = rig.sent();
    assert_eq!(
        (verb(&sent[0]), sent[0][8].clone(), sent[0][18].as_str()),
        ("park", first[0][2].clone(), "0")
    );
    rig.done.clear();
    rig.reply(b"*2\r\n:1\r\n:1800000000000001\r\n");
    assert_eq!(hold(&mut rig).1.owner, lock_owner(&first[0][2]));
}

#[test]
fn who_may_hold_the_lock_since_before_the_connection_broke_is_parked_alone() {
    let mut rig = rig();
    rig.wait_for("a", 60 * SECOND);
    rig.wait_for("a", 60 * SECOND);
    rig.sent();
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    rig.sent();
    // Either may be the holder.
    rig.reply(b"_\r\n_\r\n:0\r\n");
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|park| park[18].as_str()).collect::<Vec<_>>(), ["0", "0"]);
}

#[test]
fn who_goes_while_it_asks_again_leaves_nothing_locked() {
    let mut rig = rig();
    let (caller, task) = rig.wait_for("a", 60 * SECOND);
    rig.sent();
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    rig.sent();
    rig.client.cancel(rig.now, task, caller);
    // The lock that stands there may be its own, by the command that was not answered.
    rig.reply(b"_\r\n:0\r\n");
    assert_eq!(verb(&rig.sent()[0]), "give back");
}

fn lock_owner(text: &str) -> lock_core::Owner {
    let bytes: [u8; 44] = text.as_bytes().try_into().unwrap_or([0; 44]);
    lock_core::Owner::Execute(bytes)
}

#[test]
fn a_look_that_fails_gives_the_lock_back() {
    let mut rig = rig();
    ask(&mut rig, ["a"]);
    rig.reply(b"+OK\r\n-NOPERM no\r\n");
    assert_eq!(rig.error().code, Code::Refused);
    assert_eq!(verb(&rig.sent()[0]), "give back");
}

#[test]
fn who_has_gone_by_then_leaves_nothing_locked() {
    let mut rig = rig();
    let (caller, task) = rig.wait_for("a", 60 * SECOND);
    rig.sent();
    rig.client.cancel(rig.now, task, caller);
    rig.reply(b"+OK\r\n:0\r\n");
    assert_eq!(verb(&rig.sent()[0]), "give back");
}

#[test]
fn calls_that_can_see_their_tokens_are_asked_for_apart() {
    let mut rig = rig();
    rig.fenced = true;
    rig.try_for("{s}a", "me");
    rig.sent();
    rig.reply(b"*2\r\n:1\r\n:1800000000000000\r\n");
    rig.wait_for("{s}b", SECOND);
    rig.fenced = false;
    rig.wait_for("{s}c", SECOND);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][2].as_str()), ("take", "3"));
    assert_eq!((sent[1][0].as_str(), sent[2][0].as_str(), sent.len()), ("SET", "EXISTS", 3));
}

#[test]
fn a_look_is_at_so_many_queues_at_most() {
    let mut rig = rig();
    for caller in 0..40 {
        rig.wait_for(&caller.to_string(), SECOND);
    }
    let looks = rig.sent().into_iter().filter(|command| command[0] == "EXISTS").map(|look| look.len() - 1);
    assert_eq!(looks.collect::<Vec<_>>(), [32, 8]);
}
