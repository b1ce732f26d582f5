//! When the client gives up a connection or a call: ioredis' options, as in `docs/OPTIONS.md`.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Code, Event, Outcome, PauseRule, RetryPolicy, Wanted};
use std::time::Duration;
use support::{HELD, MS, Rig, SECOND, config, holding, named, verb, with_password};

const RELEASED: &[u8] = b"*2\r\n:1\r\n:1\r\n";
/// Parked at its only key, whose holder has a minute left.
const PARKED: &[u8] = b"*5\r\n:2\r\n:0\r\n:1800000000000000\r\n:60000\r\n:1\r\n";

fn with(retry: RetryPolicy) -> ClientConfig {
    ClientConfig { retry, ..config() }
}

/// This many connections cannot be made, one after the other.
fn fail_to_connect(rig: &mut Rig, count: u32) {
    for _ in 0..count {
        rig.pass(3 * SECOND);
        rig.cut();
    }
}

fn verbs(rig: &mut Rig) -> Vec<&'static str> {
    rig.sent().iter().map(|command| verb(command)).collect()
}

#[test]
fn by_default_only_calls_without_a_limit_fail_after_so_many_reconnects() {
    let mut rig = Rig::new(with(RetryPolicy { most_reconnects: Some(2), ..RetryPolicy::default() }));
    rig.try_for("a", "me");
    rig.wait_for("b", 3_600 * SECOND);
    fail_to_connect(&mut rig, 2);
    assert!(rig.done.is_empty());
    fail_to_connect(&mut rig, 1);
    let error = rig.error();
    assert_eq!((error.code, &error.keys[0]), (Code::Unreachable, &"a".to_owned()));
    assert!(error.message.contains("limit (which is 2)"), "{}", error.message);
}

#[test]
fn a_number_that_was_asked_for_counts_for_all_calls_and_again_after_as_many() {
    let retry =
        RetryPolicy { most_reconnects: Some(2), most_reconnects_for_all: true, ..RetryPolicy::default() };
    let mut rig = Rig::new(with(retry));
    for _ in 0..2 {
        rig.try_for("a", "me");
        rig.wait_for("b", 3_600 * SECOND);
        fail_to_connect(&mut rig, 2);
        assert!(rig.done.is_empty());
        fail_to_connect(&mut rig, 1);
        assert_eq!(rig.done.len(), 2);
        rig.done.clear();
    }
}

#[test]
fn with_0_every_lost_connection_fails_what_waits() {
    let mut rig = Rig::new(with(RetryPolicy { most_reconnects: Some(0), ..RetryPolicy::default() }));
    rig.try_for("a", "me");
    rig.cut();
    assert_eq!(rig.error().code, Code::Unreachable);
}

#[test]
fn without_a_number_calls_wait_for_ever() {
    let mut rig = Rig::new(with(RetryPolicy { most_reconnects: None, ..RetryPolicy::default() }));
    rig.try_for("a", "me");
    fail_to_connect(&mut rig, 200);
    assert!(rig.done.is_empty());
    rig.pass(3 * SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn a_release_after_a_job_is_never_given_up_for_reconnects() {
    let retry =
        RetryPolicy { most_reconnects: Some(0), most_reconnects_for_all: true, ..RetryPolicy::default() };
    let (mut rig, hold) = holding(with(retry));
    rig.release("k", &hold.owner, Some(rig.now + 3_600 * SECOND));
    rig.sent();
    fail_to_connect(&mut rig, 5);
    rig.pass(3 * SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["give back"]);
}

#[test]
fn a_release_after_a_job_is_not_given_up_for_a_refused_password() {
    let (mut rig, hold) = holding(with_password(Some("shop")));
    rig.release("k", &hold.owner, Some(rig.now + 3_600 * SECOND));
    assert_eq!(verbs(&mut rig), ["give back"]);
    rig.cut();
    rig.pass(SECOND);
    rig.connects();
    rig.sent();
    rig.reply(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert!(matches!(rig.outcome(), Outcome::ReleasePending(_)), "its caller need not wait");
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["give back"]);
}

#[test]
fn where_there_is_no_second_connection_every_call_fails_at_once() {
    let never = RetryPolicy { pause: PauseRule::Never, ..RetryPolicy::default() };
    let (mut rig, hold) = holding(with(never));
    rig.wait_for("waits", 3_600 * SECOND);
    rig.cut();
    let error = rig.error();
    assert_eq!((error.code, error.message.as_str()), (Code::Unreachable, "Connection is closed."));
    assert_eq!((error.cause.as_deref(), &error.keys[0]), (Some("ECONNRESET"), &"waits".to_owned()));
    rig.try_for("later", "me");
    assert_eq!(rig.error().message, "Connection is closed.");
    rig.release("k", &named("me"), None);
    assert_eq!(rig.error().message, "Connection is closed.");
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    match rig.outcome() {
        Outcome::ReleasePending(why) => assert_eq!(why, "ECONNRESET"),
        other => panic!("{other:?}"),
    }
    assert!(rig.client.is_idle());
    rig.events.clear();
    rig.pass(60 * SECOND);
    assert!(!rig.wants_connection());
}

#[test]
fn a_call_that_pauses_between_two_looks_fails_too_when_there_is_no_second_connection() {
    let mut rig = Rig::polling(with(RetryPolicy { pause: PauseRule::Never, ..RetryPolicy::default() }));
    rig.wait_for("k", 3_600 * SECOND);
    rig.sent();
    rig.reply(b"*2\r\n:0\r\n:0\r\n");
    rig.cut();
    rig.pass(SECOND);
    assert_eq!(rig.error().message, "Connection is closed.");
}

#[test]
fn the_pause_is_asked_for_and_kept_to() {
    let mut rig = Rig::new(with(RetryPolicy { pause: PauseRule::Asked, ..RetryPolicy::default() }));
    for expected in 1..=3_u32 {
        rig.events.clear();
        rig.cut();
        assert!(
            rig.events.iter().any(
                |event| matches!(event, Event::AskPause { attempt, lookup: false } if *attempt == expected)
            ),
            "{:?}",
            rig.events
        );
        rig.pass(60 * SECOND);
        assert!(!rig.wants_connection(), "before the answer there is no connect");
        rig.client.reconnect_in(rig.now, Some(7 * MS));
        rig.pass(6 * MS);
        assert!(!rig.wants_connection());
        rig.pass(MS);
        assert!(rig.wants_connection());
    }
}

#[test]
fn an_answer_of_never_ends_all_attempts() {
    let mut rig = Rig::new(with(RetryPolicy { pause: PauseRule::Asked, ..RetryPolicy::default() }));
    rig.try_for("k", "me");
    rig.cut();
    assert!(rig.done.is_empty());
    rig.client.reconnect_in(rig.now, None);
    rig.pass(Duration::ZERO);
    assert_eq!(rig.error().message, "Connection is closed.");
}

#[test]
fn an_answer_that_comes_when_nobody_asks_any_more_does_nothing() {
    let mut rig = Rig::ready(with(RetryPolicy { pause: PauseRule::Asked, ..RetryPolicy::default() }));
    rig.client.reconnect_in(rig.now, None);
    rig.try_for("k", "me");
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn without_an_offline_queue_calls_fail_while_there_is_no_connection() {
    let mut rig = Rig::new(with(RetryPolicy { offline_queue: false, ..RetryPolicy::default() }));
    rig.try_for("k", "me");
    let error = rig.error();
    assert_eq!(error.code, Code::Unreachable);
    assert_eq!(error.message, "Stream isn't writeable and enableOfflineQueue options is false");
    rig.shake_hands();
    rig.try_for("k", "me");
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn without_an_offline_queue_what_was_sent_is_asked_again_all_the_same() {
    let mut rig = Rig::ready(with(RetryPolicy { offline_queue: false, ..RetryPolicy::default() }));
    rig.try_for("k", "me");
    rig.sent();
    rig.cut();
    assert!(rig.done.is_empty());
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn without_resending_an_acquire_that_may_have_been_executed_fails_and_is_rolled_back() {
    let mut rig = Rig::ready(with(RetryPolicy { resends: false, ..RetryPolicy::default() }));
    rig.acquire(&["k"], Wanted::Named((*b"me").into()), None);
    rig.sent();
    rig.cut();
    let error = rig.error();
    assert_eq!(error.code, Code::Unreachable);
    assert!(error.message.contains("autoResendUnfulfilledCommands"), "{}", error.message);
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["roll back"]);
}

#[test]
fn without_resending_a_release_by_a_caller_fails_and_is_not_repeated() {
    let mut rig = Rig::ready(with(RetryPolicy { resends: false, ..RetryPolicy::default() }));
    rig.release("k", &named("me"), None);
    rig.sent();
    rig.cut();
    assert_eq!(rig.error().keys, ["k"]);
    rig.pass(SECOND);
    rig.shake_hands();
    assert!(rig.sent().is_empty());
}

#[test]
fn without_resending_a_release_after_a_job_is_repeated_all_the_same() {
    let (mut rig, hold) = holding(with(RetryPolicy { resends: false, ..RetryPolicy::default() }));
    rig.release("k", &hold.owner, Some(rig.now + 10 * SECOND));
    rig.sent();
    rig.cut();
    assert!(rig.done.is_empty());
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["give back"]);
    rig.reply(RELEASED);
    assert!(matches!(rig.outcome(), Outcome::Released));
}

fn limited() -> ClientConfig {
    with(RetryPolicy { command_limit: Some(100 * MS), ..RetryPolicy::default() })
}

#[test]
fn the_time_of_a_command_counts_while_it_waits_for_a_connection() {
    let mut rig = Rig::new(limited());
    rig.try_for("k", "me");
    rig.pass(99 * MS);
    assert!(rig.done.is_empty());
    rig.pass(MS);
    let error = rig.error();
    assert_eq!((error.code, error.message.as_str()), (Code::CommandTimeout, "Command timed out"));
    assert_eq!(
        (error.cause.as_deref(), &error.keys[0]),
        (Some("not connected to Redis yet"), &"k".to_owned())
    );
    rig.shake_hands();
    assert!(rig.sent().is_empty(), "what timed out takes no lock later");
}

#[test]
fn a_grant_that_comes_after_the_command_timed_out_is_rolled_back() {
    let mut rig = Rig::ready(limited());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.pass(100 * MS);
    assert_eq!(rig.error().code, Code::CommandTimeout);
    rig.reply(HELD);
    assert_eq!(verbs(&mut rig), ["give back"]);
}

#[test]
fn a_waiter_in_the_queue_has_no_command_under_way() {
    let mut rig = Rig::ready(limited());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(PARKED);
    rig.pass(900 * MS);
    assert!(rig.done.is_empty());
}

#[test]
fn a_release_after_a_job_goes_on_when_its_command_timed_out() {
    let (mut rig, hold) = holding(limited());
    rig.release("k", &hold.owner, Some(rig.now + 10 * SECOND));
    rig.sent();
    rig.pass(100 * MS);
    match rig.outcome() {
        Outcome::ReleasePending(why) => assert_eq!(why, "Command timed out"),
        other => panic!("{other:?}"),
    }
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["give back"]);
}

#[test]
fn a_connection_that_owes_answers_may_be_silent_for_as_long_as_the_options_say() {
    let mut rig = Rig::ready(with(RetryPolicy { silence: Some(200 * MS), ..RetryPolicy::default() }));
    rig.pass(60 * SECOND);
    assert!(rig.events.is_empty(), "an idle connection owes nothing: {:?}", rig.events);
    rig.try_for("k", "me");
    rig.sent();
    rig.pass(199 * MS);
    assert!(!rig.disconnects());
    rig.pass(MS);
    assert!(rig.disconnects());
    assert!(
        rig.logs().contains("Socket timeout. Expecting data, but didn't receive any in 200ms."),
        "{}",
        rig.logs()
    );
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(verbs(&mut rig), ["park"], "the call is asked again");
}

#[test]
fn an_idle_connection_that_stood_for_hours_begins_an_outage_anew() {
    let mut rig = Rig::new(config());
    rig.connects();
    // Nobody answers the handshake. The next connection is doubted until a command proves it useful, and nobody needs that.
    rig.pass(16 * SECOND);
    rig.shake_hands();
    rig.pass(3_600 * SECOND);
    rig.try_for("a", "me");
    rig.sent();
    rig.cut();
    assert!(rig.done.is_empty(), "it is sent again");
}

#[test]
fn a_silence_is_named_where_the_limit_ends_in_time_and_not_where_the_thread_was_blocked() {
    for (blocked, cause) in [(Duration::ZERO, Some("Redis has not answered for 1.0 s")), (5 * SECOND, None)] {
        let mut rig = Rig::ready(config());
        rig.wait_for("a", SECOND);
        rig.sent();
        if blocked.is_zero() {
            rig.pass(SECOND);
        } else {
            rig.now = rig.now + blocked;
            rig.pass(Duration::ZERO);
        }
        let error = rig.error();
        assert_eq!((error.code, error.cause.as_deref()), (Code::Timeout, cause));
    }
}
