//! Cohorts: waiters of one client that follow one another on a lock without a command to Redis.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Event, Hold, Outcome, Owner, Safety, Wanted};
use support::{MS, Rig, SECOND, config, holding, verb};

/// Later than the token of the first hold.
const TICKET: u64 = 1_800_000_000_000_000;
/// The token that the client's release gives to its first waiter.
const TOKEN: u64 = TICKET + 100;
/// Places in a hand over: how many may follow, and the last ticket that followed.
const FOLLOWERS: usize = 14;
const SERVED: usize = 15;

/// A call for a key that is held: it parks.
fn contend(rig: &mut Rig) {
    if verb(&rig.sent()[0]) == "take" {
        rig.reply(b"*2\r\n:1\r\n:0\r\n");
        assert_eq!(verb(&rig.sent()[0]), "park");
    }
}

fn park(rig: &mut Rig, ticket: u64) -> u64 {
    let (caller, _) = rig.wait_for("k", 60 * SECOND);
    contend(rig);
    rig.reply(format!("*5\r\n:2\r\n:0\r\n:{ticket}\r\n:60000\r\n:1\r\n").as_bytes());
    caller
}

/// The first of `count` waiters holds "k". Those with tickets before `TICKET + first_foreign` may follow.
fn running(config: ClientConfig, count: u64, first_foreign: u64) -> (Rig, Hold) {
    let (mut rig, first) = holding(config);
    for waiter in 0..count {
        park(&mut rig, TICKET + waiter);
    }
    rig.release("k", &first.owner, Some(rig.now + SECOND));
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][FOLLOWERS].clone()), ("hand over", (count - 1).to_string()));
    rig.reply(format!("*3\r\n:2\r\n:{TOKEN}\r\n:{}\r\n", TICKET + first_foreign).as_bytes());
    let hold = held(&mut rig);
    rig.done.clear();
    (rig, hold)
}

/// The only hold among the notices.
fn held(rig: &mut Rig) -> Hold {
    let at = rig.done.iter().position(|(_, outcome)| matches!(outcome, Outcome::Held(_)));
    match at.map(|at| rig.done.remove(at).1) {
        Some(Outcome::Held(hold)) => hold,
        _ => panic!("nothing is held: {:?}", rig.done),
    }
}

/// The job on "k" ends.
fn end(rig: &mut Rig, owner: &Owner) -> u64 {
    rig.release("k", owner, Some(rig.now + SECOND))
}

fn told(rig: &mut Rig) -> Vec<(u64, &'static str)> {
    let word = |outcome| match outcome {
        Outcome::Released => "released",
        Outcome::NotHeld(_) => "not held",
        Outcome::ReleasePending(_) => "pending",
        other => panic!("told {other:?}"),
    };
    rig.done.drain(..).map(|(caller, outcome)| (caller, word(outcome))).collect()
}

#[test]
fn waiters_before_everybody_else_follow_with_tokens_of_their_own_and_all_are_told_by_the_last_release() {
    let (mut rig, hold) = running(config(), 3, 50);
    let first = end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    assert_eq!(
        (&second.owner, &*second.tokens, second.sent_at),
        (&hold.owner, &[TOKEN + 1][..], hold.sent_at)
    );
    let then = end(&mut rig, &second.owner);
    let third = held(&mut rig);
    assert_eq!(*third.tokens, [TOKEN + 2]);
    assert!(rig.sent().is_empty() && rig.done.is_empty());
    assert!(rig.client.has_callers(), "two wait to be told");
    let last = end(&mut rig, &third.owner);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][SERVED].clone()), ("hand over", (TICKET + 2).to_string()));
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    assert_eq!(told(&mut rig), [(first, "released"), (then, "released"), (last, "released")]);
    assert!(!rig.client.has_callers() && rig.client.is_idle());
}

#[test]
fn a_waiter_that_came_after_another_client_does_not_follow() {
    let (mut rig, hold) = running(config(), 3, 2);
    end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    end(&mut rig, &second.owner);
    assert!(rig.done.is_empty());
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][SERVED].clone()), ("hand over", (TICKET + 1).to_string()));
    assert_eq!(sent[0][10], (TICKET + 2).to_string(), "its waiter enters the queue by its own ticket");
}

#[test]
fn a_waiter_whose_ticket_was_drawn_after_the_hand_over_comes_after_others() {
    let (mut rig, hold) = running(config(), 3, 50);
    park(&mut rig, TICKET + 60);
    end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    end(&mut rig, &second.owner);
    let third = held(&mut rig);
    end(&mut rig, &third.owner);
    assert!(rig.done.is_empty());
    assert_eq!(verb(&rig.sent()[0]), "hand over");
}

#[test]
fn there_are_as_many_followers_as_there_are_tokens() {
    let (mut rig, hold) = running(config(), 2, 50);
    park(&mut rig, TICKET + 2);
    end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    end(&mut rig, &second.owner);
    assert!(rig.done.is_empty());
    assert_eq!(verb(&rig.sent()[0]), "hand over");
}

#[test]
fn a_cohort_ends_after_a_while() {
    let (mut rig, hold) = running(config(), 3, 50);
    rig.now = rig.now + 9 * MS;
    end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    rig.now = rig.now + 2 * MS;
    end(&mut rig, &second.owner);
    assert_eq!(verb(&rig.sent()[0]), "hand over");
}

#[test]
fn an_answer_that_was_long_under_way_lets_nobody_follow() {
    let (mut rig, first) = holding(config());
    park(&mut rig, TICKET);
    park(&mut rig, TICKET + 1);
    rig.release("k", &first.owner, Some(rig.now + SECOND));
    rig.sent();
    rig.now = rig.now + 3 * SECOND;
    rig.reply(format!("*3\r\n:2\r\n:{TOKEN}\r\n:{}\r\n", TICKET + 50).as_bytes());
    let hold = held(&mut rig);
    rig.done.clear();
    end(&mut rig, &hold.owner);
    assert_eq!(verb(&rig.sent()[0]), "hand over", "three of ten seconds of the lease are over");
}

#[test]
fn a_lock_that_may_be_lost_is_not_followed_on() {
    let (mut rig, hold) = running(config(), 2, 50);
    let keys = hold.keys.clone();
    let request = lock_core::ReleaseRequest {
        caller: 99,
        keys,
        owner: hold.owner,
        lease_end: Some(rig.now + SECOND),
        claim: None,
        limit: None,
        waited: true,
        sound: false,
        good_until: None,
        of_attempt: None,
    };
    rig.client.release(rig.now, request);
    assert_eq!(verb(&rig.sent()[0]), "hand over");
}

#[test]
fn while_the_next_job_runs_a_look_tells_who_has_ended() {
    let (mut rig, hold) = running(config(), 3, 50);
    let first = end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    rig.pass(MS);
    let looks = rig.sent();
    assert_eq!(looks, [["GET", "medusa_lock:k"]]);
    rig.reply(format!("$44\r\n{:?}\r\n", second.owner).as_bytes());
    assert_eq!(told(&mut rig), [(first, "released")]);
    // The cohort goes on.
    let then = end(&mut rig, &second.owner);
    held(&mut rig);
    rig.pass(MS);
    assert_eq!(rig.sent().len(), 1);
    rig.reply(b"$5\r\nother\r\n");
    assert_eq!(told(&mut rig), [(then, "not held")]);
    assert!(
        matches!(rig.events[..], [Event::TakenAway { .. }]),
        "the next one's lease is looked at: {:?}",
        rig.events
    );
}

#[test]
fn a_lock_that_was_deleted_is_told_to_everybody_who_had_it() {
    let (mut rig, hold) = running(config(), 2, 50);
    let first = end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    let last = end(&mut rig, &second.owner);
    rig.sent();
    rig.reply(b"*3\r\n:1\r\n:0\r\n:0\r\n");
    assert_eq!(told(&mut rig), [(first, "not held"), (last, "not held")]);
}

#[test]
fn a_look_that_nobody_answers_ends_with_the_callers_time_limit() {
    let (mut rig, hold) = running(config(), 2, 50);
    let first = end(&mut rig, &hold.owner);
    held(&mut rig);
    rig.pass(6 * SECOND);
    assert_eq!(told(&mut rig), [(first, "pending")]);
}

#[test]
fn when_the_connection_breaks_nobody_follows_and_who_has_ended_does_not_wait_for_the_next_one() {
    let (mut rig, hold) = running(config(), 3, 50);
    let first = end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    rig.cut();
    assert_eq!(told(&mut rig), [(first, "released")]);
    rig.pass(SECOND);
    rig.shake_hands();
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0])), (1, "park"));
    end(&mut rig, &second.owner);
    assert!(rig.done.is_empty());
}

#[test]
fn a_look_that_is_repeated_may_come_after_the_end_of_the_run() {
    let (mut rig, hold) = running(config(), 2, 50);
    let first = end(&mut rig, &hold.owner);
    held(&mut rig);
    rig.pass(MS);
    assert_eq!(rig.sent().len(), 1);
    rig.cut();
    rig.pass(SECOND);
    rig.shake_hands();
    rig.sent();
    rig.reply(b"_\r\n");
    assert_eq!(told(&mut rig), [(first, "released")]);
}

#[test]
fn a_waiter_whose_park_is_not_answered_stands_behind_everybody_who_waited_when_the_cohort_began() {
    let (mut rig, hold) = running(config(), 2, 50);
    end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    rig.wait_for("k", 60 * SECOND);
    contend(&mut rig);
    end(&mut rig, &second.owner);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][SERVED].clone()), ("hand over", (TICKET + 1).to_string()));
    // One token was for a follower. A later token belongs to the newcomer or to a later caller.
    assert_eq!(sent[0][10], (TOKEN + 2).to_string());
}

#[test]
fn the_release_that_ends_a_cohort_goes_before_the_takes_of_the_same_turn() {
    let (mut rig, hold) = running(config(), 2, 50);
    end(&mut rig, &hold.owner);
    let second = held(&mut rig);
    rig.wait_for("k", 60 * SECOND);
    end(&mut rig, &second.owner);
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), ["hand over", "park"]);
    assert_eq!(sent[0][10], "", "Redis knows nothing of it yet");
}

#[test]
fn only_calls_of_execute_for_this_key_with_the_same_lease_follow() {
    let (mut rig, first) = holding(config());
    park(&mut rig, TICKET);
    rig.acquire(&["k"], Wanted::Named(b"me"[..].into()), Some(60 * SECOND));
    rig.sent();
    rig.reply(format!("*5\r\n:2\r\n:0\r\n:{}\r\n:60000\r\n:1\r\n", TICKET + 1).as_bytes());
    rig.release("k", &first.owner, Some(rig.now + SECOND));
    rig.sent();
    rig.reply(format!("*3\r\n:2\r\n:{TOKEN}\r\n:{}\r\n", TICKET + 50).as_bytes());
    let hold = held(&mut rig);
    rig.done.clear();
    end(&mut rig, &hold.owner);
    assert!(rig.done.is_empty());
    assert_eq!(verb(&rig.sent()[0]), "hand over");
}

#[test]
fn with_locks_that_replicas_must_have_nobody_follows() {
    let safety = Some(Safety { replicas: 1, timeout: SECOND });
    let mut rig = Rig::ready(ClientConfig { safety, ..config() });
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.reply(support::HELD);
    rig.sent();
    rig.reply(b":1\r\n");
    let hold = held(&mut rig);
    park(&mut rig, TICKET);
    park(&mut rig, TICKET + 1);
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    assert_eq!(rig.sent()[0][FOLLOWERS], "0");
}
