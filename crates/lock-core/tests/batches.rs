//! Taking and giving back locks that nobody waits for. The commands of one turn share a script call.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Hold, Outcome};
use support::{Rig, SECOND, config, verb};

/// Keys of one slot, so that the first use of one raises the counter for all.
const KEYS: [&str; 3] = ["{s}a", "{s}b", "{s}c"];

/// A client that has used the slot of [`KEYS`] on this connection.
fn warm() -> Rig {
    let mut rig = Rig::ready(config());
    rig.try_for(KEYS[0], "me");
    rig.sent();
    rig.reply(b"*2\r\n:1\r\n:1800000000000000\r\n");
    rig.done.clear();
    rig
}

fn holds(rig: &mut Rig) -> Vec<Hold> {
    let held = |outcome| match outcome {
        Outcome::Held(hold) => hold,
        other => panic!("not held: {other:?}"),
    };
    rig.done.drain(..).map(|(_, outcome)| held(outcome)).collect()
}

/// Every key held, by one call.
fn holding() -> (Rig, Vec<Hold>) {
    let mut rig = warm();
    for key in KEYS {
        rig.wait_for(key, SECOND);
    }
    assert_eq!(verb(&rig.sent()[0]), "take");
    rig.reply(b"*4\r\n:1\r\n:1800000000000001\r\n:1800000000000002\r\n:1800000000000003\r\n");
    let holds = holds(&mut rig);
    (rig, holds)
}

/// The keys of these takes.
fn taken(commands: &[Vec<String>]) -> Vec<String> {
    let keys = |command: &Vec<String>| {
        assert_eq!(verb(command), "take");
        let count = command[2].parse::<usize>().map_or(0, |keys| keys / 3);
        command[3..3 + count].to_vec()
    };
    commands.iter().flat_map(keys).collect()
}

#[test]
fn the_takes_of_one_turn_are_one_command_and_each_call_gets_its_own_answer() {
    let mut rig = warm();
    let callers = KEYS.map(|key| rig.wait_for(key, SECOND).0);
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0]), sent[0][2].as_str()), (1, "take", "9"));
    // One is held, one has an error of its own, one is contended.
    rig.reply(b"*4\r\n:1\r\n:1800000000000001\r\n-WRONGTYPE no string\r\n:0\r\n");
    assert!(
        matches!(&rig.done[0], (caller, Outcome::Held(hold)) if *caller == callers[0] && *hold.tokens == [1_800_000_000_000_001])
    );
    assert!(
        matches!(&rig.done[1], (caller, Outcome::Failed(error)) if *caller == callers[1] && error.code == Code::Refused)
    );
    assert_eq!(rig.done.len(), 2);
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0]), sent[0][3].as_str()), (1, "park", "medusa_lock:{s}c"));
}

#[test]
fn the_give_backs_of_one_turn_are_one_command_before_the_takes() {
    let (mut rig, held) = holding();
    rig.wait_for("{s}d", SECOND);
    for (key, hold) in KEYS.iter().zip(&held) {
        rig.release(key, &hold.owner, Some(rig.now + SECOND));
    }
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), ["give back", "take"]);
    rig.reply(b"*4\r\n:1\r\n:1\r\n:0\r\n-OOM full\r\n");
    assert!(matches!(rig.done[0].1, Outcome::Released));
    assert!(matches!(&rig.done[1].1, Outcome::NotHeld(keys) if *keys == [KEYS[1]]));
    assert!(matches!(rig.done[2].1, Outcome::ReleasePending(_)), "it is tried again");
    rig.reply(b"*2\r\n:1\r\n:1800000000000004\r\n");
    rig.pass(SECOND);
    assert_eq!(verb(&rig.sent()[0]), "give back");
}

#[test]
fn a_command_of_another_kind_overtakes_nothing() {
    let mut rig = warm();
    rig.wait_for(KEYS[0], SECOND);
    rig.try_for(KEYS[1], "me");
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), ["take", "park"]);
}

#[test]
fn a_script_is_kept_short() {
    let mut rig = warm();
    for caller in 0..40 {
        rig.wait_for(&format!("{{s}}{caller}"), SECOND);
    }
    let counts: Vec<_> = rig.sent().iter().map(|command| command[2].clone()).collect();
    assert_eq!(counts, ["48", "48", "24"]);
}

#[test]
fn very_many_calls_of_one_turn_go_out_in_order_over_several_turns() {
    let mut rig = warm();
    let keys: Vec<String> = (0..10_000).map(|at| format!("{{s}}{at}")).collect();
    for key in &keys {
        rig.wait_for(key, 60 * SECOND);
    }
    let mut turns = Vec::new();
    let mut has_more = true;
    while has_more {
        has_more = rig.client.handle_write_of_turn(rig.now);
        turns.push(taken(&rig.written()));
    }
    assert_eq!(turns.iter().map(Vec::len).collect::<Vec<_>>(), [4_096, 4_096, 1_808]);
    let taken: Vec<_> = turns.concat();
    assert!(taken.iter().map(|key| &key["medusa_lock:".len()..]).eq(&keys));
}

#[test]
fn a_call_of_another_kind_does_not_overtake_those_that_were_left_for_later_turns() {
    let mut rig = warm();
    for at in 0..5_000 {
        rig.wait_for(&format!("{{s}}{at}"), 60 * SECOND);
    }
    assert!(rig.client.handle_write_of_turn(rig.now));
    assert_eq!(taken(&rig.written()).len(), 4_096);
    rig.try_for("{s}other", "me");
    let sent = rig.written();
    assert_eq!(sent.last().map(|command| verb(command)), Some("park"));
    assert_eq!(taken(&sent[..sent.len() - 1]).len(), 904);
}

#[test]
fn when_the_connection_breaks_every_call_of_the_command_is_asked_again_and_so_are_those_not_sent() {
    let mut rig = warm();
    for key in KEYS {
        rig.wait_for(key, 60 * SECOND);
    }
    assert_eq!(rig.sent().len(), 1);
    rig.wait_for("{s}d", 60 * SECOND);
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    let sent = rig.sent();
    let keys: Vec<_> = sent.iter().map(|command| (verb(command), command[3].as_str())).collect();
    let asked = [
        ("park", "medusa_lock:{s}a"),
        ("park", "medusa_lock:{s}b"),
        ("park", "medusa_lock:{s}c"),
        ("park", "medusa_lock:{s}d"),
    ];
    assert_eq!(keys, asked);
    assert!(rig.done.is_empty());
}

#[test]
fn a_script_that_the_server_does_not_know_is_sent_whole_for_the_calls_that_are_still_wanted() {
    let mut rig = warm();
    rig.wait_for(KEYS[0], SECOND);
    rig.wait_for(KEYS[1], 60 * SECOND);
    rig.sent();
    rig.pass(SECOND);
    assert_eq!(rig.error().code, Code::Timeout);
    rig.reply(b"-NOSCRIPT No matching script.\r\n");
    let sent = rig.sent();
    assert_eq!((sent.len(), sent[0][0].as_str(), sent[0][2].as_str()), (1, "EVAL", "3"));
    assert_eq!(sent[0][3], "medusa_lock:{s}b");
}

#[test]
fn a_call_that_ended_before_its_answer_gives_back_what_it_got() {
    let mut rig = warm();
    rig.wait_for(KEYS[0], SECOND);
    rig.wait_for(KEYS[1], 60 * SECOND);
    let owner = rig.sent()[0][9].clone();
    rig.pass(SECOND);
    assert_eq!(rig.error().code, Code::Timeout);
    rig.reply(b"*3\r\n:1\r\n:1800000000000001\r\n:1800000000000002\r\n");
    assert_eq!(holds(&mut rig).len(), 1);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][3].as_str()), ("give back", "medusa_lock:{s}a"));
    assert!(sent[0].contains(&owner));
}

#[test]
fn one_word_tells_all_of_what_was_given_back_and_nothing_of_what_is_taken() {
    let (mut rig, held) = holding();
    for (key, hold) in KEYS.iter().zip(&held) {
        rig.release(key, &hold.owner, Some(rig.now + SECOND));
    }
    assert_eq!(verb(&rig.sent()[0]), "give back");
    rig.reply(b":1\r\n");
    assert_eq!(rig.done.len(), 3);
    assert!(rig.done.drain(..).all(|(_, outcome)| matches!(outcome, Outcome::Released)));

    for key in KEYS {
        rig.wait_for(key, SECOND);
    }
    assert_eq!(verb(&rig.sent()[0]), "take");
    rig.reply(b":1\r\n");
    assert_eq!(rig.done.len(), 3);
    assert!(rig.done.iter().all(|(_, outcome)| matches!(outcome, Outcome::Failed(_))));
}

#[test]
fn a_call_that_is_sent_again_goes_out_before_later_calls() {
    let mut rig = warm();
    rig.wait_for(KEYS[1], SECOND);
    assert_eq!(verb(&rig.sent()[0]), "take");
    rig.wait_for(KEYS[2], SECOND);
    rig.reply(b"-NOSCRIPT No matching script. Please use EVAL.\r\n");
    let sent = rig.sent();
    assert_eq!((sent.len(), sent[0][0].as_str(), verb(&sent[0])), (1, "EVAL", "take"));
    assert_eq!(sent[0][3..5], ["medusa_lock:{s}b", "medusa_lock:{s}c"]);
}
