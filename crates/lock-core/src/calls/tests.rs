//! The table of calls by itself.

use super::{Calls, Kind, Leave, State};
use crate::call_id::CallId;
use crate::key::LockKey;

fn leave() -> Kind {
    Kind::Leave(Leave { key: LockKey::new(b"k".to_vec()), remove: true, pass: false })
}

#[test]
fn a_call_is_found_by_place_and_serial_number_only() {
    let mut calls = Calls::default();
    let first = calls.insert(Some(1), leave(), None);
    assert_eq!(calls.take_callers(first), [1]);
    calls.forget(first);
    let second = calls.insert(Some(2), leave(), None);
    assert_eq!((first.index, calls.get(first).is_some()), (second.index, false));
    assert_eq!(calls.of_caller_at(second.index, 1), None);
    assert_eq!(calls.of_caller_at(second.index, 2), Some(second));
}

#[test]
fn a_caller_is_counted_until_it_is_told_or_taken_along() {
    let (mut calls, mut other) = (Calls::default(), Calls::default());
    let told = calls.insert(Some(1), leave(), None);
    let moved = calls.insert(Some(2), leave(), None);
    assert_eq!(calls.take_callers(told), [1]);
    assert!(calls.has_callers());
    if let Some(call) = calls.take(moved) {
        other.put(call);
    }
    assert!(!calls.has_callers() && other.has_callers());
    assert_eq!((calls.check(), other.check()), (Ok(()), Ok(())));
}

#[test]
fn the_backlog_keeps_its_order_while_calls_leave_it() {
    let mut calls = Calls::default();
    let ids: Vec<CallId> = (0..5).map(|_| calls.insert(None, leave(), None)).collect();
    ids.iter().for_each(|id| calls.enqueue(*id));
    let first = calls.insert(None, leave(), None);
    calls.enqueue_first(first);
    for id in ids.iter().skip(1).take(3) {
        calls.forget(*id);
        assert_eq!(calls.check(), Ok(()));
    }
    let expected: Vec<CallId> =
        [first].into_iter().chain(ids.first().copied()).chain(ids.last().copied()).collect();
    assert_eq!(calls.take_waiting(), expected);
    assert_eq!(calls.state(first), Some(State::Pausing));
    assert_eq!(calls.check(), Ok(()));
}

#[test]
fn a_call_that_comes_back_waits_once() {
    let (mut calls, mut other) = (Calls::default(), Calls::default());
    let ids: Vec<CallId> = (0..4).map(|_| calls.insert(None, leave(), None)).collect();
    ids.iter().for_each(|id| calls.enqueue(*id));
    let moving = ids[1];
    let there = calls.take(moving).map(|call| other.put(call)).unwrap();
    let back = other.take(there).map(|call| calls.put(call)).unwrap();
    assert_eq!(back, moving, "the same place and number");
    calls.enqueue(back);
    assert_eq!(calls.check(), Ok(()));
    assert_eq!(calls.take_waiting(), [ids[0], ids[2], ids[3], back]);
}
