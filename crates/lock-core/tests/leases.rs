//! Leases of running jobs, hours of them in virtual time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lock_core::{
    Claiming, HoldId, IdSource, Instant, LeaseState, LeaseTable, LockKey, Loss, NewLease, Owner, Renewal,
    RenewalAnswer, RenewalCall, Term, Unrenewed,
};
use std::sync::Arc;
use std::time::Duration;
use support::{MS, Rig, SECOND, config};

/// The answer to a renewal of 60 s.
const EXTENDED: RenewalAnswer = RenewalAnswer::Held { left: Some(Duration::from_secs(60)) };
const START: Instant = Instant::from_nanos(1 << 40);

fn keys(names: &[&str]) -> Arc<[LockKey]> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Rig::new(config()).client.parse_keys(&names).unwrap()
}

fn lease(seconds: u64, sent_at: Instant) -> NewLease {
    NewLease {
        keys: keys(&["k"]),
        owner: IdSource::new([1; 24]).execute_owner(),
        tokens: Box::new([1]),
        renews: true,
        attempt: [0; 32],
        joined: false,
        claim: None,
        waited: false,
        since: sent_at,
        label: None,
        lease: Some(Duration::from_secs(seconds)),
        sent_at,
    }
}

fn poll(table: &mut LeaseTable, now: Instant) -> (Vec<Renewal>, Vec<HoldId>, Instant) {
    let (mut due, mut lost) = (Vec::new(), Vec::new());
    let next = table.poll(now, &mut due, &mut lost);
    (due, lost.into_iter().map(|(hold, _)| hold).collect(), next)
}

#[test]
fn a_lease_is_renewed_at_a_third_for_as_long_as_it_is_held() {
    let mut table = LeaseTable::default();
    let (hold, wake) = table.register(lease(60, START));
    assert!(wake);
    let (mut now, mut renewals) = (START, 0);
    while now < START + 10 * 3_600 * SECOND {
        let (due, lost, next) = poll(&mut table, now);
        assert!(lost.is_empty());
        for renewal in due {
            renewals += 1;
            assert!(!table.answered(now, renewal.hold, EXTENDED));
        }
        now = next.min(now + 20 * SECOND);
    }
    assert!((1_798..=1_801).contains(&renewals), "{renewals}");
    assert_eq!(table.state(now, hold), LeaseState::Held);
}

#[test]
fn a_lease_without_answers_is_suspect_then_lost_before_it_can_lapse() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(lease(60, START));
    let mut now = START;
    let lost_at = loop {
        let (due, lost, next) = poll(&mut table, now);
        if lost == [hold] {
            break now;
        }
        for renewal in due {
            table.failed(now, renewal.hold, &Unrenewed::failed("no answer"));
            assert_eq!(table.state(now, hold), LeaseState::Suspect);
        }
        now = next.min(now + SECOND);
    };
    assert!(lost_at < START + 60 * SECOND && lost_at >= START + 58 * SECOND);
    assert_eq!(table.remaining(lost_at, hold), Some(Duration::ZERO));
    assert!(poll(&mut table, now + SECOND).1.is_empty(), "a loss is told once");
}

#[test]
fn a_renewal_that_succeeds_makes_a_suspect_lease_held_again() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(lease(9, START));
    let at = START + 3 * SECOND;
    assert_eq!(poll(&mut table, at).0.len(), 1);
    table.failed(at, hold, &Unrenewed::failed("no answer"));
    let again = at + SECOND;
    assert_eq!(poll(&mut table, again).0.len(), 1, "it is tried again soon");
    table.answered(again, hold, RenewalAnswer::Held { left: Some(9 * SECOND) });
    assert_eq!(table.state(again, hold), LeaseState::Held);
    assert_eq!(
        table.remaining(again, hold),
        Some(9 * SECOND - 100 * MS),
        "a hundredth and 10 ms before the lapse"
    );
}

#[test]
fn not_yours_is_final_and_told_at_once() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(lease(60, START));
    poll(&mut table, START + 20 * SECOND);
    assert!(table.answered(START + 20 * SECOND, hold, RenewalAnswer::NotOurs));
    assert!(!table.answered(START + 21 * SECOND, hold, EXTENDED), "nothing wins it back");
    assert_eq!(table.state(START + 21 * SECOND, hold), LeaseState::Lost);
}

#[test]
fn the_state_is_true_even_where_nobody_has_looked() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(lease(1, START));
    assert_eq!(table.state(START + 979 * MS, hold), LeaseState::Held);
    assert_eq!(table.state(START + 980 * MS, hold), LeaseState::Lapsed, "clocks do not run alike");
    assert_eq!(table.release(START + SECOND, hold).map(|ended| ended.state), Some(LeaseState::Lapsed));
}

#[test]
fn a_late_answer_for_a_released_hold_does_not_touch_the_next_one() {
    let mut table = LeaseTable::default();
    let (first, _) = table.register(lease(60, START));
    poll(&mut table, START + 20 * SECOND);
    table.release(START + 20 * SECOND, first);
    let (second, _) = table.register(lease(60, START + 20 * SECOND));
    assert!(!table.answered(START + 20 * SECOND, first, RenewalAnswer::NotOurs));
    assert_eq!(table.state(START + 21 * SECOND, second), LeaseState::Held);
    assert_eq!(table.state(START + 21 * SECOND, first), LeaseState::Gone);
}

#[test]
fn the_renewal_thread_is_woken_only_for_what_is_due_before_its_next_look() {
    let mut table = LeaseTable::default();
    assert!(table.register(lease(60, START)).1);
    assert!(!table.register(lease(60, START + SECOND)).1);
    assert!(table.register(lease(1, START + SECOND)).1);
    poll(&mut table, START + SECOND);
    assert!(!table.register(lease(60, START + SECOND)).1);
}

#[test]
fn hurry_makes_everything_due() {
    let mut table = LeaseTable::default();
    table.register(lease(60, START));
    table.register(lease(600, START));
    table.hurry(START + SECOND);
    assert_eq!(poll(&mut table, START + SECOND).0.len(), 2);
}

fn on_grant() -> NewLease {
    let claiming = Claiming { claim: 7, until: START + 2 * SECOND, grant: b"grant:me:5"[..].into() };
    NewLease { claim: Some(claiming), ..lease(60, START) }
}

#[test]
fn where_the_claims_answer_is_not_heard_for_half_a_second_the_renewal_asks() {
    let mut table = LeaseTable::default();
    let (hold, wake) = table.register(on_grant());
    assert!(wake);
    let (due, _, next) = poll(&mut table, START + 500 * MS);
    assert_eq!((due.len(), next), (1, START + 1_970 * MS));
    assert!(!table.answered(START + 500 * MS, hold, EXTENDED));
    assert_eq!(poll(&mut table, START + 21 * SECOND).0.len(), 1, "renewed from here on");
    assert!(!table.answered(START + 21 * SECOND, hold, EXTENDED));
    assert_eq!(table.state(START + 50 * SECOND, hold), LeaseState::Held);
    // The claim's own answer comes later, and is about an earlier moment.
    table.claimed(START + MS, hold);
    assert_eq!(table.state(START + 60 * SECOND + 100 * MS, hold), LeaseState::Held);
}

#[test]
fn a_renewal_that_overtakes_the_claim_is_no_loss() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(on_grant());
    poll(&mut table, START + 500 * MS);
    assert!(!table.answered(START + 500 * MS, hold, RenewalAnswer::NotOurs));
    assert_eq!(table.state(START + 600 * MS, hold), LeaseState::Held);
    assert_eq!(poll(&mut table, START + 750 * MS).0.len(), 1, "it asks again");
    assert!(!table.answered(START + 750 * MS, hold, EXTENDED));
    assert_lost_when_asked(&mut table, hold, START + 800 * MS);
}

#[test]
fn nor_is_one_whose_answer_comes_after_that_to_the_claim() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(on_grant());
    assert_eq!(poll(&mut table, START + 500 * MS).0.len(), 1);
    table.claimed(START + 510 * MS, hold);
    assert!(!table.answered(START + 500 * MS, hold, RenewalAnswer::NotOurs));
    assert_eq!(table.state(START + 600 * MS, hold), LeaseState::Held);
    assert_lost_when_asked(&mut table, hold, START + 750 * MS);
}

/// The lock was the owner's until now.
fn assert_lost_when_asked(table: &mut LeaseTable, hold: HoldId, at: Instant) {
    table.hurry(at);
    assert_eq!(poll(table, at).0.len(), 1);
    assert!(table.answered(at, hold, RenewalAnswer::NotOurs));
}

#[test]
fn a_grant_that_nothing_shows_to_be_taken_over_is_lost_before_it_lapses() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(on_grant());
    let mut now = START;
    while table.state(now, hold) != LeaseState::Lapsed {
        let (due, _, next) = poll(&mut table, now);
        due.iter().for_each(|renewal| {
            table.failed(now, renewal.hold, &Unrenewed::failed("no answer"));
        });
        now = next.min(now + SECOND);
    }
    assert!(now < START + 2 * SECOND);
}

/// A lease of a named owner.
fn named(seconds: u64, sent_at: Instant, renews: bool) -> NewLease {
    NewLease { owner: Owner::Named(b"me"[..].into()), renews, ..lease(seconds, sent_at) }
}

#[test]
fn a_lease_that_is_not_renewed_is_compared_with_redis_and_lasts_as_long_as_redis_says() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(named(3, START, false));
    let at = START + SECOND;
    let (due, ..) = poll(&mut table, at);
    assert_eq!(due.iter().map(|due| due.term).collect::<Vec<_>>(), [Term::AtLeast(Duration::ZERO)]);
    assert!(!table.answered(at, hold, RenewalAnswer::Held { left: Some(30 * SECOND) }));
    assert_eq!(table.state(at + 20 * SECOND, hold), LeaseState::Held, "somebody extended it");
    assert!(poll(&mut table, at + 10 * SECOND).0.len() == 1);
    assert!(!table.answered(at + 10 * SECOND, hold, RenewalAnswer::Held { left: None }));
    assert_eq!(table.remaining(at + 10 * SECOND, hold), None, "it has no end any more");
    assert!(poll(&mut table, at + 20 * SECOND).0.len() == 1, "it may be taken away");
    assert!(table.answered(at + 20 * SECOND, hold, RenewalAnswer::NotOurs));
}

#[test]
fn a_lease_that_nobody_renews_is_looked_at_shortly_before_its_end() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(named(2, START, false));
    let (mut now, mut last) = (START, START);
    while table.state(now, hold) != LeaseState::Lapsed {
        let (due, _, next) = poll(&mut table, now);
        for renewal in due {
            last = now;
            table.answered(
                now,
                renewal.hold,
                RenewalAnswer::Held { left: Some((START + 2 * SECOND).since(now)) },
            );
        }
        now = next.min(now + 10 * MS);
    }
    assert!(last > START + 1_700 * MS, "{last:?}");
}

#[test]
fn another_acquire_of_the_owner_has_the_earlier_lease_looked_at() {
    let mut table = LeaseTable::default();
    let (first, _) = table.register(named(2, START, false));
    let at = START + 1_950 * MS;
    assert_eq!(poll(&mut table, at).0.len(), 1);
    table.answered(at, first, RenewalAnswer::Held { left: Some(50 * MS) });
    assert!(poll(&mut table, at).0.is_empty());
    let (_, wake) = table.register(named(30, at, false));
    assert!(wake);
    let (due, ..) = poll(&mut table, at);
    assert_eq!(due.iter().map(|due| due.hold).collect::<Vec<_>>(), [first]);
    assert!(!table.answered(at, first, RenewalAnswer::Held { left: Some(30 * SECOND) }));
    assert_eq!(table.state(at + 20 * SECOND, first), LeaseState::Held);
}

#[test]
fn a_renewal_of_a_named_owner_asks_for_so_much_time_at_least() {
    let mut table = LeaseTable::default();
    table.register(named(3, START, true));
    let (due, ..) = poll(&mut table, START + SECOND);
    assert_eq!(due.iter().map(|due| due.term.text()).collect::<Vec<_>>(), ["+3000"]);
    assert_eq!(due.iter().map(|due| due.tokens.as_deref()).collect::<Vec<_>>(), [Some(&[1][..])]);
}

#[test]
fn the_leases_that_an_owner_gives_back_are_found_among_those_of_others() {
    let mut table = LeaseTable::default();
    let both = NewLease { keys: keys(&["a", "b"]), tokens: [5, 6].into(), ..named(60, START, true) };
    let order = both.keys.clone();
    let (hold, _) = table.register(both);
    let other = NewLease { owner: Owner::Named(b"you"[..].into()), ..named(60, START, true) };
    let (other, _) = table.register(other);
    table.give_up(START, b"me", Some(&keys(&["a"])));
    let held = table.held(hold).unwrap();
    assert_eq!(&*held.keys, &*keys(&["b"]));
    assert_eq!(*held.tokens, [if order[0] == keys(&["b"])[0] { 5 } else { 6 }]);
    table.give_up(START, b"me", None);
    assert_eq!(table.state(START, hold), LeaseState::Gone);
    assert_eq!(table.state(START, other), LeaseState::Held);
    table.give_up(START, b"you", Some(&keys(&["k"])));
    assert_eq!(table.state(START, other), LeaseState::Gone);
}

#[test]
fn a_loss_says_what_happened() {
    let mut table = LeaseTable::default();
    let (renewed, _) = table.register(named(1, START, true));
    let (other, _) = table.register(named(1, START, false));
    let (mut due, mut lost) = (Vec::new(), Vec::new());
    table.poll(START + SECOND, &mut due, &mut lost);
    assert_eq!(lost, [(renewed, Loss::Lapsed), (other, Loss::Ended)]);
}

#[test]
fn a_lapsed_lease_knows_why_its_last_renewal_did_not_come_about() {
    let mut table = LeaseTable::default();
    let (hold, _) = table.register(named(3, START, true));
    let (mut due, mut lost) = (Vec::new(), Vec::new());
    table.poll(START + SECOND, &mut due, &mut lost);
    table.failed(START + SECOND, hold, &Unrenewed::failed("no answer"));
    table.answered(START + SECOND, hold, RenewalAnswer::Held { left: Some(3 * SECOND) });
    assert_eq!(table.unrenewed(hold), None, "one that comes about ends the trouble");
    let stuck = Unrenewed { stuck: true, why: "the loop is stuck".into() };
    table.failed(START + 2 * SECOND, hold, &stuck);
    due.clear();
    table.poll(START + 5 * SECOND, &mut due, &mut lost);
    assert_eq!(lost, [(hold, Loss::Stuck)]);
    assert_eq!(table.unrenewed(hold), Some(&stuck));
    let ended = table.release(START + 5 * SECOND, hold).expect("it is known until its release");
    assert_eq!(ended.unrenewed, Some(stuck));
}

#[test]
fn a_hold_that_was_granted_before_its_owners_release_is_compared_at_once() {
    let mut table = LeaseTable::default();
    table.give_up(START + MS, b"me", None);
    let (hold, wake) = table.register(named(60, START, false));
    assert!(wake);
    let (due, ..) = poll(&mut table, START + 2 * MS);
    assert_eq!(due.iter().map(|due| due.hold).collect::<Vec<_>>(), [hold]);
    table.register(named(60, START + 2 * MS, false));
    assert!(poll(&mut table, START + 3 * MS).0.is_empty(), "asked for after the release");
}

#[test]
fn a_message_that_a_lock_was_taken_away_makes_only_the_leases_on_it_due() {
    let mut table = LeaseTable::default();
    let rig = Rig::new(config());
    let keys = |name: &str| rig.client.parse_keys(&[name.to_owned()]).unwrap();
    let (of_job, _) = table.register(NewLease { keys: keys("a"), ..lease(60, START) });
    let (of_owner, _) = table.register(NewLease { keys: keys("a"), ..named(60, START, true) });
    table.register(NewLease { keys: keys("b"), ..lease(60, START) });
    table.register(NewLease { keys: keys("b"), ..named(60, START, true) });
    table.hurry_on(START + SECOND, &keys("a").iter().cloned().collect());
    let mut due: Vec<_> = poll(&mut table, START + SECOND).0.iter().map(|due| due.hold).collect();
    due.sort_by_key(|hold| hold.to_number());
    assert_eq!(due, [of_job, of_owner]);
}

#[test]
fn where_there_are_no_tokens_a_named_lease_is_looked_at_before_a_shorter_acquire_of_its_owner_can_end_it() {
    let mut table = LeaseTable::default();
    let (renewed, _) = table.register(NewLease { tokens: [].into(), ..named(60, START, true) });
    let (known, _) = table.register(NewLease { tokens: [].into(), ..named(60, START, false) });
    let (due, ..) = poll(&mut table, START + 500 * MS);
    assert_eq!(due.iter().map(|due| due.hold).collect::<Vec<_>>(), [renewed, known]);
    assert!(due.iter().all(|due| due.tokens.is_none()));
}

#[test]
fn a_key_that_is_given_back_during_a_renewal_leaves_the_renewal_of_the_others() {
    let mut table = LeaseTable::default();
    let both = NewLease { keys: keys(&["a", "b"]), tokens: [5, 6].into(), ..named(60, START, true) };
    let [a, b] = [both.keys[0].clone(), both.keys[1].clone()];
    let (hold, _) = table.register(both);
    let at = START + 20 * SECOND;
    let call = RenewalCall::for_due(poll(&mut table, at).0, false).remove(0);
    table.give_up(at, b"me", Some(std::slice::from_ref(&a)));
    let lost = call.take_in(&mut table, at, at, &[0, 60_000], None);
    assert_eq!(lost, []);
    assert_eq!(table.state(at, hold), LeaseState::Held);
    let again = at + 20 * SECOND;
    let call = RenewalCall::for_due(poll(&mut table, again).0, false).remove(0);
    assert_eq!(call.keys().collect::<Vec<_>>(), [&b]);
    assert_eq!(call.take_in(&mut table, again, again, &[0], None), [(hold, vec![b])]);
}

#[test]
fn a_key_that_an_owner_took_again_is_found_beside_a_hold_that_goes_back() {
    let mut table = LeaseTable::default();
    let hold = named(60, START + SECOND, true);
    table.note(&named(9, START, false));
    table.note(&named(5, START + 2 * SECOND, false));
    assert!(table.has_later(START + 3 * SECOND, &hold));
    assert!(!table.has_later(START + 7 * SECOND, &hold), "it is over");
    table.register(named(60, START + 2 * SECOND, true));
    assert!(table.has_later(START + 7 * SECOND, &hold));
}
