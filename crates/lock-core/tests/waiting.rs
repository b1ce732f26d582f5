//! Waiting for a key that another owner holds.

mod support;

use lock_core::{Code, Wanted};
use support::{MS, Rig, SECOND, config, verb};

const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";

#[test]
fn a_try_that_finds_the_key_held_fails_at_once_with_the_official_text() {
    let mut rig = Rig::ready(config());
    rig.try_for("k", "me");
    rig.reply(REFUSED);
    let error = rig.error();
    assert_eq!(
        (error.code, error.message.as_str()),
        (Code::NotAcquired, "Failed to acquire lock for key \"k\"")
    );
}

#[test]
fn the_first_refused_key_in_the_callers_order_is_named() {
    let mut rig = Rig::ready(config());
    rig.acquire(&["z", "a", "m"], Wanted::Named((*b"me").into()), None);
    rig.reply(b"*4\r\n:0\r\n:0\r\n:1\r\n:2\r\n");
    let error = rig.error();
    assert_eq!(error.message, "Failed to acquire lock for key \"z\"");
    assert_eq!(error.keys.len(), 3);
}

#[test]
fn pauses_double_up_to_the_longest_and_are_jittered_below_it() {
    let mut rig = Rig::polling(config());
    rig.wait_for("k", 3_600 * SECOND);
    rig.sent();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        rig.reply(REFUSED);
        let asked = rig.now;
        for _ in 0..1_000 {
            rig.pass(MS / 4);
            let sent = rig.sent();
            // Now and then the client also asks for a refused right.
            if sent.iter().any(|command| command[0] == "SUBSCRIBE") {
                rig.reply(b"-NOPERM no channels\r\n");
            } else if !sent.is_empty() {
                break;
            }
        }
        pauses.push(rig.now.since(asked));
    }
    for (pause, full) in pauses.iter().zip([5, 10, 20, 40, 80, 160, 200, 200, 200, 200, 200, 200]) {
        assert!(*pause >= full * MS / 2 && *pause <= full * MS + MS, "{pauses:?}");
    }
    let last = &pauses[6..];
    assert!(last.iter().any(|pause| pause != &last[0]), "a fleet would fall into step: {pauses:?}");
}

#[test]
fn one_busy_key_does_not_slow_another() {
    let mut rig = Rig::ready(config());
    rig.wait_for("busy", 60 * SECOND);
    for _ in 0..10 {
        rig.sent();
        rig.reply(REFUSED);
        rig.pass(SECOND);
    }
    rig.sent();
    rig.reply(REFUSED);
    rig.wait_for("other", 60 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    rig.pass(6 * MS);
    let sent = rig.sent();
    assert!(sent.iter().any(|command| command[3] == "medusa_lock:other"), "its first pause is 5 ms");
}

#[test]
fn the_wait_ends_at_its_limit_and_nothing_is_sent_after() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.reply(REFUSED);
    for _ in 0..200 {
        rig.pass(10 * MS);
        if !rig.sent().is_empty() {
            rig.reply(REFUSED);
        }
        if !rig.done.is_empty() {
            break;
        }
    }
    assert_eq!(rig.error().code, Code::Timeout);
    rig.pass(10 * SECOND);
    assert!(rig.sent().is_empty());
    assert!(rig.client.is_idle());
}

#[test]
fn a_withdrawn_wait_ends_at_once() {
    let mut rig = Rig::ready(config());
    let (caller, task) = rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    rig.client.cancel(rig.now, task, caller);
    rig.pass(MS);
    assert_eq!(rig.error().code, Code::Aborted);
    rig.pass(SECOND);
    assert!(rig.sent().is_empty());
}

#[test]
fn an_outdated_withdrawal_does_nothing() {
    let mut rig = Rig::ready(config());
    let (caller, task) = rig.wait_for("k", 60 * SECOND);
    rig.client.cancel(rig.now, task, caller + 1);
    rig.pass(MS);
    assert!(rig.done.is_empty());
}

#[test]
fn closing_tells_those_who_wait_and_takes_no_more_calls() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.client.close(rig.now);
    rig.pass(MS);
    assert_eq!(rig.error().code, Code::Closed);
    rig.reply(b"*2\r\n:1\r\n:1700000000000001\r\n");
    assert_eq!(verb(&rig.sent()[0]), "give back", "a grant that comes later is given back");
}

#[test]
fn a_thousand_quick_calls_leave_no_timers_behind() {
    let mut rig = Rig::ready(config());
    for _ in 0..20_000 {
        rig.wait_for("k", 5 * SECOND);
        rig.client.transmitted(usize::MAX);
        rig.reply(b"*2\r\n:1\r\n:1700000000000001\r\n");
        rig.done.clear();
    }
    let mut looks = 0;
    while let Some(at) = rig.client.poll_timeout() {
        rig.client.handle_timeout(at);
        looks += 1;
        assert!(looks < 3_000, "the table of deadlines grew with the calls");
    }
}
