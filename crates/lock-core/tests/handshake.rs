//! The handshake on a new connection.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Code, Event, HandshakeOptions, Mode, Safety};
use support::{Rig, SECOND, config, with_password};

/// Both channels, and a message to itself that reached one.
const SUBSCRIBED: &[u8] =
    b">3\r\n+subscribe\r\n+mlr!c:x\r\n:1\r\n>3\r\n+subscribe\r\n+mlr!o:x\r\n:2\r\n>3\r\n+message\r\n+mlr!c:x\r\n+\r\n:1\r\n";

/// Locks can be taken, and side keys used.
const PROBED: &[u8] = b"*1\r\n:1\r\n*1\r\n:1\r\n";

fn info(text: &str) -> Vec<u8> {
    format!("${}\r\n{text}\r\n", text.len()).into_bytes()
}

fn commands(config: ClientConfig) -> Vec<Vec<String>> {
    let mut rig = Rig::new(config);
    rig.connects();
    rig.sent()
}

#[test]
fn without_credentials_no_auth_is_sent_and_database_0_is_not_selected() {
    let sent = commands(config());
    assert_eq!(sent[0], ["HELLO", "3"]);
    assert!(sent.iter().all(|command| command[0] != "AUTH" && command[0] != "SELECT"));
}

#[test]
fn a_password_alone_authenticates_the_default_user() {
    assert_eq!(commands(with_password(None))[0], ["AUTH", "s3cret"]);
}

#[test]
fn a_user_name_goes_before_the_password() {
    assert_eq!(commands(with_password(Some("shop")))[0], ["AUTH", "shop", "s3cret"]);
}

#[test]
fn the_database_is_selected_after_authentication() {
    let sent = commands(ClientConfig { database: 3, ..with_password(None) });
    assert_eq!(sent[2], ["SELECT", "3"]);
}

#[test]
fn nothing_else_is_sent_before_the_server_is_ready() {
    let mut rig = Rig::new(config());
    rig.connects();
    rig.sent();
    rig.try_for("k", "me");
    assert!(rig.sent().is_empty());
}

#[test]
fn a_refused_password_fails_what_waits_and_is_not_repeated_in_the_message() {
    let mut rig = Rig::new(with_password(Some("shop")));
    rig.try_for("k", "me");
    rig.connects();
    rig.sent();
    rig.reply(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    let error = rig.error();
    assert_eq!(error.code, Code::AuthFailed);
    assert!(error.message.contains("WRONGPASS") && !error.message.contains("s3cret"), "{}", error.message);
    rig.events.clear();
    rig.pass(SECOND);
    assert!(rig.wants_connection());
}

#[test]
fn a_password_that_is_not_wanted_is_noted_and_the_connection_used() {
    let mut rig = Rig::new(with_password(None));
    rig.connects();
    rig.sent();
    rig.reply(b"-ERR AUTH <password> called without any password configured for the default user.\r\n%0\r\n:1\r\n+OK\r\n+OK\r\n");
    rig.reply(&info("redis_version:7.0.15\r\n"));
    rig.reply(PROBED);
    rig.reply(SUBSCRIBED);
    assert!(
        rig.events
            .iter()
            .any(|event| matches!(event, Event::Ready { mode: Mode::HandOff, password_unwanted: true, .. }))
    );
    assert!(rig.logs().contains("did not want the password"));
}

#[test]
fn a_missing_password_is_told_as_such() {
    let mut rig = Rig::new(config());
    rig.try_for("k", "me");
    rig.connects();
    rig.reply(b"-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n");
    assert_eq!(rig.error().code, Code::AuthFailed);
}

#[test]
fn a_refused_database_fails_the_connection() {
    let mut rig = Rig::new(ClientConfig { database: 99, ..config() });
    rig.try_for("k", "me");
    rig.connects();
    rig.reply(b"%0\r\n-ERR DB index is out of range\r\n");
    let error = rig.error();
    assert!(error.message.contains("database 99"), "{}", error.message);
}

#[test]
fn a_server_that_loads_its_data_is_asked_again_after_its_own_estimate() {
    let mut rig = Rig::new(config());
    rig.connects();
    rig.sent();
    rig.reply(b"%0\r\n:1\r\n+OK\r\n+OK\r\n");
    rig.reply(&info("redis_version:7.0.15\r\nloading:1\r\nloading_eta_seconds:2\r\n"));
    rig.reply(b"-LOADING Redis is loading\r\n-LOADING Redis is loading\r\n");
    assert!(rig.sent().is_empty());
    rig.pass(2 * SECOND);
    assert_eq!(rig.sent()[0][0], "INFO");
    rig.reply(&info("redis_version:7.0.15\r\nloading:0\r\n"));
    rig.reply(PROBED);
    rig.reply(SUBSCRIBED);
    assert!(rig.events.iter().any(|event| matches!(event, Event::Ready { .. })));
}

#[test]
fn a_missing_right_or_an_old_server_leads_to_the_plain_rung() {
    let denied =
        b"-NOPERM this user has no permissions to access one of the keys used as arguments\r\n".to_vec();
    let inside = b"*2\r\n:0\r\n$14\r\nNOPERM: incrby\r\n".to_vec();
    for (version, probe) in [("7.0.15", denied), ("7.0.15", inside), ("6.0.9", b"*1\r\n:1\r\n".to_vec())] {
        let mut rig = Rig::new(config());
        rig.connects();
        rig.sent();
        rig.reply(b"%0\r\n:1\r\n+OK\r\n+OK\r\n");
        rig.reply(&info(&format!("redis_version:{version}\r\n")));
        rig.reply(b"*1\r\n:1\r\n");
        rig.reply(&probe);
        assert!(
            rig.events
                .iter()
                .any(|event| matches!(event, Event::Ready { mode: Mode::Plain, why: Some(_), .. })),
            "{:?}",
            rig.events
        );
        rig.try_for("k", "me");
        let sent = rig.sent();
        assert_eq!(sent[0][2..4], ["1", "medusa_lock:k"], "only the lock key is declared");
    }
}

/// The mode and its reason after a handshake with these replies. `second` is only used if the client asks for it.
fn mode(hello: &[u8], server: &str, second: &[u8]) -> (Mode, String) {
    let mut rig = Rig::new(config());
    rig.connects();
    rig.sent();
    rig.reply(hello);
    rig.reply(b":1\r\n+OK\r\n+OK\r\n");
    rig.reply(&info(server));
    rig.reply(PROBED);
    if !rig.sent().is_empty() {
        rig.reply(second);
    }
    let ready = rig.events.iter().find_map(|event| match event {
        Event::Ready { mode, why, .. } => Some((*mode, why.clone().unwrap_or_default())),
        _ => None,
    });
    ready.unwrap()
}

#[test]
fn where_pushes_cannot_be_had_or_trusted_locks_are_polled_for() {
    let server = "redis_version:7.0.15\r\n";
    assert_eq!(mode(b"%0\r\n", server, SUBSCRIBED).0, Mode::HandOff);
    let cases: [(&[u8], &str, &[u8], &str); 5] = [
        (b"-ERR unknown command 'HELLO'\r\n", server, b"", "RESP3"),
        (b"%0\r\n", "redis_version:7.0.15\r\ncluster_enabled:1\r\n", b"", "cluster"),
        (b"%0\r\n", server, b"-NOPERM no channels\r\n-NOPERM no publish\r\n", "NOPERM"),
        (b"%0\r\n", server, b">3\r\n+subscribe\r\n+x\r\n:1\r\n-NOPERM no publish\r\n", "PUBLISH"),
        (b"%0\r\n", server, b">3\r\n+subscribe\r\n+x\r\n:1\r\n:2\r\n", "counted as 2"),
    ];
    for (hello, server, second, reason) in cases {
        let (mode, why) = mode(hello, server, second);
        assert_eq!(mode, Mode::Polling, "{why}");
        assert!(why.contains(reason), "{why}");
    }
}

fn handshake_options(handshake_options: HandshakeOptions) -> ClientConfig {
    ClientConfig { handshake_options, ..config() }
}

/// Answers the handshake: INFO as given, no channels, and everything else as a server that accepts it.
fn answer(rig: &mut Rig, info: &[u8]) {
    rig.connects();
    for _ in 0..2 {
        for command in rig.sent() {
            match command[0].as_str() {
                "HELLO" => rig.reply(b"%0\r\n"),
                "INFO" => rig.reply(info),
                "EVAL" | "EVALSHA" => rig.reply(b"*1\r\n:1\r\n"),
                "SUBSCRIBE" | "PUBLISH" => rig.reply(b"-NOPERM no channels\r\n"),
                _ => rig.reply(b"+OK\r\n"),
            }
        }
    }
}

fn ready(rig: &Rig) -> Option<(Mode, String)> {
    rig.events.iter().find_map(|event| match event {
        Event::Ready { mode, why, .. } => Some((*mode, why.clone().unwrap_or_default())),
        _ => None,
    })
}

#[test]
fn a_connection_name_is_told_and_a_refusal_of_it_does_not_matter() {
    let named = handshake_options(HandshakeOptions {
        connection_name: Some("shop".to_owned()),
        ..HandshakeOptions::default()
    });
    let sent = commands(named.clone());
    assert_eq!(sent[1], ["CLIENT", "SETNAME", "shop"]);
    assert!(commands(config()).iter().all(|command| !command.contains(&"SETNAME".to_owned())));
    let mut rig = Rig::new(named);
    rig.connects();
    rig.sent();
    rig.reply(b"%0\r\n-ERR Client names cannot contain spaces\r\n:1\r\n+OK\r\n+OK\r\n");
    rig.reply(&info("redis_version:7.0.15\r\n"));
    rig.reply(PROBED);
    rig.reply(SUBSCRIBED);
    assert_eq!(ready(&rig).map(|(mode, _)| mode), Some(Mode::HandOff));
}

#[test]
fn name_and_version_of_the_library_are_told_unless_there_is_no_name() {
    let told = |config| -> Vec<String> {
        let of_setinfo = |command: Vec<String>| (command.get(1)? == "SETINFO").then(|| command[3].clone());
        commands(config).into_iter().filter_map(of_setinfo).collect()
    };
    assert_eq!(told(config()), ["medusa-locking-redis", "0.0.0"]);
    assert!(
        told(handshake_options(HandshakeOptions { library_name: None, ..HandshakeOptions::default() }))
            .is_empty()
    );
}

#[test]
fn with_resp2_nothing_is_asked_of_resp3_and_locks_are_polled_for() {
    let mut rig =
        Rig::new(handshake_options(HandshakeOptions { resp3: false, ..HandshakeOptions::default() }));
    rig.connects();
    let sent = rig.sent();
    assert!(sent.iter().all(|command| command[0] != "HELLO"));
    rig.reply(b":1\r\n+OK\r\n+OK\r\n");
    rig.reply(&info("redis_version:7.0.15\r\n"));
    rig.reply(PROBED);
    assert!(rig.sent().is_empty(), "no channel is subscribed");
    let (mode, why) = ready(&rig).unwrap();
    assert_eq!(mode, Mode::Polling);
    assert!(why.contains("protocol"), "{why}");
}

#[test]
fn where_info_is_refused_mode_and_version_are_taken_from_the_answer_to_hello() {
    let refused =
        b"-NOPERM this user has no permissions to run the 'info' command\r\n*1\r\n:1\r\n*1\r\n:1\r\n";
    let cases: [(&[u8], Mode, &str); 4] = [
        (b"%2\r\n+mode\r\n+standalone\r\n+version\r\n+7.0.15\r\n", Mode::HandOff, ""),
        (b"%2\r\n+mode\r\n+cluster\r\n+version\r\n+7.0.15\r\n", Mode::Polling, "cluster"),
        (b"%2\r\n+mode\r\n+standalone\r\n+version\r\n+6.0.9\r\n", Mode::Plain, "older than 6.2"),
        (b"%0\r\n", Mode::Polling, "not known"),
    ];
    for (hello, expected, reason) in cases {
        let mut rig = Rig::new(config());
        rig.connects();
        rig.sent();
        rig.reply(hello);
        rig.reply(b":1\r\n+OK\r\n+OK\r\n");
        rig.reply(refused);
        if !rig.sent().is_empty() {
            rig.reply(SUBSCRIBED);
        }
        let (mode, why) = ready(&rig).unwrap();
        assert_eq!(mode, expected, "{why}");
        assert!(why.contains(reason), "{why}");
        assert!(rig.logs().contains("The ready check is skipped"), "{}", rig.logs());
    }
}

#[test]
fn a_server_that_may_evict_locks_is_told_of_once() {
    let evicting = info("redis_version:7.0.15\r\nmaxmemory:1000000\r\nmaxmemory_policy:volatile-lru\r\n");
    let mut rig = Rig::new(config());
    for connection in 1..=3 {
        rig.events.clear();
        answer(&mut rig, &evicting);
        assert!(ready(&rig).is_some());
        let told = rig.logs().contains("maxmemory-policy is \"volatile-lru\"");
        assert_eq!(told, connection == 1, "connection {connection}: {}", rig.logs());
        rig.cut();
        rig.pass(SECOND);
    }
}

#[test]
fn a_server_that_evicts_nothing_or_has_no_limit_is_not_told_of() {
    for text in [
        "redis_version:7.0.15\r\nmaxmemory:1000000\r\nmaxmemory_policy:noeviction\r\n",
        "redis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n",
    ] {
        let mut rig = Rig::new(config());
        answer(&mut rig, &info(text));
        assert!(!rig.logs().contains("maxmemory"), "{}", rig.logs());
    }
}

#[test]
fn a_master_with_fewer_replicas_than_safety_asks_for_is_told_of() {
    let safety = Some(Safety { replicas: 2, timeout: SECOND });
    for (there, told) in [("0", true), ("1", true), ("2", false), ("3", false)] {
        let mut rig = Rig::new(ClientConfig { safety, ..config() });
        answer(
            &mut rig,
            &info(&format!("redis_version:7.0.15\r\nrole:master\r\nconnected_slaves:{there}\r\n")),
        );
        assert_eq!(
            rig.logs().contains(&format!("safety.replicas is 2, and Redis has only {there}")),
            told,
            "{}",
            rig.logs()
        );
    }
    let mut rig = Rig::new(config());
    answer(&mut rig, &info("redis_version:7.0.15\r\nrole:master\r\nconnected_slaves:0\r\n"));
    assert!(!rig.logs().contains("replicas"), "{}", rig.logs());
}

#[test]
fn without_a_ready_check_a_server_that_loads_its_data_counts_as_ready() {
    let mut rig =
        Rig::new(handshake_options(HandshakeOptions { ready_check: false, ..HandshakeOptions::default() }));
    answer(&mut rig, &info("redis_version:7.0.15\r\nloading:1\r\nloading_eta_seconds:9\r\n"));
    assert!(ready(&rig).is_some());
}

#[test]
fn the_pause_of_a_server_that_loads_its_data_is_as_long_as_the_options_allow() {
    let longest_loading_pause = Some(3 * SECOND);
    let mut rig = Rig::new(handshake_options(HandshakeOptions {
        longest_loading_pause,
        ..HandshakeOptions::default()
    }));
    answer(&mut rig, &info("redis_version:7.0.15\r\nloading:1\r\nloading_eta_seconds:60\r\n"));
    rig.pass(2 * SECOND);
    assert!(rig.sent().is_empty());
    rig.pass(SECOND);
    assert_eq!(rig.sent()[0][0], "INFO");
}

#[test]
fn a_server_that_refuses_info_and_loads_its_data_is_asked_again_too() {
    let mut rig = Rig::new(config());
    rig.connects();
    rig.sent();
    rig.reply(
        b"%0\r\n:1\r\n+OK\r\n+OK\r\n-NOPERM no info\r\n-LOADING Redis is loading\r\n-LOADING Redis is loading\r\n",
    );
    assert_eq!(ready(&rig), None);
    rig.pass(SECOND);
    assert_eq!(rig.sent()[0][0], "INFO");
    rig.reply(b"-NOPERM no info\r\n*1\r\n:1\r\n*1\r\n:1\r\n");
    assert!(ready(&rig).is_some());
}
