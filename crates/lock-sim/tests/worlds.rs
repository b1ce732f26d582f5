//! The simulation's own test: worlds that failed before, and a series of others.

use lock_core::Script;
use lock_sim::{Mutant, Summary};
use server_model::Verb;

/// Seeds of worlds that failed before. `docs/DESIGN.md` tells what each one showed. A change to the order of draws makes them mean less,
/// but they cost next to nothing.
const ONCE_FAILED: [u64; 13] = [2, 84, 162, 614, 150, 6360, 6361, 16_965, 2145, 170, 1134, 1272, 1412];

#[test]
fn worlds_that_once_failed_come_to_rest_without_a_violation() {
    for seed in ONCE_FAILED {
        let outcome = lock_sim::run(seed);
        assert!(outcome.is_ok_and(|summary| summary.holds > 0), "repeat it: lock-sim --seed {seed}");
    }
}

/// One line per world: seed, steps, holds, and a hash of everything that its clients sent. A change of the engine that must not change its
/// behaviour leaves these lines as they are. Any other change writes them again with `MLR_GOLDEN=write`.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden.txt");

#[test]
fn a_hundred_worlds_send_the_bytes_that_they_sent_before() -> Result<(), String> {
    let mut lines = String::new();
    for seed in 1..=100 {
        let Summary { steps, holds, digest } = lock_sim::run(seed)?;
        lines += &format!("{seed} {steps} {holds} {digest:016x}\n");
    }
    if std::env::var_os("MLR_GOLDEN").is_some() {
        return std::fs::write(GOLDEN, lines).map_err(|error| error.to_string());
    }
    let known = std::fs::read_to_string(GOLDEN).map_err(|error| error.to_string())?;
    let differs = known.lines().zip(lines.lines()).find(|(known, now)| known != now);
    assert_eq!(differs, None, "the first world that differs");
    assert_eq!(known, lines);
    Ok(())
}

#[test]
fn questions_end_in_time_and_answers_tell_the_truth() {
    for seed in 1..=2_000 {
        assert_eq!(lock_sim::run_census(seed).err(), None);
    }
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let first = lock_sim::run(7).map(|summary| (summary.steps, summary.holds));
    let again = lock_sim::run(7).map(|summary| (summary.steps, summary.holds));
    assert!(first.is_ok());
    assert_eq!(first, again);
}

/// Worlds of a cluster that failed before. A waiter that paused after CLUSTERDOWN and was withdrawn stayed the oldest of its queue. A call
/// that came back to a node was sent twice. A roll-back waited for a connection that stood. A roll-back ended a lock that another attempt
/// of its owner had asked for again. `releaseAll` missed a node that its process had not heard of, and again when a lookup failed.
const CLUSTERS_ONCE_FAILED: [u64; 8] = [12, 82, 1716, 504, 30052, 64_555, 71_379, 340_265];

#[test]
fn clusters_come_to_rest_without_a_violation() {
    for seed in (1..=20).chain(CLUSTERS_ONCE_FAILED) {
        let outcome = lock_sim::run_cluster(seed);
        assert!(
            outcome.is_ok_and(|summary| summary.holds > 0),
            "repeat it: lock-sim --cluster --seed {seed}"
        );
    }
}

/// Whether a world of a cluster notices a mutant by these words.
fn cluster_notices(mutant: Mutant, words: &str) -> bool {
    (1..500).any(|seed| lock_sim::run_cluster_with(seed, mutant).is_err_and(|said| said.contains(words)))
}

#[test]
fn a_node_that_goes_on_with_a_slot_that_it_has_handed_over_is_noticed() {
    assert!(cluster_notices(Mutant::MovedSlotIsServed, "is not above"), "an old token");
}

#[test]
fn a_slot_that_moves_without_its_keys_is_noticed() {
    assert!(cluster_notices(Mutant::SlotMovesEmpty, "two holders"));
}

#[test]
fn nodes_that_both_serve_a_slot_on_its_way_are_noticed() {
    assert!(cluster_notices(Mutant::HalfASlotIsServed, "two holders"));
}

#[test]
fn a_release_of_all_that_leaves_locks_is_noticed() {
    assert!(cluster_notices(Mutant::ScanFindsNothing, "has freed everything"));
}

/// The message of the first world that notices a mutant.
fn notices(mutant: Mutant) -> String {
    (1..2_000).find_map(|seed| lock_sim::run_with(seed, mutant).err()).unwrap_or_default()
}

#[test]
fn a_release_without_the_owner_check_is_noticed() {
    assert!(notices(Mutant::ReleaseOfAnyone).contains("two holders"));
}

#[test]
fn a_park_that_comes_again_after_its_connection_is_noticed() {
    assert!(
        notices(Mutant::ParkComesAgain).contains("its process does not know of it"),
        "a lock of a call that is gone"
    );
}

#[test]
fn every_script_has_a_model() {
    assert_eq!(Script::ALL.map(Script::name), Verb::ALL.map(Verb::name));
}
