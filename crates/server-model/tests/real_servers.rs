//! The model beside real servers. After each random command, the reply, every key and every message must be the same.
//!
//! MLR_SERVERS: server programs, separated by ':' (`node scripts/servers.mjs` prints four). MLR_STEPS: commands per server. MLR_SEED: repeats
//! a run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    reason = "small numbers; shorter calls"
)]

mod support;

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use server_model::Verb;
use support::op::Op;
use support::pair::Pair;
use support::server::programs;
use support::world::{Event, World};

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Runs random commands on one server and on the model. The error tells the first difference.
fn compare(
    program: &str,
    steps: u64,
    counters_get_lost: bool,
    change: impl Fn(Verb, String) -> String,
) -> Result<(), String> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = number("MLR_SEED").unwrap_or(clock.as_nanos() as u64);
    let started = Instant::now();
    let mut world = World::new(seed);
    let mut pair = Pair::start(program, counters_get_lost, change);
    for client in world.clients().take(2) {
        pair.toggle_subscription(&client);
    }
    let mut todo: Vec<Op> = Vec::new();
    for step in 0..steps {
        let result = pair.settle().and_then(|()| {
            let flushed = pair.model.names(pair.now_us).next().is_none();
            if flushed && !counters_get_lost {
                todo.extend(world.far_counters());
            } else if counters_get_lost && world.random.percent(10) {
                todo.push(world.change_counter(pair.now_us));
            }
            while let Some(op) = todo.pop() {
                pair.step(&op)?;
            }
            match world.event(&pair.model, pair.now_us) {
                Event::Command(op) => pair.step(&op)?,
                Event::Expire(key) => pair.let_expire(key),
                Event::Toggle(client) => pair.toggle_subscription(&client),
            }
            Ok(())
        });
        if let Err(difference) = result {
            return Err(format!("{program}, MLR_SEED={seed}, step {step}: {difference}"));
        }
    }
    let rate = steps as f64 / started.elapsed().as_secs_f64();
    println!("{program}: {steps} commands, {rate:.0} a second, {} stalls, seed {seed}", pair.stalls);
    println!("  {:?}", pair.tally);
    Ok(())
}

/// Runs random commands on the first server, with a slip in one script.
fn notices(slip: Verb, right: &str, wrong: &str) -> bool {
    let Some(program) = programs().into_iter().next() else { return true };
    let changed = |verb, body: String| {
        if verb != slip {
            return body;
        }
        assert!(body.contains(right), "{verb:?} has no {right}");
        body.replace(right, wrong)
    };
    compare(&program, 20_000, false, changed).is_err()
}

#[test]
fn the_model_does_what_the_scripts_do_on_real_servers() {
    for program in programs() {
        compare(&program, number("MLR_STEPS").unwrap_or(20_000), false, |_, body| body).unwrap();
    }
}

#[test]
fn the_model_does_what_the_scripts_do_when_counters_are_lost_or_behind() {
    for program in programs() {
        compare(&program, number("MLR_STEPS").unwrap_or(20_000) / 4, true, |_, body| body).unwrap();
    }
}

#[test]
fn a_release_without_the_owner_check_is_noticed() {
    assert!(notices(Verb::Release, "redis.call('GET', KEYS[i]) ~= owner", "not redis.call('GET', KEYS[i])"));
}

#[test]
fn a_grant_to_a_client_that_is_gone_is_noticed() {
    assert!(notices(Verb::HandOver, "if received > 0 then", "if received >= 0 then"));
}

#[test]
fn a_roll_back_by_owner_where_the_attempt_should_be_is_noticed() {
    let right = "names(attempts, ARGV[2]) then\n      roll_back_one(KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3], ARGV[3] == '1', attempts, token, ARGV[2])";
    assert!(notices(Verb::RollBack, right, "true then\n      redis.call('DEL', KEYS[i], KEYS[i + 1])"));
}
