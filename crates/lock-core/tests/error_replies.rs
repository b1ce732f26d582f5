//! Errors of Redis that concern the connection.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Code, Event, HandshakeOptions, Outcome, RetryPolicy, Verdict};
use std::time::Duration;
use support::{HELD, Rig, SECOND, config, named, verb};

const READONLY: &[u8] = b"-READONLY You can't write against a read only replica.\r\n";

fn asking() -> ClientConfig {
    let retry = RetryPolicy { asks_on_errors: true, ..RetryPolicy::default() };
    ClientConfig { retry, ..config() }
}

/// The number of the question about an error.
fn question(rig: &Rig) -> u64 {
    let asked = rig.events.iter().find_map(|event| match event {
        Event::AskError { question, .. } => Some(*question),
        _ => None,
    });
    asked.unwrap_or_else(|| panic!("nothing was asked: {:?}", rig.events))
}

fn verbs(rig: &mut Rig) -> Vec<&'static str> {
    rig.sent().iter().map(|command| verb(command)).collect()
}

const REFUSED: &[u8] = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n";

#[test]
fn an_error_is_asked_about_and_accepted() {
    let mut rig = Rig::ready(asking());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(REFUSED);
    assert!(rig.done.is_empty());
    rig.client.judge(rig.now, question(&rig), Verdict::Accept);
    rig.pass(Duration::ZERO);
    let error = rig.error();
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("OOM command"), "{}", error.message);
    assert!(!rig.disconnects());
}

#[test]
fn a_script_that_is_not_known_yet_is_no_error() {
    let mut rig = Rig::ready(asking());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(b"-NOSCRIPT No matching script.\r\n");
    assert!(rig.events.is_empty(), "{:?}", rig.events);
    assert_eq!(rig.sent()[0][0], "EVAL");
}

#[test]
fn an_error_that_asks_for_a_reconnect_fails_its_call_and_the_others_are_asked_again() {
    let mut rig = Rig::ready(asking());
    rig.try_for("a", "me");
    rig.try_for("b", "me");
    rig.sent();
    rig.reply(REFUSED);
    rig.client.judge(rig.now, question(&rig), Verdict::Reconnect);
    rig.pass(Duration::ZERO);
    assert_eq!(rig.error().keys, ["a"]);
    assert!(rig.disconnects());
    rig.pass(SECOND);
    rig.shake_hands();
    let sent = rig.sent();
    assert_eq!((sent.len(), sent[0][3].as_str()), (1, "medusa_lock:b"));
}

#[test]
fn an_error_that_asks_for_a_resend_is_not_told() {
    let mut rig = Rig::ready(asking());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(REFUSED);
    rig.client.judge(rig.now, question(&rig), Verdict::Resend);
    rig.pass(SECOND);
    assert!(rig.done.is_empty() && rig.disconnects());
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park"]);
    rig.reply(HELD);
    assert!(matches!(rig.outcome(), Outcome::Held(_)));
}

#[test]
fn a_caller_that_gave_up_while_an_error_is_asked_about_is_told_once_and_holds_nothing() {
    let mut rig = Rig::ready(asking());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.reply(REFUSED);
    let asked = question(&rig);
    rig.pass(SECOND);
    assert_eq!(rig.error().code, Code::Timeout);
    rig.client.judge(rig.now, asked, Verdict::Accept);
    rig.pass(Duration::ZERO);
    assert!(rig.done.is_empty() && rig.client.is_idle());
}

#[test]
fn a_connection_that_breaks_before_the_answer_accepts_the_error() {
    let mut rig = Rig::ready(asking());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(REFUSED);
    let asked = question(&rig);
    rig.cut();
    assert_eq!(rig.error().code, Code::Refused);
    rig.pass(SECOND);
    rig.shake_hands();
    rig.client.judge(rig.now, asked, Verdict::Resend);
    rig.pass(SECOND);
    assert!(rig.sent().is_empty(), "the answer comes too late");
}

#[test]
fn a_replica_fails_the_call_and_another_server_is_looked_for() {
    let wrapped = b"-ERR Error running script (call to f_x): @user_script:1: -READONLY You can't write.\r\n";
    for refusal in [READONLY, &wrapped[..]] {
        let mut rig = Rig::ready(config());
        rig.try_for("k", "me");
        rig.sent();
        rig.reply(refusal);
        let error = rig.error();
        assert_eq!(error.code, Code::Refused);
        assert!(error.message.contains("READONLY"), "{}", error.message);
        assert!(rig.disconnects());
        rig.events.clear();
        rig.pass(SECOND);
        assert!(rig.wants_connection());
    }
}

#[test]
fn calls_that_a_replica_refused_together_fail_together() {
    let mut rig = Rig::ready(config());
    for key in ["a", "b", "c"] {
        rig.try_for(key, "me");
    }
    rig.sent();
    rig.reply(&READONLY.repeat(3));
    assert_eq!(rig.done.len(), 3);
    let disconnects = rig.events.iter().filter(|event| matches!(event, Event::Disconnect));
    assert_eq!(disconnects.count(), 1);
}

#[test]
fn each_of_several_errors_is_judged_before_the_connection_is_made_anew() {
    let mut rig = Rig::ready(asking());
    for key in ["a", "b", "c"] {
        rig.try_for(key, "me");
    }
    rig.sent();
    rig.reply(&REFUSED.repeat(2));
    for verdict in [Verdict::Resend, Verdict::Resend] {
        assert!(!rig.disconnects());
        let asked = question(&rig);
        rig.events.retain(|event| !matches!(event, Event::AskError { question, .. } if *question == asked));
        rig.client.judge(rig.now, asked, verdict);
        rig.pass(Duration::ZERO);
    }
    assert!(rig.disconnects() && rig.done.is_empty());
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park", "park", "park"]);
}

#[test]
fn a_release_after_a_job_that_meets_a_replica_is_repeated() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.reply(HELD);
    let Outcome::Held(hold) = rig.outcome() else { panic!("not held") };
    rig.release("k", &hold.owner, Some(rig.now + 10 * SECOND));
    rig.sent();
    rig.reply(READONLY);
    assert!(matches!(rig.outcome(), Outcome::ReleasePending(_)));
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["give back"]);
}

#[test]
fn a_server_that_loads_its_data_executed_nothing_and_is_asked_again() {
    for ask in [config(), asking()] {
        let mut rig = Rig::ready(ask);
        rig.try_for("k", "me");
        rig.release("l", &named("me"), None);
        rig.sent();
        rig.reply(b"-LOADING Redis is loading the dataset in memory\r\n");
        assert!(rig.done.is_empty() && rig.disconnects());
        rig.pass(SECOND);
        rig.shake_hands();
        let mut sent = verbs(&mut rig);
        sent.sort_unstable();
        assert_eq!(sent, ["park", "release"]);
    }
}

#[test]
fn without_a_ready_check_a_server_that_loads_its_data_fails_the_call() {
    let handshake_options = HandshakeOptions { ready_check: false, ..HandshakeOptions::default() };
    let mut rig = Rig::ready(ClientConfig { handshake_options, ..config() });
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(b"-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(rig.error().code, Code::Refused);
    assert!(!rig.disconnects());
}
