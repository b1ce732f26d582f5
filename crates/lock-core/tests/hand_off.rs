//! Waiting in a queue and getting the lock handed over: `docs/PROTOCOL.md`, "Rules of the client".

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Code, Event, Hold, NewLease, Outcome, ReleaseRequest, Wanted};
use support::{MS, Rig, SECOND, config, verb};

const TICKET: u64 = 1_800_000_000_000_000;
const PARK_OLDEST: usize = 16;

/// The answer for a waiter parked at its only key: ticket, and time left of the holder in ms.
fn parked(ticket: u64, left_ms: u64) -> Vec<u8> {
    format!("*5\r\n:2\r\n:0\r\n:{ticket}\r\n:{left_ms}\r\n:1\r\n").into_bytes()
}

/// A client with `count` waiters for "k", oldest first; and its id in Redis.
fn waiting(count: u64) -> (Rig, String) {
    let mut rig = Rig::ready(config());
    let mut client = String::new();
    for waiter in 0..count {
        rig.wait_for("k", 3_600 * SECOND);
        let sent = rig.sent();
        assert_eq!(verb(&sent[0]), "park");
        client.clone_from(&sent[0][12]);
        rig.reply(&parked(TICKET + waiter, 60_000));
    }
    (rig, client)
}

fn held(rig: &mut Rig) -> Hold {
    match rig.outcome() {
        Outcome::Held(hold) => hold,
        other => panic!("not held: {other:?}"),
    }
}

fn verbs(rig: &mut Rig) -> Vec<&'static str> {
    rig.sent().iter().map(|command| verb(command)).collect()
}

#[test]
fn a_job_begins_on_the_grant_and_its_claim_follows() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    assert_eq!(*hold.tokens, [TICKET + 9]);
    let until = hold.claim.map(|claiming| claiming.until);
    // Its park was sent just now, and another owner held the lock.
    assert_eq!(until, Some(rig.now + 2 * SECOND));
    assert_eq!(verbs(&mut rig), ["claim"]);
    rig.reply(b"*1\r\n:1\r\n");
    assert!(matches!(rig.events[..], [Event::Claimed { .. }]), "{:?}", rig.events);
}

#[test]
fn a_grant_that_may_be_old_is_claimed_before_the_job_begins() {
    let (mut rig, client) = waiting(1);
    // The client heard nothing about the key meanwhile, so the grant may have been made at any time since.
    rig.now = rig.now + 1_850 * MS;
    rig.push(&client, TICKET + 9, "k");
    assert!(rig.done.is_empty());
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][PARK_OLDEST].as_str()), ("park", "1"));
}

#[test]
fn a_claim_that_is_refused_loses_the_hold() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    held(&mut rig);
    rig.sent();
    rig.reply(b"*1\r\n:0\r\n");
    assert!(matches!(rig.events[..], [Event::ClaimLost { .. }]), "{:?}", rig.events);
}

#[test]
fn grants_go_to_the_oldest_waiter_whose_park_was_answered() {
    let (mut rig, client) = waiting(3);
    rig.push(&client, TICKET + 9, "k");
    assert_eq!(rig.done.len(), 1);
    assert_eq!(rig.done[0].0, 1);
}

#[test]
fn a_grant_to_nobody_is_passed_on() {
    let mut rig = Rig::ready(config());
    rig.wait_for("other", SECOND);
    let client = rig.sent()[0][12].clone();
    rig.push(&client, TICKET, "k");
    let sent = rig.sent();
    assert_eq!(verb(&sent[0]), "leave");
}

#[test]
fn a_grant_to_an_earlier_connection_is_not_ours() {
    let (mut rig, _) = waiting(1);
    rig.push("0123456789abcdef0123456789abcdef", TICKET, "k");
    assert!(rig.sent().is_empty());
    assert!(rig.done.is_empty());
}

#[test]
fn a_release_names_the_clients_own_next_waiter_and_its_answer_gives_it_the_lock() {
    let (mut rig, client) = waiting(2);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    rig.sent();
    rig.reply(b"*1\r\n:1\r\n");
    rig.release("k", &hold.owner, Some(rig.now + SECOND));
    let sent = rig.sent();
    assert_eq!(verb(&sent[0]), "hand over");
    assert!(sent[0].contains(&(TICKET + 1).to_string()), "the waiter's ticket: {:?}", sent[0]);
    rig.reply(format!("*2\r\n:2\r\n:{}\r\n", TICKET + 10).as_bytes());
    assert_eq!(rig.done.len(), 2, "the release, and the next hold: {:?}", rig.done);
}

#[test]
fn only_the_oldest_waiter_polls_and_once_a_second() {
    let (mut rig, _) = waiting(50);
    let mut parks = 0;
    for _ in 0..100 {
        rig.pass(100 * MS);
        for command in rig.sent() {
            assert_eq!((verb(&command), command[PARK_OLDEST].as_str()), ("park", "1"));
            parks += 1;
            rig.reply(&parked(TICKET, 60_000));
        }
    }
    assert!((9..=11).contains(&parks), "{parks} parks in 10 s");
}

#[test]
fn a_holder_whose_lease_ends_sooner_is_looked_at_then() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(&parked(TICKET, 50));
    rig.pass(52 * MS);
    assert_eq!(verbs(&mut rig), ["park"]);
}

#[test]
fn the_last_waiter_that_goes_takes_the_client_out_of_the_queue() {
    let mut rig = Rig::ready(config());
    let (caller, task) = rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(&parked(TICKET, 60_000));
    rig.client.cancel(rig.now, task, caller);
    rig.pass(MS);
    assert_eq!(rig.error().code, Code::Aborted);
    assert_eq!(verbs(&mut rig), ["leave"]);
    rig.reply(b"*1\r\n:1\r\n");
    assert!(rig.client.is_idle());
}

#[test]
fn a_waiter_that_holds_other_keys_meanwhile_gives_them_back_by_attempt() {
    let mut rig = Rig::ready(config());
    let (caller, task) = rig.acquire(&["a", "b"], Wanted::Execute, Some(60 * SECOND));
    rig.sent();
    // The call is parked at the second key.
    rig.reply(format!("*5\r\n:2\r\n:1\r\n:{TICKET}\r\n:60000\r\n:1\r\n").as_bytes());
    rig.client.cancel(rig.now, task, caller);
    rig.pass(MS);
    let sent = verbs(&mut rig);
    assert!(sent.contains(&"roll back") || sent.contains(&"hand over"), "{sent:?}");
    assert!(sent.contains(&"leave"), "{sent:?}");
}

#[test]
fn on_a_new_connection_every_waiter_parks_again_with_its_ticket() {
    let (mut rig, before) = waiting(3);
    rig.cut();
    rig.pass(SECOND);
    assert!(rig.wants_connection());
    rig.shake_hands();
    let sent = rig.sent();
    let tickets: Vec<&str> = sent.iter().map(|command| command[15].as_str()).collect();
    assert_eq!(tickets, [0, 1, 2].map(|waiter| (TICKET + waiter).to_string()));
    assert!(sent.iter().all(|command| command[12] != before), "as another client");
}

#[test]
fn a_release_before_the_claims_answer_names_the_grant_and_the_claim_is_void() {
    let (mut rig, client) = waiting(2);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    rig.sent();
    rig.client.release(rig.now, release_of(&rig, &hold));
    let sent = rig.sent();
    let grant = format!("grant:{client}:{}", TICKET + 9);
    assert!(sent[0].contains(&grant), "{:?}", sent[0]);
    rig.reply(b"*1\r\n:1\r\n");
    assert!(!rig.events.iter().any(|event| matches!(event, Event::Claimed { .. })));
}

#[test]
fn a_claim_is_written_before_anybody_hears_of_the_lock() {
    let (mut rig, client) = waiting(1);
    let message = format!("{}:0:medusa_lock:k", TICKET + 9);
    let push = format!(">3\r\n+message\r\n+mlr!c:{client}\r\n+{message}\r\n");
    rig.client.handle_bytes(rig.now, push.as_bytes());
    assert!(rig.client.has_events(), "nobody was told yet");
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0])), (1, "claim"));
}

#[test]
fn a_process_that_ends_shortens_what_a_claim_under_way_brings() {
    let (mut rig, client) = waiting(2);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    assert_eq!(verb(&rig.sent()[0]), "claim");
    assert!(
        rig.client
            .shorten_for_exit(rig.now, vec![NewLease { renews: true, ..NewLease::unwatched(rig.now, hold) }])
    );
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), ["renew", "leave"]);
    assert_eq!(sent[1][8], "0", "nor is it passed on: a COMMIT may be under way");
}

#[test]
fn an_error_reply_to_a_claim_is_no_loss_and_the_claim_is_tried_again() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    held(&mut rig);
    rig.sent();
    rig.reply(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    assert!(!rig.events.iter().any(|event| matches!(event, Event::ClaimLost { .. })));
    rig.pass(100 * MS);
    let sent = rig.sent();
    assert_eq!((sent.len(), verb(&sent[0])), (1, "claim"));
    rig.reply(b"*1\r\n:1\r\n");
    assert!(rig.events.iter().any(|event| matches!(event, Event::Claimed { .. })));
}

#[test]
fn a_claim_that_redis_cannot_carry_out_is_given_up_with_its_grant_and_the_release_names_it_until_then() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    rig.sent();
    rig.reply(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    rig.client.release(rig.now, release_of(&rig, &hold));
    let sent = rig.sent();
    assert!(sent[0].contains(&format!("grant:{client}:{}", TICKET + 9)), "{:?}", sent[0]);
    rig.reply(b"*2\r\n:1\r\n:1\r\n");
    rig.pass(3 * SECOND);
    assert!(rig.sent().is_empty(), "the claim is over");
    assert!(rig.client.is_idle());
}

#[test]
fn an_answer_that_comes_after_the_leases_end_says_nothing_against_a_job_that_ended_in_time() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    rig.sent();
    rig.reply(b"*1\r\n:1\r\n");
    let good_until = Some(rig.now + 4 * SECOND);
    rig.client.release(rig.now, ReleaseRequest { good_until, limit: None, ..release_of(&rig, &hold) });
    rig.sent();
    rig.pass(4 * SECOND + 500 * MS);
    rig.reply(b"*2\r\n:1\r\n:0\r\n");
    assert!(matches!(rig.outcome(), Outcome::Released), "Redis has freed it by itself");
}

#[test]
fn a_no_within_the_lease_is_a_loss() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    rig.sent();
    rig.reply(b"*1\r\n:1\r\n");
    let good_until = Some(rig.now + 4 * SECOND);
    rig.client.release(rig.now, ReleaseRequest { good_until, limit: None, ..release_of(&rig, &hold) });
    rig.sent();
    rig.pass(SECOND);
    rig.reply(b"*2\r\n:1\r\n:0\r\n");
    assert!(matches!(rig.outcome(), Outcome::NotHeld(_)));
}

fn release_of(rig: &Rig, hold: &Hold) -> ReleaseRequest {
    ReleaseRequest {
        caller: 99,
        keys: hold.keys.clone(),
        owner: hold.owner.clone(),
        lease_end: Some(rig.now + SECOND),
        claim: hold.claim.as_ref().map(|claiming| claiming.claim),
        limit: Some(5 * SECOND),
        waited: hold.waited,
        sound: true,
        good_until: None,
        of_attempt: None,
    }
}

#[test]
fn the_release_of_a_lock_that_was_waited_for_leaves_at_once() {
    let (mut rig, client) = waiting(1);
    rig.push(&client, TICKET + 9, "k");
    let hold = held(&mut rig);
    assert!(!rig.client.take_urgent());
    let request = release_of(&rig, &hold);
    rig.client.release(rig.now, request);
    assert!(rig.client.take_urgent());
    assert!(!rig.client.take_urgent(), "told once");

    let mut rig = Rig::ready(config());
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.reply(b"*2\r\n:1\r\n:1800000000000000\r\n");
    let hold = held(&mut rig);
    let request = release_of(&rig, &hold);
    rig.client.release(rig.now, request);
    assert!(!rig.client.take_urgent(), "nobody was there, so it goes with the rest of the turn");
}
