//! Waiters that come in one turn for one key. One command parks them all.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Outcome, Wanted};
use support::{HELD, MS, Rig, SECOND, config, holding, verb};

const TICKET: u64 = 1_800_000_000_000_000;
/// Places in a park: the owner, and how many waiters come along.
const OWNER: usize = 8;
const ALONG: usize = 18;

fn parked(ticket: u64) -> Vec<u8> {
    format!("*5\r\n:2\r\n:0\r\n:{ticket}\r\n:60000\r\n:1\r\n").into_bytes()
}

/// A client that knows "k" as a key with waiters, because a call waits already.
fn busy() -> Rig {
    let (mut rig, _) = holding(config());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(b"*2\r\n:1\r\n:0\r\n");
    rig.sent();
    rig.reply(&parked(TICKET));
    rig
}

fn verbs(sent: &[Vec<String>]) -> Vec<&'static str> {
    sent.iter().map(|command| verb(command)).collect()
}

/// The callers that hold the lock now, and those that failed, in the order in which they were told.
fn told(rig: &mut Rig) -> Vec<(u64, bool)> {
    rig.done.drain(..).map(|(caller, outcome)| (caller, matches!(outcome, Outcome::Held(_)))).collect()
}

#[test]
fn one_command_parks_all_and_each_has_a_ticket_in_the_order_in_which_they_came() {
    let mut rig = busy();
    let callers = [(); 3].map(|()| rig.wait_for("k", 60 * SECOND).0);
    let sent = rig.sent();
    assert_eq!((verbs(&sent), sent[0][ALONG].as_str()), (vec!["park"], "2"));
    let client = sent[0][12].clone();
    rig.reply(&parked(TICKET + 10));
    // The oldest was there before them, and the grant serves it. They follow it, if their tickets are early enough.
    rig.push_before(&client, TICKET + 100, TICKET + 12, "k");
    let mut served = Vec::new();
    while let Some((caller, Outcome::Held(hold))) = rig.done.pop() {
        served.push(caller);
        let claim = hold.claim.map(|claiming| claiming.claim);
        let request = lock_core::ReleaseRequest {
            caller: 100 + caller,
            keys: hold.keys,
            owner: hold.owner,
            lease_end: Some(rig.now + SECOND),
            claim,
            limit: None,
            waited: true,
            sound: true,
            good_until: None,
            of_attempt: None,
        };
        rig.client.release(rig.now, request);
        rig.reply(b"");
    }
    assert_eq!(served[1..], callers[..2], "the third one's ticket is the first_foreign");
}

#[test]
fn the_first_gets_the_lock_if_it_is_free_and_the_others_wait_behind_it() {
    let mut rig = busy();
    let callers = [(); 3].map(|()| rig.wait_for("k", 60 * SECOND).0);
    rig.sent();
    rig.reply(format!("*3\r\n:1\r\n:{}\r\n:{}\r\n", TICKET + 20, TICKET + 21).as_bytes());
    let (caller, outcome) = rig.done.pop().unwrap_or((0, Outcome::Released));
    let Outcome::Held(hold) = outcome else { panic!("{outcome:?}") };
    assert_eq!((caller, &*hold.tokens), (callers[0], &[TICKET + 20][..]));
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][10].clone()), ("hand over", TICKET.to_string()));
    assert_eq!(sent[0][14], "2", "beside the oldest two more wait");
}

#[test]
fn where_everybody_polls_those_who_came_along_do_too() {
    let mut rig = busy();
    (0..2).for_each(|_| {
        rig.wait_for("k", 60 * SECOND);
    });
    rig.sent();
    // The lock is held, but a holder was seen that does not hand over.
    rig.reply(format!("*2\r\n:1\r\n:{}\r\n", TICKET + 20).as_bytes());
    assert_eq!(told(&mut rig).len(), 1);
    rig.pass(300 * MS);
    let asking = rig.sent().iter().filter(|command| verb(command) == "park").count();
    assert!(asking >= 1, "after a pause it asks for itself");
}

#[test]
fn an_error_is_told_to_each() {
    let mut rig = busy();
    let callers = [(); 2].map(|()| rig.wait_for("k", 60 * SECOND).0);
    rig.sent();
    rig.reply(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert_eq!(told(&mut rig), callers.map(|caller| (caller, false)));
}

#[test]
fn a_server_without_the_script_gets_its_text_and_those_who_are_still_there() {
    let mut rig = busy();
    let gone = rig.wait_for("k", 60 * SECOND);
    let stays = [(); 2].map(|()| rig.wait_for("k", 60 * SECOND));
    rig.sent();
    rig.client.cancel(rig.now, gone.1, gone.0);
    rig.reply(b"-NOSCRIPT No matching script.\r\n");
    let sent = rig.sent();
    assert_eq!((sent[0][0].as_str(), sent[0][ALONG].as_str(), sent.len()), ("EVAL", "1", 1));
    rig.done.clear();
    rig.reply(&parked(TICKET + 10));
    assert!(rig.done.is_empty() && stays[0].0 < stays[1].0);
}

#[test]
fn a_call_that_may_hold_the_lock_already_asks_by_itself() {
    let mut rig = Rig::ready(config());
    (0..2).for_each(|_| {
        rig.wait_for("k", 60 * SECOND);
    });
    assert_eq!(verbs(&rig.sent()), ["park"]);
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    // One of them took the lock, or none.
    let sent = rig.sent();
    assert_eq!(verbs(&sent), ["park", "park"]);
    assert_ne!(sent[0][OWNER], sent[1][OWNER]);
}

#[test]
fn keys_and_callers_of_other_kinds_are_parked_apart() {
    let mut rig = busy();
    rig.wait_for("k", 60 * SECOND);
    rig.acquire(&["k"], Wanted::Named(b"me"[..].into()), Some(60 * SECOND));
    rig.acquire(&["j", "k"], Wanted::Execute, Some(60 * SECOND));
    rig.wait_for("k", 60 * SECOND);
    rig.wait_for("k", 60 * SECOND);
    let sent = rig.sent();
    assert_eq!(verbs(&sent), ["park"; 4]);
    assert_eq!(
        sent.iter().map(|command| command[command.len() - 1].as_str()).collect::<Vec<_>>(),
        ["0", "0", "0", "1"]
    );
}

#[test]
fn one_that_leaves_before_the_answer_is_taken_out_and_the_others_stay() {
    let mut rig = busy();
    let gone = rig.wait_for("k", 60 * SECOND);
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.client.cancel(rig.now, gone.1, gone.0);
    rig.reply(&parked(TICKET + 10));
    assert!(rig.sent().is_empty(), "others of this client wait there");
    // If it is granted all the same, it gives the lock to the next.
    let late = rig.wait_for("k", 60 * SECOND);
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.client.cancel(rig.now, late.1, late.0);
    rig.reply(HELD);
    assert!(verbs(&rig.sent()).contains(&"hand over"));
}
