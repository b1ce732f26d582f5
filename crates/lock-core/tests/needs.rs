//! Servers, users and proxies that refuse something: the client does without it, or every call is told.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Event, Mode};
use support::{HELD, MS, Rig, SECOND, config, verb};

const FIRST_ROUND: &[u8] = b"%0\r\n:1\r\n+OK\r\n+OK\r\n$22\r\nredis_version:7.0.15\r\n\r\n";
const YES: &[u8] = b"*1\r\n:1\r\n";
const SUBSCRIBED: &[u8] = b">3\r\n+subscribe\r\n+x\r\n:1\r\n>3\r\n+subscribe\r\n+y\r\n:2\r\n:1\r\n";

/// Connected and past_hello. The client has asked for the rights that locks need, and has no answer yet.
fn past_hello() -> Rig {
    let mut rig = Rig::new(config());
    rig.connects();
    rig.sent();
    rig.reply(FIRST_ROUND);
    rig
}

fn mode(rig: &Rig) -> Option<Mode> {
    rig.events.iter().find_map(|event| match event {
        Event::Ready { mode, .. } => Some(*mode),
        _ => None,
    })
}

#[test]
fn without_scripts_every_call_is_told_what_is_missing() {
    let refusals: [&[u8]; 5] = [
        b"-ERR unknown command 'EVAL', with args beginning with: \r\n",
        b"-NOPERM User shop has no permissions to run the 'eval' command\r\n",
        b"-unsupported command 'EVAL'\r\n",
        b"-NOPERM this user has no permissions to access one of the keys used as arguments\r\n",
        b"*2\r\n:0\r\n$32\r\nNOPERM: no permission to run DEL\r\n",
    ];
    for refusal in refusals {
        let mut rig = past_hello();
        rig.wait_for("k", 60 * SECOND);
        rig.reply(refusal);
        let error = rig.error();
        assert_eq!(error.code, Code::Refused);
        assert!(error.message.contains("Lua scripts") && error.cause.is_some(), "{error}");
        assert!(rig.disconnects());
        // The next call is told at the next attempt.
        rig.wait_for("k", 60 * SECOND);
        rig.pass(SECOND);
        rig.connects();
        rig.sent();
        rig.reply(FIRST_ROUND);
        rig.reply(refusal);
        assert_eq!(rig.error().code, Code::Refused);
    }
}

#[test]
fn an_error_that_will_pass_does_not_speak_against_the_server() {
    let mut rig = past_hello();
    rig.reply(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    rig.reply(YES);
    rig.reply(SUBSCRIBED);
    assert_eq!(mode(&rig), Some(Mode::HandOff));
}

#[test]
fn where_no_script_is_known_by_its_hash_each_is_sent_in_full_and_the_log_says_so_once() {
    for refusal in ["-NOSCRIPT No matching script. Please use EVAL.", "-ERR unknown command 'EVALSHA'"] {
        let mut rig = past_hello();
        for connection in 1..=2 {
            rig.reply(YES);
            rig.sent();
            rig.reply(format!("{refusal}\r\n").as_bytes());
            assert_eq!(rig.sent()[0][0], "EVAL", "about side keys, again");
            rig.reply(YES);
            rig.sent();
            rig.reply(SUBSCRIBED);
            assert_eq!(mode(&rig), Some(Mode::HandOff));
            assert_eq!(rig.logs().contains("sent in full"), connection == 1, "{}", rig.logs());
            if connection == 1 {
                rig.wait_for("k", SECOND);
                let sent = rig.sent();
                assert_eq!((sent[0][0].as_str(), verb(&sent[0])), ("EVAL", "park"));
                rig.reply(HELD);
                // The short ways send texts, too.
                rig.wait_for("k", SECOND);
                let sent = rig.sent();
                assert_eq!((sent[0][0].as_str(), verb(&sent[0])), ("EVAL", "take"));
                rig.cut();
                rig.done.clear();
                rig.pass(2 * SECOND);
                rig.events.clear();
                rig.connects();
                rig.sent();
                rig.reply(FIRST_ROUND);
            }
        }
    }
}

#[test]
fn a_server_that_never_runs_a_script_by_hash_nor_by_text_is_not_asked_for_ever() {
    let mut rig = past_hello();
    rig.reply(YES);
    rig.sent();
    rig.reply(b"-NOSCRIPT No matching script.\r\n");
    rig.sent();
    rig.reply(b"-NOSCRIPT No matching script.\r\n");
    rig.sent();
    rig.reply(SUBSCRIBED);
    assert!(mode(&rig).is_some());
    assert!(rig.logs().contains("could not be found out"), "{}", rig.logs());
}

#[test]
fn a_user_without_client_is_told_what_that_costs_once() {
    let mut rig = Rig::new(config());
    rig.connects();
    rig.sent();
    let refused = b"-NOPERM User shop has no permissions to run the 'client' command\r\n".repeat(3);
    rig.reply(b"%0\r\n");
    rig.reply(&refused);
    rig.reply(b"$22\r\nredis_version:7.0.15\r\n\r\n");
    rig.reply(YES);
    rig.reply(YES);
    rig.sent();
    rig.reply(SUBSCRIBED);
    rig.pass(MS);
    assert_eq!(mode(&rig), Some(Mode::HandOff));
    assert_eq!(rig.logs().matches("CLIENT was refused").count(), 1, "{}", rig.logs());
}

#[test]
fn a_message_to_oneself_that_was_heard_by_others_too_is_counted_again_later() {
    let mut rig = past_hello();
    rig.reply(YES);
    rig.reply(YES);
    // Another client listens to all channels of the server.
    rig.reply(SUBSCRIBED.strip_suffix(b":1\r\n").unwrap());
    rig.reply(b":2\r\n");
    assert_eq!(mode(&rig), Some(Mode::Polling));
    rig.sent();
    rig.pass(SECOND);
    assert_eq!(rig.sent()[0][0], "PUBLISH");
    rig.reply(b":2\r\n");
    assert!(!rig.disconnects());
    for _ in 0..3 {
        assert!(!rig.disconnects(), "it may be one by chance");
        let next = (0..60).find_map(|_| {
            rig.pass(SECOND);
            rig.sent().pop()
        });
        assert_eq!(next.map(|command| command[0].clone()).as_deref(), Some("PUBLISH"));
        rig.reply(b":1\r\n");
    }
    assert!(rig.disconnects(), "a new connection makes use of it");
}
