//! Acquires of one owner with different terms, in every order.

use lock_model::{TermRules, check_terms};

#[test]
fn no_object_of_an_owner_believes_in_a_lock_that_another_owner_has() {
    let found = check_terms(TermRules::default());
    assert!(found.broken.is_empty(), "{found:?}");
    assert!(found.states > 10_000, "{}", found.states);
}

#[test]
fn an_acquire_that_brings_a_promised_end_forward_is_noticed() {
    assert!(!check_terms(TermRules { promised: false, ..TermRules::default() }).broken.is_empty());
}

#[test]
fn a_renewal_that_brings_the_end_forward_is_noticed() {
    assert!(
        !check_terms(TermRules { renewal_only_extends: false, ..TermRules::default() }).broken.is_empty()
    );
}

#[test]
fn a_roll_back_that_takes_back_an_end_that_was_told_is_noticed() {
    assert!(!check_terms(TermRules { answer_is_sure: false, ..TermRules::default() }).broken.is_empty());
}

#[test]
fn a_roll_back_that_ends_what_was_asked_for_again_is_noticed() {
    assert!(
        !check_terms(TermRules { asking_again_is_sure: false, ..TermRules::default() }).broken.is_empty()
    );
}

#[test]
fn with_attempts_that_are_named_no_more_nobody_can_free_the_lock() {
    assert!(!check_terms(TermRules { names_all: false, ..TermRules::default() }).broken.is_empty());
}
