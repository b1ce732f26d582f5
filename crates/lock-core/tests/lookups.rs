//! A master that is looked up: the client's behaviour if nobody can say where it is, or if somebody names the wrong server.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Code, Event, HandshakeOptions, PauseRule, RetryPolicy};
use std::time::Duration;
use support::{HELD, MS, Rig, SECOND, config, verb};

fn looked_up(retry: RetryPolicy) -> ClientConfig {
    ClientConfig {
        handshake_options: HandshakeOptions { master_only: true, ..HandshakeOptions::default() },
        retry,
        ..config()
    }
}

fn unresolved(rig: &mut Rig) {
    rig.client.handle_unresolved(rig.now, "All sentinels are unreachable.");
    rig.pass(Duration::ZERO);
}

/// The pause after which the client asks for the next connection.
fn pause(rig: &mut Rig) -> Duration {
    let mut pause = Duration::ZERO;
    while !rig.wants_connection() {
        rig.pass(5 * MS);
        pause += 5 * MS;
        assert!(pause < 10 * SECOND, "no connection is asked for");
    }
    pause
}

/// The client connects to a server that answers INFO with this role.
fn meets(rig: &mut Rig, role: &str) {
    rig.connects();
    let info = format!("redis_version:7.0.15\r\nrole:{role}\r\nloading:0\r\n");
    for command in rig.sent() {
        if command[0] == "INFO" {
            return rig.reply(format!("${}\r\n{info}\r\n", info.len()).as_bytes());
        }
        rig.reply(b"+OK\r\n");
    }
}

fn verbs(rig: &mut Rig) -> Vec<&'static str> {
    rig.sent().iter().map(|command| verb(command)).collect()
}

#[test]
fn the_pause_after_a_failed_look_up_grows_by_10_ms_to_a_second_and_begins_anew_after_one_that_did_not_fail() {
    let mut rig = Rig::new(looked_up(RetryPolicy { most_reconnects: None, ..RetryPolicy::default() }));
    rig.events.clear();
    for attempt in 1..=120 {
        unresolved(&mut rig);
        assert_eq!(pause(&mut rig), (10 * MS * attempt).min(SECOND));
    }
    rig.cut();
    assert_eq!(pause(&mut rig), 2 * SECOND, "the reconnects are counted on");
    unresolved(&mut rig);
    assert_eq!(pause(&mut rig), 10 * MS);
}

#[test]
fn the_pause_after_a_failed_look_up_is_asked_for_with_a_count_of_its_own() {
    let rules = RetryPolicy { lookup_pause: PauseRule::Asked, ..RetryPolicy::default() };
    let mut rig = Rig::new(looked_up(rules));
    rig.events.clear();
    rig.cut();
    assert_eq!(pause(&mut rig), 50 * MS, "a reconnect has a rule of its own");
    for expected in 1..=3_u32 {
        rig.events.clear();
        unresolved(&mut rig);
        let asked = |event: &Event| matches!(event, Event::AskPause { attempt, lookup: true } if *attempt == expected);
        assert!(rig.events.iter().any(asked), "{:?}", rig.events);
        rig.pass(60 * SECOND);
        assert!(!rig.wants_connection(), "before the answer nothing is looked up");
        rig.client.reconnect_in(rig.now, Some(7 * MS));
        rig.pass(7 * MS);
        assert!(rig.wants_connection());
    }
}

#[test]
fn where_nothing_is_looked_up_twice_every_call_fails_with_the_reason() {
    let mut rig =
        Rig::new(looked_up(RetryPolicy { lookup_pause: PauseRule::Never, ..RetryPolicy::default() }));
    rig.try_for("k", "me");
    unresolved(&mut rig);
    let error = rig.error();
    assert_eq!((error.code, error.message.as_str()), (Code::Unreachable, "Connection is closed."));
    assert_eq!(error.cause.as_deref(), Some("All sentinels are unreachable."));
    rig.events.clear();
    rig.pass(60 * SECOND);
    assert!(!rig.wants_connection());
}

#[test]
fn failed_look_ups_count_as_failed_reconnects() {
    let mut rig = Rig::new(looked_up(RetryPolicy { most_reconnects: Some(2), ..RetryPolicy::default() }));
    rig.try_for("k", "me");
    rig.events.clear();
    for _ in 0..2 {
        unresolved(&mut rig);
        pause(&mut rig);
    }
    assert!(rig.done.is_empty());
    unresolved(&mut rig);
    let error = rig.error();
    assert!(error.message.contains("limit (which is 2)"), "{}", error.message);
    assert_eq!(error.cause.as_deref(), Some("All sentinels are unreachable."));
}

#[test]
fn a_replica_is_left_and_nobody_who_waits_is_told() {
    let mut rig = Rig::new(looked_up(RetryPolicy::default()));
    rig.try_for("k", "me");
    rig.events.clear();
    meets(&mut rig, "slave");
    assert!(rig.disconnects() && rig.done.is_empty());
    let down = |event: &Event| matches!(event, Event::Down { reason } if reason.contains("role:slave"));
    assert!(rig.events.iter().any(down), "{:?}", rig.events);
    assert!(rig.sent().is_empty());
    rig.pass(50 * MS);
    assert!(rig.wants_connection());
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park"]);
    rig.reply(HELD);
    assert_eq!(rig.done.len(), 1);
}

#[test]
fn the_role_matters_only_with_a_ready_check_and_where_the_master_was_looked_up() {
    let variants = [
        HandshakeOptions { master_only: true, ready_check: false, ..HandshakeOptions::default() },
        HandshakeOptions { master_only: false, ..HandshakeOptions::default() },
    ];
    for handshake_options in variants {
        let mut rig = Rig::new(ClientConfig { handshake_options, ..config() });
        meets(&mut rig, "slave");
        assert!(!rig.disconnects());
    }
    let mut rig = Rig::new(looked_up(RetryPolicy::default()));
    meets(&mut rig, "master");
    assert!(!rig.disconnects());
}

#[test]
fn a_master_that_is_elsewhere_by_now_is_left_and_what_it_did_not_answer_is_asked_again() {
    let mut rig = Rig::ready(looked_up(RetryPolicy::default()));
    rig.try_for("k", "me");
    assert_eq!(verbs(&mut rig), ["park"]);
    rig.client.handle_moved(rig.now, "+switch-master");
    rig.pass(Duration::ZERO);
    assert!(rig.disconnects() && rig.done.is_empty());
    rig.pass(50 * MS);
    assert!(rig.wants_connection());
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn a_connection_that_was_given_up_while_it_was_being_made_is_not_used() {
    let mut rig = Rig::new(looked_up(RetryPolicy::default()));
    rig.events.clear();
    rig.client.handle_moved(rig.now, "+switch-master");
    assert!(!rig.client.handle_connected(rig.now), "it was on its way already");
    assert!(rig.sent().is_empty());
    rig.shake_hands();
    rig.try_for("k", "me");
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn that_the_master_is_elsewhere_ends_a_pause_and_an_attempt_but_not_the_end_of_all() {
    let mut rig = Rig::new(looked_up(RetryPolicy::default()));
    rig.events.clear();
    rig.client.handle_moved(rig.now, "+switch-master");
    rig.pass(Duration::ZERO);
    assert!(rig.disconnects(), "an address that is gone may say nothing for ten seconds");
    rig.pass(50 * MS);
    assert!(rig.wants_connection());
    rig.cut();
    rig.client.handle_moved(rig.now, "+switch-master");
    rig.pass(Duration::ZERO);
    assert!(rig.wants_connection());
    let mut rig = Rig::new(looked_up(RetryPolicy { pause: PauseRule::Never, ..RetryPolicy::default() }));
    rig.cut();
    rig.events.clear();
    rig.client.handle_moved(rig.now, "+switch-master");
    rig.pass(SECOND);
    assert!(!rig.wants_connection());
}
