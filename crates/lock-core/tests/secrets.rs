//! A server's text is shown without the secrets in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Event, RetryPolicy, Secrets};
use support::{Rig, config, with_password};

fn shown(secret: &str, said: &str) -> String {
    Secrets::new([secret]).shown(said.as_bytes())
}

#[test]
fn a_secret_is_hidden_wherever_it_stands_and_in_every_form() {
    for said in [
        "ERR unknown command 'AUTH', with args beginning with: 'p@ss \"w0rd' ",
        "ERR p@ss \"w0rdp@ss \"w0rd",
        "ERR redis://:p%40ss%20%22w0rd@host",
        "ERR redis://:p%40ss%20%22w0rd@host".to_lowercase().as_str(),
        "ERR \"p@ss \\\"w0rd\"",
    ] {
        let shown = shown("p@ss \"w0rd", said);
        assert!(!shown.contains("w0rd") && shown.contains("***"), "{said} -> {shown}");
    }
}

#[test]
fn the_beginning_of_a_secret_that_the_server_cut_off_is_hidden_too() {
    let said = "ERR unknown command 'AUTH', with args beginning with: 'hunter2SEC'";
    assert!(!shown("hunter2SECRET", said).contains("hunter2"));
    assert!(!shown("hunter2SECRET", "ERR hunter2SECRE").contains("hunter2"));
    assert_eq!(shown("hunter2SECRET", "ERR a hunter in 2 words"), "ERR a hunter in 2 words");
}

#[test]
fn a_short_secret_is_hidden_where_it_stands_by_itself_and_words_stay_readable() {
    assert_eq!(shown("a", "ERR a b 'a' and another"), "ERR *** b '***' and another");
    assert_eq!(shown("", "ERR nothing"), "ERR nothing");
}

#[test]
fn a_text_is_one_line_of_300_characters_at_most() {
    let long = "ü\r\n".repeat(1_000_000);
    let shown = shown("secret", &long);
    assert_eq!(shown.chars().count(), 300);
    assert!(!shown.contains('\n') && shown.ends_with('…'));
    let many = "secret".repeat(1_000);
    let masked = self::shown("secret", &many);
    assert!(masked.chars().count() <= 301 && !masked.contains("secret"), "{masked}");
}

#[test]
fn nothing_that_shows_secrets_itself_shows_them() {
    let config = ClientConfig { hidden: Secrets::new(["other-secret"]), ..with_password(None) };
    let shown = format!("{config:?} {:?}", config.secrets());
    assert!(!shown.contains("s3cret") && !shown.contains("other-secret"), "{shown}");
    assert_eq!(config.secrets().clean("s3cret other-secret"), "*** ***");
}

#[test]
fn an_error_at_auth_that_repeats_the_password_fails_calls_without_it() {
    let mut rig = Rig::new(with_password(None));
    rig.try_for("k", "me");
    rig.connects();
    rig.sent();
    rig.reply(b"-ERR unknown command 'AUTH', with args beginning with: 's3cret' \r\n");
    let shown = format!("{:?} {:?}", rig.error(), rig.events);
    assert!(shown.contains("unknown command 'AUTH'") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn no_error_of_a_call_no_question_and_no_reason_repeats_a_secret() {
    let retry = RetryPolicy { asks_on_errors: true, ..RetryPolicy::default() };
    for asks in [false, true] {
        let mut config = with_password(None);
        if asks {
            config.retry = retry.clone();
        }
        let mut rig = Rig::ready(config);
        rig.try_for("k", "me");
        rig.sent();
        rig.reply(b"-ERR the password is s3cret\r\n");
        let asked = rig.events.iter().any(|event| matches!(event, Event::AskError { .. }));
        assert_eq!(asked, asks);
        rig.reply(b"-ERR and unasked: s3cret\r\n");
        let shown = format!("{:?} {:?}", rig.events, rig.done);
        assert!(shown.contains("***") && !shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn an_answer_that_is_not_known_is_described_and_not_repeated() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(b"*2\r\n$4\r\nwhat\r\n$9\r\nsomething\r\n");
    let error = rig.error();
    assert!(error.message.contains("does not know") && !error.message.contains("something"), "{error:?}");
}

#[test]
fn a_password_that_is_a_word_of_redis_does_not_change_what_an_error_means() {
    let mut config = with_password(None);
    config.credentials.as_mut().unwrap().password = "READONLY".to_owned();
    let mut rig = Rig::ready(config);
    rig.try_for("k", "me");
    rig.sent();
    rig.reply(b"-READONLY You can't write against a read only replica.\r\n");
    assert!(rig.disconnects(), "the connection is made anew");
}
