//! Broken connections, and what becomes of the calls.

mod support;

use lock_core::{Code, Event, Outcome};
use support::{MS, Rig, SECOND, config, verb};

#[test]
fn reconnects_come_after_50_ms_more_each_time_and_2_s_at_most() {
    let mut rig = Rig::new(config());
    rig.events.clear();
    for attempt in 1..=60_u32 {
        rig.cut();
        rig.events.clear();
        let delay = (attempt * 50).min(2_000) * MS;
        rig.pass(delay - MS);
        assert!(!rig.wants_connection(), "attempt {attempt} came early");
        rig.pass(MS);
        assert!(rig.wants_connection(), "attempt {attempt} did not come");
    }
}

#[test]
fn the_delays_start_anew_once_the_connection_was_ready() {
    let mut rig = Rig::new(config());
    for _ in 0..10 {
        rig.cut();
        rig.pass(2 * SECOND);
    }
    rig.shake_hands();
    rig.cut();
    rig.events.clear();
    rig.pass(50 * MS);
    assert!(rig.wants_connection());
}

#[test]
fn calls_made_meanwhile_wait_and_are_sent_in_order() {
    let mut rig = Rig::new(config());
    rig.try_for("a", "me");
    rig.try_for("b", "me");
    rig.shake_hands();
    let keys: Vec<_> = rig.sent().iter().map(|command| command[3].clone()).collect();
    assert_eq!(keys, ["medusa_lock:a", "medusa_lock:b"]);
}

#[test]
fn a_call_without_a_limit_fails_after_20_reconnects_as_with_ioredis() {
    let mut rig = Rig::new(config());
    rig.try_for("k", "me");
    for _ in 0..20 {
        rig.cut();
        rig.pass(2 * SECOND);
        assert!(rig.done.is_empty());
    }
    rig.cut();
    let error = rig.error();
    assert_eq!(error.code, Code::Unreachable);
    assert_eq!(
        error.message,
        "Reached the max retries per request limit (which is 20). Refer to \"maxRetriesPerRequest\" option for details."
    );
    assert_eq!(error.cause.as_deref(), Some("ECONNRESET"));
    assert_eq!(error.keys, ["k"]);
}

#[test]
fn a_call_with_a_limit_waits_for_its_limit_however_many_reconnects_that_takes() {
    let mut rig = Rig::new(config());
    rig.wait_for("k", 100 * SECOND);
    for _ in 0..45 {
        rig.cut();
        rig.pass(2 * SECOND);
        assert!(rig.done.is_empty());
    }
    rig.pass(10 * SECOND);
    let error = rig.error();
    let text = "There was no usable connection to Redis for as long as the call could wait for key \"k\".";
    assert_eq!((error.code, error.message.as_str()), (Code::Unreachable, text));
    assert_eq!(error.cause.as_deref(), Some("ECONNRESET"), "the cause says why");
    assert_eq!(error.keys, ["k"]);
}

#[test]
fn a_call_that_a_connection_was_there_for_at_any_time_times_out() {
    // The connection is lost after the call was sent.
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 10 * SECOND);
    rig.sent();
    rig.cut();
    rig.pass(20 * SECOND);
    let error = rig.error();
    assert_eq!((error.code, error.cause.as_deref()), (Code::Timeout, Some("ECONNRESET")));

    // The call comes during an outage and is sent after it. The next outage lasts until the call's end.
    let mut rig = Rig::ready(config());
    rig.cut();
    rig.wait_for("k", 10 * SECOND);
    rig.pass(SECOND);
    rig.shake_hands();
    assert!(!rig.sent().is_empty());
    rig.cut();
    rig.pass(20 * SECOND);
    assert_eq!(rig.error().code, Code::Timeout);
}

#[test]
fn a_script_that_the_server_does_not_know_is_sent_whole() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    assert_eq!(rig.sent()[0][0], "EVALSHA");
    rig.reply(b"-NOSCRIPT No matching script. Please use EVAL.\r\n");
    let sent = rig.sent();
    assert_eq!((sent[0][0].as_str(), verb(&sent[0])), ("EVAL", "park"));
    rig.reply(b"*2\r\n:1\r\n:1700000000000001\r\n");
    assert!(matches!(rig.outcome(), Outcome::Held(_)));
}

#[test]
fn one_of_many_calls_whose_script_is_not_known_sends_the_text() {
    let mut rig = Rig::ready(config());
    for key in ["a", "b", "c", "d"] {
        rig.try_for(key, "me");
    }
    assert_eq!(rig.sent().len(), 4);
    rig.reply(&b"-NOSCRIPT No matching script.\r\n".repeat(4));
    let how = |rig: &mut Rig| rig.sent().iter().map(|command| command[0].clone()).collect::<Vec<_>>();
    assert_eq!(how(&mut rig), ["EVAL", "EVALSHA", "EVALSHA", "EVALSHA"]);
    // The server has forgotten the script again, or the text was another script's.
    rig.reply(b"*2\r\n:1\r\n:1700000000000001\r\n");
    rig.reply(&b"-NOSCRIPT No matching script.\r\n".repeat(3));
    assert_eq!(how(&mut rig), ["EVAL", "EVAL", "EVAL"], "each is sent behind a text once");
    rig.reply(&b"*2\r\n:1\r\n:1700000000000001\r\n".repeat(3));
    assert_eq!(rig.done.len(), 4);
}

#[test]
fn a_connection_that_owes_an_answer_and_is_silent_is_given_up() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    rig.sent();
    rig.pass(14 * SECOND);
    assert!(!rig.events.iter().any(|event| matches!(event, Event::Disconnect)));
    rig.pass(SECOND);
    assert!(rig.events.iter().any(|event| matches!(event, Event::Disconnect)));
    rig.shake_hands();
    assert_eq!(verb(&rig.sent()[0]), "park", "the call is asked again");
}

#[test]
fn an_idle_connection_is_not_given_up() {
    let mut rig = Rig::ready(config());
    rig.pass(3_600 * SECOND);
    assert!(rig.events.is_empty(), "{:?}", rig.events);
}

#[test]
fn bytes_that_are_not_resp_break_the_connection_and_not_the_client() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    assert!(rig.events.iter().any(|event| matches!(event, Event::Disconnect)));
    rig.pass(SECOND);
    rig.shake_hands();
    assert_eq!(rig.sent().len(), 1);
    rig.reply(b"*2\r\n:1\r\n:1700000000000001\r\n");
    assert!(matches!(rig.outcome(), Outcome::Held(_)));
}

#[test]
fn an_answer_to_nothing_breaks_the_connection() {
    let mut rig = Rig::ready(config());
    rig.reply(b"+OK\r\n");
    assert!(rig.events.iter().any(|event| matches!(event, Event::Disconnect)));
}
