//! Cohorts that begin on a grant. Its message tells which waiters of this client may follow the first.

#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{Event, Hold, Outcome, ReleaseRequest};
use support::{MS, Rig, SECOND, config, verb};

const TICKET: u64 = 1_800_000_000_000_000;
const TOKEN: u64 = TICKET + 100;
/// Places in a hand over.
const GRANT: usize = 8;
const SERVED: usize = 15;
/// Place in a claim.
const NEXT: usize = 9;

/// There are `count` waiters for "k", and the first is granted the lock. Those before `TICKET + first_foreign` may follow.
fn granted(count: u64, first_foreign: u64) -> (Rig, Hold) {
    let mut rig = Rig::ready(config());
    let mut client = String::new();
    for waiter in 0..count {
        rig.wait_for("k", 60 * SECOND);
        client.clone_from(&rig.sent()[0][12]);
        rig.reply(format!("*5\r\n:2\r\n:0\r\n:{}\r\n:60000\r\n:1\r\n", TICKET + waiter).as_bytes());
    }
    rig.push_before(&client, TOKEN, TICKET + first_foreign, "k");
    let hold = held(&mut rig);
    (rig, hold)
}

fn held(rig: &mut Rig) -> Hold {
    match rig.outcome() {
        Outcome::Held(hold) => hold,
        other => panic!("not held: {other:?}"),
    }
}

/// The job of a hold ends.
fn end(rig: &mut Rig, caller: u64, hold: &Hold, claim: Option<u64>) {
    let request = ReleaseRequest {
        caller,
        keys: hold.keys.clone(),
        owner: hold.owner.clone(),
        lease_end: Some(rig.now + SECOND),
        claim,
        limit: Some(5 * SECOND),
        waited: true,
        sound: true,
        good_until: None,
        of_attempt: None,
    };
    rig.client.release(rig.now, request);
    rig.reply(b"");
}

fn claim_of(hold: &Hold) -> Option<u64> {
    hold.claim.as_ref().map(|claiming| claiming.claim)
}

fn told(rig: &mut Rig) -> Vec<(u64, bool)> {
    rig.done.drain(..).map(|(caller, outcome)| (caller, matches!(outcome, Outcome::Released))).collect()
}

#[test]
fn jobs_that_end_in_one_turn_need_one_claim_and_one_release() {
    let (mut rig, first) = granted(3, 50);
    end(&mut rig, 91, &first, claim_of(&first));
    let second = held(&mut rig);
    assert_eq!(
        (&second.owner, &second.claim, &*second.tokens),
        (&first.owner, &first.claim, &[TOKEN + 1][..])
    );
    end(&mut rig, 92, &second, claim_of(&second));
    let third = held(&mut rig);
    assert_eq!(*third.tokens, [TOKEN + 2]);
    end(&mut rig, 93, &third, claim_of(&third));
    let sent = rig.sent();
    assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), ["claim", "hand over"]);
    assert!(sent[1][GRANT].ends_with(&format!(":{TOKEN}")), "the claim may come to nothing");
    assert_eq!(
        sent[1][SERVED],
        (TICKET + 2).to_string(),
        "the claim brought the second one's entry into the queue"
    );
    rig.reply(b"*1\r\n:1\r\n*2\r\n:1\r\n:1\r\n");
    assert_eq!(told(&mut rig), [(91, true), (92, true), (93, true)]);
    assert!(!rig.client.has_callers() && rig.client.is_idle());
}

#[test]
fn a_waiter_that_came_after_another_client_does_not_follow() {
    let (mut rig, first) = granted(3, 2);
    end(&mut rig, 91, &first, claim_of(&first));
    let second = held(&mut rig);
    end(&mut rig, 92, &second, claim_of(&second));
    assert!(rig.done.is_empty());
    let sent = rig.sent();
    assert_eq!((verb(&sent[1]), sent[1][10].clone()), ("hand over", (TICKET + 2).to_string()));
}

#[test]
fn a_claim_names_the_next_waiter_and_while_it_is_under_way_it_is_the_whole_cohorts() {
    let (mut rig, first) = granted(3, 50);
    end(&mut rig, 91, &first, claim_of(&first));
    let second = held(&mut rig);
    let sent = rig.sent();
    assert_eq!((verb(&sent[0]), sent[0][NEXT].clone()), ("claim", (TICKET + 1).to_string()));
    assert_eq!(sent[0][6], format!("{:?}", first.owner), "the lock is the first one's");
    // While it is under way, the question is for all callers.
    end(&mut rig, 92, &second, claim_of(&second));
    let third = held(&mut rig);
    assert_eq!(third.claim, first.claim);
}

#[test]
fn followers_after_the_claim_have_its_lease() {
    let (mut rig, first) = granted(3, 50);
    let claimed_at = rig.now;
    rig.now = rig.now + MS;
    rig.sent();
    rig.reply(b"*1\r\n:1\r\n");
    assert!(matches!(rig.events[..], [Event::Claimed { .. }]), "{:?}", rig.events);
    end(&mut rig, 91, &first, None);
    let second = held(&mut rig);
    assert_eq!((&second.claim, second.sent_at), (&None, claimed_at));
    end(&mut rig, 92, &second, None);
    let third = held(&mut rig);
    end(&mut rig, 93, &third, None);
    let release = rig.sent().pop().unwrap_or_default();
    assert_eq!((release[GRANT].as_str(), release[SERVED].clone()), ("", (TICKET + 2).to_string()));
}

#[test]
fn a_claim_that_is_refused_ends_the_cohort_and_tells_callers_whose_jobs_have_ended_that_the_lock_was_not_theirs()
 {
    let (mut rig, first) = granted(3, 50);
    end(&mut rig, 91, &first, claim_of(&first));
    let second = held(&mut rig);
    assert_eq!(verb(&rig.sent()[0]), "claim");
    rig.pass(MS);
    assert_eq!(rig.sent(), [["GET", "medusa_lock:k"]]);
    rig.reply(b"*1\r\n:0\r\n");
    assert!(matches!(rig.events[..], [Event::ClaimLost { .. }]), "{:?}", rig.events);
    rig.reply(b"$5\r\nother\r\n");
    assert_eq!(told(&mut rig), [(91, false)]);
    end(&mut rig, 92, &second, claim_of(&second));
    assert!(rig.done.is_empty(), "nobody follows");
}

#[test]
fn a_look_that_finds_the_grant_finds_the_lock_their_own() {
    let (mut rig, first) = granted(2, 50);
    end(&mut rig, 91, &first, claim_of(&first));
    held(&mut rig);
    let grant = rig.sent()[0][5].clone();
    rig.pass(MS);
    rig.sent();
    // The claim was not executed, for lack of memory. The look was.
    rig.reply(b"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    rig.reply(format!("${}\r\n{grant}\r\n", grant.len()).as_bytes());
    assert_eq!(told(&mut rig), [(91, true)]);
    rig.pass(100 * MS);
    assert_eq!(verb(&rig.sent()[0]), "claim");
}

#[test]
fn nobody_follows_on_a_grant_that_is_about_to_lapse() {
    let (mut rig, first) = granted(2, 50);
    // The turn took its time.
    rig.now = rig.now + 1_790 * MS;
    end(&mut rig, 91, &first, claim_of(&first));
    assert!(rig.done.is_empty());
    assert_eq!(verb(&rig.sent()[1]), "hand over");
}
