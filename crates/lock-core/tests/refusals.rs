//! The client asks again for a right that a server refuses for now. Only a wrong password is told at once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Event, Mode};
use std::time::Duration;
use support::{MS, Rig, SECOND, config, verb, with_password};

const FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// The causes and codes of the calls that failed so far.
fn failed(rig: &mut Rig) -> Vec<(Code, String)> {
    let done = std::mem::take(&mut rig.done);
    let failure = |(_, outcome)| match outcome {
        lock_core::Outcome::Failed(error) => Some((error.code, error.cause.unwrap_or_default())),
        _ => None,
    };
    done.into_iter().filter_map(failure).collect()
}

#[test]
fn a_passing_refusal_at_any_step_keeps_calls_waiting_and_its_text_becomes_the_cause() {
    let passing: [&[u8]; 8] = [
        FULL,
        b"-ERR max concurrent connections exceeded\r\n",
        b"-BUSY Redis is busy running a script.\r\n",
        b"-TRYAGAIN later\r\n",
        b"-MISCONF Redis is configured to save RDB snapshots\r\n",
        b"-CLUSTERDOWN Hash slot not served\r\n",
        b"-MASTERDOWN Link with MASTER is down\r\n",
        b"-DENIED Redis is running in protected mode\r\n",
    ];
    for said in passing {
        for good in 0..5 {
            let mut rig = Rig::new(with_password(None));
            rig.wait_for("k", 10 * SECOND);
            rig.connects();
            rig.sent();
            (0..good).for_each(|_| rig.reply(b"+OK\r\n"));
            rig.reply(said);
            assert!(rig.disconnects(), "at step {good}");
            assert_eq!(failed(&mut rig), [], "at step {good}");
            rig.events.clear();
            rig.pass(SECOND);
            assert!(rig.wants_connection());
            rig.pass(10 * SECOND);
            let (code, cause) = failed(&mut rig).pop().unwrap();
            let word = String::from_utf8_lossy(said.get(1..8).unwrap()).into_owned();
            assert!(code == Code::Unreachable && cause.contains(&word), "{code:?} {cause}");
        }
    }
}

#[test]
fn an_answer_to_auth_is_final_only_where_it_speaks_of_the_password_or_the_command() {
    let cases: [(&[u8], bool); 6] = [
        (b"-WRONGPASS invalid username-password pair\r\n", true),
        (b"-ERR invalid password\r\n", true),
        (b"-NOPERM this user has no permissions\r\n", true),
        (b"-ERR unknown command 'AUTH'\r\n", true),
        (b"-ERR upstream failure\r\n", false),
        (b"-ERR no healthy backend\r\n", false),
    ];
    for (said, is_final) in cases {
        let mut rig = Rig::new(with_password(None));
        rig.wait_for("k", 10 * SECOND);
        rig.connects();
        rig.sent();
        rig.reply(said);
        let codes: Vec<Code> = failed(&mut rig).into_iter().map(|(code, _)| code).collect();
        let expected = if is_final { vec![Code::AuthFailed] } else { vec![] };
        assert_eq!(codes, expected, "{}", String::from_utf8_lossy(said));
    }
}

#[test]
fn a_call_that_waits_through_a_refusal_gets_its_lock() {
    let mut rig = Rig::new(with_password(None));
    rig.wait_for("k", 10 * SECOND);
    rig.connects();
    rig.reply(FULL);
    rig.pass(SECOND);
    rig.shake_hands();
    assert!(rig.sent().iter().any(|command| command.contains(&"medusa_lock:k".to_owned())));
}

#[test]
fn the_last_error_before_a_server_closes_is_told() {
    let mut rig = Rig::new(config());
    rig.wait_for("k", SECOND);
    rig.connects();
    rig.reply(b"-ERR something that nobody knows\r\n");
    rig.cut();
    let says = |reason: &str| reason.contains("ECONNRESET") && reason.contains("nobody knows");
    let told = rig.events.iter().any(|event| matches!(event, Event::Down { reason } if says(reason)));
    assert!(told, "{:?}", rig.events);
    let mut rig = Rig::ready(config());
    rig.reply(b"-ERR this instance goes away\r\n");
    assert!(rig.logs().contains("this instance goes away"), "{}", rig.logs());
}

#[test]
fn a_refused_setinfo_is_not_told_as_why_the_connection_broke() {
    let mut rig = Rig::new(config());
    rig.wait_for("k", SECOND);
    rig.connects();
    for command in rig.sent() {
        let known = !command.contains(&"SETINFO".to_owned());
        rig.reply(if known {
            b"+OK\r\n"
        } else {
            b"-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n"
        });
    }
    rig.cut();
    let reason = rig.events.iter().find_map(|event| match event {
        Event::Down { reason } => Some(reason.as_str()),
        _ => None,
    });
    assert_eq!(reason, Some("ECONNRESET"));
}

/// Answers the handshake of a replica.
fn shake_hands_with_replica(rig: &mut Rig) {
    rig.connects();
    for _ in 0..2 {
        for command in rig.sent() {
            match command[0].as_str() {
                "INFO" => {
                    let text =
                        "redis_version:7.0.15\r\nrole:slave\r\nmaster_host:10.0.0.9\r\nmaster_port:6379\r\n";
                    rig.reply(format!("${}\r\n{text}\r\n", text.len()).as_bytes());
                }
                "EVAL" | "EVALSHA" => rig.reply(b"*1\r\n:1\r\n"),
                "SUBSCRIBE" => rig.reply(b">3\r\n+subscribe\r\n+x\r\n:1\r\n"),
                "PUBLISH" => rig.reply(b":1\r\n"),
                _ => rig.reply(b"+OK\r\n"),
            }
        }
    }
}

#[test]
fn a_replica_is_connected_to_with_growing_pauses_and_told_of_once() {
    let mut rig = Rig::new(config());
    let (mut connections, mut lines) = (0, String::new());
    let end = rig.now + 8 * SECOND;
    shake_hands_with_replica(&mut rig);
    while rig.now < end {
        // Fifty calls a second.
        rig.try_for("k", "me");
        if !rig.sent().is_empty() {
            rig.reply(b"-READONLY You can't write against a read only replica.\r\n");
        }
        lines += &rig.logs();
        rig.pass(20 * MS);
        if rig.wants_connection() {
            connections += 1;
            shake_hands_with_replica(&mut rig);
        }
    }
    assert!(connections <= 12, "{connections} connections in 8 s");
    assert_eq!(lines.matches("is a replica of 10.0.0.9:6379").count(), 1, "{lines}");
    assert!(lines.matches("lost").count() <= 1, "{lines}");
}

#[test]
fn after_a_failover_that_ended_well_the_pauses_begin_anew() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(b"-READONLY You can't write against a read only replica.\r\n");
    rig.pass(SECOND);
    rig.shake_hands();
    rig.try_for("j", "me");
    rig.sent();
    rig.reply(support::HELD);
    assert!(rig.logs().contains("Recovered, again: true"), "{}", rig.logs());
    rig.events.clear();
    rig.cut();
    rig.pass(60 * MS);
    assert!(rig.wants_connection());
}

/// The times at which the client asks again for a refused right, if every answer refuses it.
fn asks_again(rig: &mut Rig, word: &str, refusal: &[u8], time: Duration) -> Vec<Duration> {
    let (begin, end) = (rig.now, rig.now + time);
    let mut at = Vec::new();
    while rig.now < end {
        rig.pass(100 * MS);
        for command in rig.sent() {
            if command[0] == word {
                at.push(rig.now.since(begin));
                rig.reply(refusal);
            }
        }
    }
    at
}

#[test]
fn a_refused_right_is_asked_for_again_at_growing_pauses_and_used_when_it_is_allowed() {
    let mut rig = Rig::polling(config());
    let at = asks_again(&mut rig, "SUBSCRIBE", b"-NOPERM no channels\r\n", 600 * SECOND);
    assert!((10..=17).contains(&at.len()), "{at:?}");
    assert!(at[0] <= 2 * SECOND && at[at.len() - 1] - at[at.len() - 2] <= 61 * SECOND, "{at:?}");
    while !rig.sent().iter().any(|command| command[0] == "SUBSCRIBE") {
        rig.pass(SECOND);
    }
    rig.reply(b">3\r\n+subscribe\r\n+mlr!o:x\r\n:1\r\n");
    assert!(rig.disconnects());
    rig.events.clear();
    rig.pass(SECOND);
    rig.refuses_channels = false;
    rig.shake_hands();
    let best = rig.events.iter().any(|event| matches!(event, Event::Ready { mode: Mode::HandOff, .. }));
    assert!(best, "{:?}", rig.events);
    assert!(asks_again(&mut rig, "SUBSCRIBE", b"", 600 * SECOND).is_empty());
}

#[test]
fn an_idle_connection_that_lacks_nothing_asks_nothing() {
    let mut rig = Rig::ready(config());
    rig.pass(3_600 * SECOND);
    assert_eq!(rig.sent(), Vec::<Vec<String>>::new());
}

#[test]
fn a_server_that_does_not_know_a_script_by_its_text_is_not_asked_for_ever() {
    let mut rig = Rig::ready(config());
    let calls = 3;
    rig.wait_for("a", SECOND);
    rig.wait_for("b", SECOND);
    rig.try_for("c", "me");
    let mut sent = 0;
    for _ in 0..20 {
        for command in rig.sent() {
            sent += 1;
            if command[0].starts_with("EVAL") {
                rig.reply(b"-NOSCRIPT No matching script.\r\n");
            }
        }
    }
    assert_eq!(failed(&mut rig).len(), calls);
    assert!(sent <= 3 * calls, "{sent} commands");
}

#[test]
fn grants_for_nobody_here_are_passed_on_up_to_a_bound() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    let park = rig.sent().remove(0);
    assert_eq!(verb(&park), "park");
    let client = park[12].clone();
    for name in [|at: u64| format!("unknown-{at}"), |_| "unknown".to_owned()] {
        for at in 0..5_000_u64 {
            rig.push(&client, 1_700_000_000_000_001 + at, &name(at));
        }
    }
    let leaves = rig.sent().iter().filter(|command| verb(command) == "leave").count();
    assert_eq!(leaves, 1_024);
}

#[test]
fn many_grants_for_one_unknown_key_are_passed_on_up_to_a_bound() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    let park = rig.sent().remove(0);
    let client = park[12].clone();
    for at in 0..5_000_u64 {
        rig.push(&client, 1_700_000_000_000_001 + at, "unknown");
    }
    let leaves = rig.sent().iter().filter(|command| verb(command) == "leave").count();
    assert!((1..=1_024).contains(&leaves), "{leaves}");
}
