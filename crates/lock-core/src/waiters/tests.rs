//! Each rule of `docs/PROTOCOL.md` about who gets a grant and who asks, alone.

use super::{Dispatch, MOST_LEAVES, Standing, Waiter, Waiters};
use crate::call_id::CallId;
use crate::effects::Effects;
use crate::key::LockKey;
use crate::lease::CLAIM_PERIOD;
use crate::time::Instant;
use crate::timers::Timer;
use std::time::Duration;

const NOW: Instant = Instant::from_nanos(1 << 40);
const MS: Duration = Duration::from_millis(1);

fn call(index: u32) -> CallId {
    CallId { index, serial: u64::from(index) }
}

/// A key with waiters whose tickets are their numbers.
struct Rig {
    waiters: Waiters,
    fx: Effects,
    key: LockKey,
    now: Instant,
}

impl Rig {
    fn with(tickets: &[u64]) -> Self {
        let (waiters, fx, key) = (Waiters::default(), Effects::default(), LockKey::new(b"k".to_vec()));
        let mut rig = Self { waiters, fx, key, now: NOW };
        for ticket in tickets {
            assert!(!rig.park(*ticket));
        }
        rig
    }

    fn park(&mut self, ticket: u64) -> bool {
        let call = call(u32::try_from(ticket).unwrap());
        let waiter = Waiter { call, ticket, sent_at: self.now, left: Some(60 * 1_000 * MS) };
        self.waiters.parked(self.now, &self.key, waiter, &mut self.fx)
    }

    fn grant(&mut self) -> bool {
        self.waiters.granted(&self.key, 100, None, None)
    }

    fn dispatch(&mut self) -> Dispatch {
        self.dispatch_if(|_| true, |_| true)
    }

    fn dispatch_if(&mut self, is_idle: impl Fn(CallId) -> bool, begins: impl Fn(CallId) -> bool) -> Dispatch {
        self.waiters.dispatch_grant(self.now, &self.key, is_idle, begins)
    }
}

#[test]
fn a_grant_goes_to_the_oldest_waiter_whatever_the_order_of_answers() {
    let mut rig = Rig::with(&[7, 3, 5]);
    assert!(rig.grant());
    assert!(matches!(rig.dispatch(), Dispatch::Begin(to, grant) if to == call(3) && grant.token == 100));
    assert_eq!(rig.dispatch(), Dispatch::Nothing, "it goes to one only");
}

#[test]
fn a_grant_for_a_key_that_nobody_waits_for_is_nobodys_here() {
    assert!(!Rig::with(&[]).grant());
}

#[test]
fn while_a_park_is_under_way_that_may_take_the_grant_over_nobody_is_given_it() {
    let mut rig = Rig::with(&[1, 2]);
    let sent = rig.waiters.park_sent(&rig.key, call(1), true);
    assert_eq!(sent, Standing { may_take_grant: true, next_ticket: Some(2) });
    rig.grant();
    assert_eq!(rig.dispatch(), Dispatch::Nothing);
    assert!(rig.waiters.park_answered(&rig.key, call(1)), "what was announced is void: the oldest asks");
    assert_eq!(rig.dispatch(), Dispatch::Nothing);
}

#[test]
fn only_the_oldest_waiters_park_may_take_a_grant_over() {
    let mut rig = Rig::with(&[1, 2]);
    let sent = rig.waiters.park_sent(&rig.key, call(2), true);
    assert_eq!(sent, Standing { may_take_grant: false, next_ticket: Some(1) });
    rig.grant();
    assert!(matches!(rig.dispatch(), Dispatch::Begin(to, _) if to == call(1)));
}

#[test]
fn while_a_claim_is_not_answered_no_grant_is_given_taken_over_or_passed_on() {
    let mut rig = Rig::with(&[1]);
    rig.waiters.claiming(&rig.key, call(9));
    rig.grant();
    assert_eq!(rig.dispatch(), Dispatch::Nothing);
    assert!(!rig.waiters.park_sent(&rig.key, call(1), true).may_take_grant);
    assert_eq!(
        rig.waiters.leaving(&rig.key, true),
        Some(false),
        "the leave takes the client out, and passes nothing on"
    );
    assert_eq!(rig.waiters.leaving(&rig.key, false), None);
    rig.waiters.left(&rig.key);
    rig.waiters.claim_ended(&rig.key, call(9));
    assert!(matches!(rig.dispatch(), Dispatch::Begin(..)));
}

#[test]
fn a_waiter_that_asks_already_is_not_given_the_grant_and_keeps_it_for_its_answer() {
    let mut rig = Rig::with(&[1]);
    rig.grant();
    assert_eq!(rig.dispatch_if(|_| false, |_| true), Dispatch::Nothing);
    assert!(matches!(rig.dispatch(), Dispatch::Begin(..)));
}

#[test]
fn a_job_does_not_begin_beside_a_leave_which_passes_on_whatever_it_finds() {
    let mut rig = Rig::with(&[1]);
    assert_eq!(rig.waiters.leaving(&rig.key, false), Some(true));
    rig.grant();
    assert_eq!(rig.dispatch(), Dispatch::Ask(call(1)));
    assert!(rig.park(2), "who was parked beside a leave asks again");
    rig.waiters.left(&rig.key);
    assert!(!rig.park(3));
}

#[test]
fn a_waiter_of_several_keys_asks_where_one_of_a_single_key_begins() {
    let mut rig = Rig::with(&[1]);
    rig.grant();
    assert_eq!(rig.dispatch_if(|_| true, |_| false), Dispatch::Ask(call(1)));
}

#[test]
fn a_job_begins_on_a_grant_only_if_enough_of_it_is_left_since_the_last_look() {
    let mut rig = Rig::with(&[1]);
    rig.now = (NOW + CLAIM_PERIOD).back(200 * MS);
    rig.grant();
    assert_eq!(rig.dispatch(), Dispatch::Ask(call(1)), "the last answer that told of no grant is that old");
    let mut rig = Rig::with(&[1]);
    rig.now = (NOW + CLAIM_PERIOD).back(300 * MS);
    rig.grant();
    assert!(matches!(rig.dispatch(), Dispatch::Begin(_, grant) if grant.until == NOW + CLAIM_PERIOD));
}

#[test]
fn a_grant_that_nobody_has_use_for_is_passed_on() {
    let mut rig = Rig::with(&[1]);
    let sent = rig.waiters.park_sent(&rig.key, call(1), true);
    assert!(sent.may_take_grant);
    rig.waiters.remove(&rig.key, 1, call(1));
    assert!(!rig.waiters.park_answered(&rig.key, call(1)));
    assert_eq!(rig.waiters.leaving(&rig.key, false), Some(true));
    rig.grant();
    assert_eq!(rig.dispatch(), Dispatch::PassOn);
}

#[test]
fn grants_for_nobody_are_passed_on_up_to_a_number_at_a_time() {
    let mut waiters = Waiters::default();
    let key = |at: usize| LockKey::new(at.to_string().into_bytes());
    assert!((0..MOST_LEAVES).all(|at| waiters.leaving(&key(at), false).is_some()));
    assert_eq!(waiters.leaving(&key(MOST_LEAVES), false), None);
    assert_eq!(
        waiters.leaving(&key(MOST_LEAVES), true),
        Some(true),
        "who leaves a queue does so all the same"
    );
    waiters.left(&key(0));
    waiters.left(&key(1));
    assert!(waiters.leaving(&key(MOST_LEAVES + 1), false).is_some());
}

#[test]
fn the_oldest_waiter_asks_when_the_holders_time_is_over_and_once_a_second_at_the_latest() {
    let mut rig = Rig::with(&[]);
    let waiter = Waiter { call: call(1), ticket: 1, sent_at: NOW, left: Some(300 * MS) };
    rig.waiters.parked(NOW, &rig.key, waiter, &mut rig.fx);
    let due = NOW + 301 * MS;
    assert_eq!(rig.fx.next_due(), Some(due));
    let Some(Timer::Poll(at, serial)) = rig.fx.take_due(due) else { panic!("no poll is armed") };
    assert_eq!(rig.waiters.poll_due(due, at, serial, &mut rig.fx), Some(call(1)));
    assert_eq!(rig.fx.next_due(), Some(due + 1_000 * MS));
}

#[test]
fn a_key_counts_as_waited_for_a_moment_longer_than_somebody_waits() {
    let mut rig = Rig::with(&[1]);
    rig.waiters.remove(&rig.key, 1, call(1));
    assert_eq!(rig.dispatch(), Dispatch::Nothing);
    assert!(rig.waiters.is_waited_for(NOW + 99 * MS, &rig.key));
    assert!(!rig.waiters.is_waited_for(NOW + 100 * MS, &rig.key));
}

#[test]
fn nothing_is_left_of_a_queue_but_its_claims_when_the_connection_is_gone() {
    let mut rig = Rig::with(&[1, 2]);
    rig.waiters.claiming(&rig.key, call(9));
    rig.waiters.leaving(&rig.key, true);
    rig.waiters.dissolve();
    assert!(rig.waiters.is_empty_for(&rig.key));
    assert_eq!(rig.waiters.claim(9), Some(call(9)));
    assert!(
        !rig.waiters.counts_claim(&rig.key, call(9)),
        "it was made in the name of a client that is no more"
    );
    rig.waiters.left(&rig.key);
    assert_eq!(rig.waiters.counts(), (0, 1));
}
