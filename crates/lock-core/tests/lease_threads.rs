//! The table of leases under the JavaScript thread and the renewal thread, in every interleaving (Loom).
//!
//! The table is behind a mutex. The renewal thread is woken as in `src/lane/renewal.rs`: by a permit that is kept until it waits. Time is a
//! counter that every look increases.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lock_core::{HoldId, IdSource, Instant, LeaseState, LeaseTable, NewLease, RenewalAnswer};
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use std::time::Duration;
use support::{MS, Rig, SECOND, config};

const LEASE: Duration = Duration::from_secs(60);
const EXTENDED: RenewalAnswer = RenewalAnswer::Held { left: Some(LEASE) };

fn at(time: Duration) -> Instant {
    Instant::from_nanos(1 << 40) + time
}

fn lease(sent_at: Instant) -> NewLease {
    let rig = Rig::new(config());
    NewLease {
        keys: rig.client.parse_keys(&["k".to_owned()]).unwrap(),
        owner: IdSource::new([1; 24]).execute_owner(),
        tokens: Box::new([1]),
        renews: true,
        attempt: [0; 32],
        joined: false,
        claim: None,
        waited: false,
        since: sent_at,
        label: None,
        lease: Some(LEASE),
        sent_at,
    }
}

/// The state that both threads share.
struct Shared {
    table: Mutex<LeaseTable>,
    /// The renewal thread's permit.
    woken: AtomicBool,
    /// When the renewal thread looks again by itself.
    next_look: Mutex<Option<Instant>>,
    told_lost: AtomicUsize,
    hurried: AtomicBool,
    /// The look came after the hurry.
    looked_late: AtomicBool,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::new(LeaseTable::default()),
            woken: AtomicBool::new(false),
            next_look: Mutex::new(None),
            told_lost: AtomicUsize::new(0),
            hurried: AtomicBool::new(false),
            looked_late: AtomicBool::new(false),
        })
    }

    fn register(&self, sent_at: Instant) -> HoldId {
        let (hold, wake) = self.table.lock().unwrap().register(lease(sent_at));
        if wake {
            self.woken.store(true, Ordering::Release);
        }
        hold
    }

    /// One look of the renewal thread. Every renewal gets the same answer.
    fn look(&self, now: Instant, answer: RenewalAnswer) {
        self.woken.store(false, Ordering::Release);
        let (mut due, mut lost) = (Vec::new(), Vec::new());
        let mut table = self.table.lock().unwrap();
        let next = table.poll(now, &mut due, &mut lost);
        self.looked_late.store(self.hurried.load(Ordering::Acquire), Ordering::Release);
        drop(table);
        self.told_lost.fetch_add(lost.len(), Ordering::AcqRel);
        for renewal in due {
            // This locks the mutex again, so anything may happen while the answer is on its way.
            if self.table.lock().unwrap().answered(now, renewal.hold, answer) {
                self.told_lost.fetch_add(1, Ordering::AcqRel);
            }
            self.woken.store(true, Ordering::Release);
        }
        *self.next_look.lock().unwrap() = Some(next);
    }
}

#[test]
fn no_lease_is_overlooked_by_a_thread_that_is_about_to_wait() {
    loom::model(|| {
        let shared = Shared::new();
        let renewing = Arc::clone(&shared);
        let thread = thread::spawn(move || renewing.look(at(SECOND), EXTENDED));
        shared.register(at(MS));
        thread.join().unwrap();
        let next = shared.next_look.lock().unwrap().unwrap();
        let will_look = shared.woken.load(Ordering::Acquire) || next <= at(MS) + LEASE / 3;
        assert!(will_look, "it would wait until {next:?}");
    });
}

#[test]
fn an_answer_for_a_lock_that_was_given_back_does_not_touch_the_next_one() {
    loom::model(|| {
        let shared = Shared::new();
        let first = shared.register(at(Duration::ZERO));
        let renewing = Arc::clone(&shared);
        let thread = thread::spawn(move || renewing.look(at(20 * SECOND), RenewalAnswer::NotOurs));
        let released = shared.table.lock().unwrap().release(at(20 * SECOND), first);
        let second = shared.register(at(20 * SECOND));
        thread.join().unwrap();
        let state = shared.table.lock().unwrap().state(at(20 * SECOND), second);
        assert_eq!(state, LeaseState::Held);
        // The renewal thread or the release tells it. One of them must.
        let told = shared.told_lost.load(Ordering::Acquire);
        let seen = released.map(|ended| ended.state);
        assert!(seen.is_some_and(LeaseState::is_lost) || told == 0, "{seen:?}, told {told} times");
    });
}

#[test]
fn a_loss_is_told_once() {
    loom::model(|| {
        let shared = Shared::new();
        let hold = shared.register(at(Duration::ZERO));
        let renewing = Arc::clone(&shared);
        let thread = thread::spawn(move || renewing.look(at(20 * SECOND), RenewalAnswer::NotOurs));
        if shared.table.lock().unwrap().lose(hold) {
            shared.told_lost.fetch_add(1, Ordering::AcqRel);
        }
        thread.join().unwrap();
        shared.look(at(70 * SECOND), EXTENDED);
        assert_eq!(shared.told_lost.load(Ordering::Acquire), 1);
    });
}

#[test]
fn an_event_while_a_renewal_is_under_way_is_looked_at_after_it() {
    loom::model(|| {
        let shared = Shared::new();
        shared.register(at(Duration::ZERO));
        let renewing = Arc::clone(&shared);
        let now = at(20 * SECOND);
        let thread = thread::spawn(move || renewing.look(now, EXTENDED));
        // A message says that locks were taken away. The renewal may have been sent before that.
        let mut table = shared.table.lock().unwrap();
        table.hurry(now + MS);
        shared.hurried.store(true, Ordering::Release);
        drop(table);
        shared.woken.store(true, Ordering::Release);
        thread.join().unwrap();
        let (mut due, mut lost) = (Vec::new(), Vec::new());
        shared.table.lock().unwrap().poll(now + 2 * MS, &mut due, &mut lost);
        assert!(due.len() == 1 || shared.looked_late.load(Ordering::Acquire), "it is not asked for again");
    });
}
