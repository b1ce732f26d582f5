//! The option `safety`: a lock counts only when replicas have it.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Code, Event, Hold, Outcome, RetryPolicy, Safety, Wanted};
use std::time::Duration;
use support::{HELD, MS, Rig, SECOND, config, named, verb};

const TIMEOUT: Duration = Duration::from_millis(300);
const TICKET: u64 = 1_800_000_000_000_000;

fn safe() -> ClientConfig {
    ClientConfig { safety: Some(Safety { replicas: 2, timeout: TIMEOUT }), ..config() }
}

/// The commands sent since the last time: a script's verb, or the command itself.
fn asked(rig: &mut Rig) -> Vec<String> {
    let name = |command: &Vec<String>| {
        if command[0] == "EVALSHA" { verb(command).to_owned() } else { command.join(" ") }
    };
    rig.sent().iter().map(name).collect()
}

fn held(rig: &mut Rig) -> Hold {
    match rig.outcome() {
        Outcome::Held(hold) => hold,
        other => panic!("not held: {other:?}"),
    }
}

/// A client whose call for "k" is answered and whose WAIT is sent.
fn waiting() -> (Rig, lock_core::TaskKey, u64) {
    let mut rig = Rig::ready(safe());
    let (caller, task) = rig.wait_for("k", 60 * SECOND);
    assert_eq!(asked(&mut rig), ["park"]);
    rig.reply(HELD);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    (rig, task, caller)
}

#[test]
fn a_lock_is_held_once_enough_replicas_have_it_and_its_lease_counts_from_the_request() {
    let mut rig = Rig::ready(safe());
    let asked_at = rig.now;
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.pass(10 * MS);
    rig.reply(HELD);
    assert!(rig.done.is_empty(), "{:?}", rig.done);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    rig.pass(10 * MS);
    assert!(rig.client.expects_reply());
    rig.reply(b":2\r\n");
    assert_eq!(held(&mut rig).sent_at, asked_at);
    assert!(asked(&mut rig).is_empty());
}

#[test]
fn too_few_replicas_give_the_lock_back_and_fail_the_call() {
    let (mut rig, ..) = waiting();
    rig.reply(b":1\r\n");
    let error = rig.error();
    assert_eq!((error.code, error.keys), (Code::NotReplicated, vec!["k".to_owned()]));
    assert!(error.message.contains("1 of 2 replicas acknowledged it within 300 ms"), "{}", error.message);
    assert_eq!(asked(&mut rig), ["give back"]);
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    assert!(rig.client.is_idle());
}

#[test]
fn a_named_owners_lock_is_given_back_by_its_attempt() {
    let mut rig = Rig::ready(safe());
    rig.try_for("k", "me");
    let attempt = rig.sent()[0][11].clone();
    rig.reply(HELD);
    rig.sent();
    rig.reply(b":0\r\n");
    assert_eq!(rig.error().code, Code::NotReplicated);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), &sent[0][8]), ("roll back", &attempt));
}

#[test]
fn one_wait_is_for_everything_that_was_taken_before_its_answer() {
    let mut rig = Rig::ready(safe());
    for key in ["a", "b", "c"] {
        rig.wait_for(key, SECOND);
    }
    assert_eq!(rig.sent().len(), 3);
    rig.reply(HELD);
    rig.reply(HELD);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    // This was sent before that WAIT, so it was executed before it.
    rig.reply(HELD);
    assert!(asked(&mut rig).is_empty());
    rig.reply(b":2\r\n");
    assert_eq!(rig.done.len(), 3);
}

#[test]
fn commands_of_the_same_turn_go_before_the_wait() {
    let (mut rig, ..) = waiting();
    rig.reply(b":2\r\n");
    let hold = held(&mut rig);
    rig.wait_for("l", SECOND);
    rig.sent();
    rig.reply(HELD);
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    assert_eq!(asked(&mut rig), ["give back", "WAIT 2 300"]);
}

#[test]
fn releases_wait_for_no_replica() {
    let (mut rig, ..) = waiting();
    rig.reply(b":2\r\n");
    let hold = held(&mut rig);
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    assert_eq!(asked(&mut rig), ["give back"]);
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    assert!(matches!(rig.outcome(), Outcome::Released));
    assert!(asked(&mut rig).is_empty());
}

#[test]
fn a_connection_lost_before_the_answer_has_the_lock_asked_for_again_by_its_attempt() {
    let mut rig = Rig::ready(safe());
    rig.try_for("k", "me");
    let attempt = rig.sent()[0][11].clone();
    rig.reply(HELD);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    let again = rig.sent();
    assert_eq!((verb(&again[0]), &again[0][11]), ("park", &attempt));
    rig.reply(HELD);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    rig.reply(b":2\r\n");
    held(&mut rig);
}

#[test]
fn a_connection_lost_before_the_wait_was_sent_loses_nothing() {
    let mut rig = Rig::ready(safe());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(HELD);
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(asked(&mut rig), ["park"]);
    rig.reply(HELD);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
}

#[test]
fn a_call_withdrawn_before_the_answer_gives_its_lock_back() {
    let (mut rig, task, caller) = waiting();
    rig.client.cancel(rig.now, task, caller);
    rig.pass(MS);
    assert_eq!(rig.error().code, Code::Aborted);
    assert!(asked(&mut rig).is_empty(), "Redis would carry out nothing before the answer");
    rig.reply(b":2\r\n");
    assert_eq!(asked(&mut rig), ["give back"]);
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    assert!(rig.client.is_idle());
}

#[test]
fn a_call_withdrawn_whose_connection_breaks_is_rolled_back_on_the_next_one() {
    let (mut rig, task, caller) = waiting();
    rig.client.cancel(rig.now, task, caller);
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(asked(&mut rig), ["give back"]);
}

#[test]
fn a_client_that_is_closed_gives_back_what_was_not_acknowledged() {
    let (mut rig, ..) = waiting();
    rig.client.close(rig.now);
    rig.pass(MS);
    assert_eq!(rig.error().code, Code::Closed);
    rig.reply(b":2\r\n");
    assert_eq!(asked(&mut rig), ["give back"]);
}

#[test]
fn the_exit_step_shortens_what_is_not_acknowledged_yet() {
    let (mut rig, ..) = waiting();
    assert!(rig.client.shorten_for_exit(rig.now, vec![]));
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0])), (1, "renew"));
    assert_eq!(sent[0][0], "EVAL", "what is written is carried out, whether or not its answer is waited for");
}

#[test]
fn a_wait_that_took_longer_than_the_lease_has_the_lock_asked_for_again() {
    let (mut rig, ..) = waiting();
    rig.pass(10 * SECOND);
    rig.reply(b":2\r\n");
    assert!(rig.done.is_empty(), "{:?}", rig.done);
    assert_eq!(asked(&mut rig), ["take"]);
}

#[test]
fn a_lock_whose_wait_took_longer_than_the_lease_is_given_back_if_nobody_wants_it_any_more() {
    let (mut rig, task, caller) = waiting();
    rig.pass(10 * SECOND);
    rig.reply(b":2\r\n");
    assert_eq!(asked(&mut rig), ["take"]);
    rig.client.cancel(rig.now, task, caller);
    rig.pass(MS);
    assert_eq!(rig.error().code, Code::Aborted);
    // The call's own lock, executed late, may be in the way.
    rig.reply(b"*2\r\n:1\r\n:0\r\n");
    assert_eq!(asked(&mut rig), ["give back"]);
}

#[test]
fn a_refused_wait_fails_the_call_and_names_the_option() {
    let (mut rig, ..) = waiting();
    rig.reply(b"-NOPERM this user has no permissions to run the 'wait' command\r\n");
    let error = rig.error();
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("option safety") && error.message.contains("NOPERM"), "{error}");
    assert_eq!(asked(&mut rig), ["give back"]);
}

#[test]
fn a_server_that_refuses_wait_is_noticed_at_connect_and_every_call_is_told() {
    let mut rig = Rig::new(safe());
    rig.wait_for("k", 60 * SECOND);
    rig.connects();
    let first = rig.sent();
    assert_eq!(first.last().map(|command| command.join(" ")), Some("WAIT 0 1".to_owned()));
    rig.reply(b"%0\r\n:1\r\n+OK\r\n+OK\r\n$22\r\nredis_version:7.0.15\r\n\r\n*1\r\n:1\r\n*1\r\n:1\r\n-ERR unknown command 'WAIT'\r\n");
    let error = rig.error();
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("option safety needs WAIT"), "{error}");
    assert!(rig.disconnects());
    assert!(!rig.events.iter().any(|event| matches!(event, Event::Ready { .. })));
}

#[test]
fn a_job_does_not_begin_on_a_grant_that_no_replica_has() {
    let mut rig = Rig::ready(safe());
    rig.wait_for("k", 60 * SECOND);
    let client = rig.sent()[0][12].clone();
    rig.reply(format!("*5\r\n:2\r\n:0\r\n:{TICKET}\r\n:60000\r\n:1\r\n").as_bytes());
    rig.push(&client, TICKET + 9, "k");
    assert!(rig.done.is_empty());
    assert_eq!(asked(&mut rig), ["park"]);
    rig.reply(HELD);
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    rig.reply(b":3\r\n");
    assert!(held(&mut rig).claim.is_none());
}

#[test]
fn a_lock_given_by_the_clients_own_release_waits_for_replicas_too() {
    let (mut rig, ..) = waiting();
    rig.reply(b":2\r\n");
    let hold = held(&mut rig);
    rig.wait_for("k", 60 * SECOND);
    assert_eq!(asked(&mut rig), ["take"]);
    rig.reply(b"*2\r\n:1\r\n:0\r\n");
    assert_eq!(asked(&mut rig), ["park"]);
    rig.reply(format!("*5\r\n:2\r\n:0\r\n:{TICKET}\r\n:60000\r\n:1\r\n").as_bytes());
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    assert_eq!(asked(&mut rig), ["hand over"]);
    rig.reply(format!("*2\r\n:2\r\n:{}\r\n", TICKET + 10).as_bytes());
    assert!(matches!(rig.outcome(), Outcome::Released));
    assert_eq!(asked(&mut rig), ["WAIT 2 300"]);
    rig.reply(b":0\r\n");
    assert_eq!(rig.error().code, Code::NotReplicated);
    assert_eq!(asked(&mut rig), ["give back"]);
}

#[test]
fn several_keys_are_given_back_together() {
    let mut rig = Rig::ready(safe());
    rig.acquire(&["a", "b"], Wanted::Execute, Some(SECOND));
    rig.sent();
    rig.reply(b"*3\r\n:1\r\n:1700000000000001\r\n:1700000000000002\r\n");
    rig.sent();
    rig.reply(b":0\r\n");
    let error = rig.error();
    assert_eq!(error.keys.len(), 2);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][2].as_str()), ("hand over", "6"));
}

#[test]
fn a_wait_is_a_command_that_command_timeout_limits() {
    let retry = RetryPolicy { command_limit: Some(100 * MS), ..RetryPolicy::default() };
    let mut rig = Rig::ready(ClientConfig { retry, ..safe() });
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.pass(90 * MS);
    rig.reply(HELD);
    rig.sent();
    rig.pass(90 * MS);
    assert!(rig.done.is_empty());
    rig.pass(20 * MS);
    assert_eq!(rig.error().code, Code::CommandTimeout);
    rig.reply(b":2\r\n");
    assert_eq!(asked(&mut rig), ["give back"]);
}

#[test]
fn a_silent_connection_is_given_as_much_longer_as_replicas_may_take() {
    let safety = Some(Safety { replicas: 1, timeout: 20 * SECOND });
    let mut rig = Rig::ready(ClientConfig { safety, ..config() });
    rig.acquire(&["k"], Wanted::Named((*b"me").into()), Some(3_600 * SECOND));
    rig.sent();
    rig.reply(HELD);
    rig.sent();
    rig.pass(34 * SECOND);
    assert!(!rig.disconnects());
    rig.pass(2 * SECOND);
    assert!(rig.disconnects());
}

#[test]
fn without_the_option_nothing_is_asked_of_replicas() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(HELD);
    held(&mut rig);
    rig.release("k", &named("me"), None);
    assert_eq!(asked(&mut rig), ["release"]);
}
