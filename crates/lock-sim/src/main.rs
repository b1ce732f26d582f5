//! The simulation from the command line; see the library.

use lock_sim::Summary;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const USAGE: &str =
    "usage: lock-sim [--cluster | --census] [--steps N] [--first SEED] | [--cluster | --census] --seed SEED
  --cluster worlds in which two masters of a cluster share the keys
  --census  worlds in which processes are asked what they hold
  --steps   run worlds until so many steps were made in all (default 1000000)
  --first   the first world's seed (default 1); the others follow
  --seed    run one world and print what happened in it";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut steps, mut first, mut only) = (1_000_000, 1, None);
    let mut run: fn(u64) -> Result<Summary, String> = lock_sim::run;
    while let Some(flag) = args.next() {
        if flag == "--cluster" {
            run = lock_sim::run_cluster;
            continue;
        }
        if flag == "--census" {
            run = |seed| lock_sim::run_census(seed).map(|steps| Summary { steps, ..Summary::default() });
            continue;
        }
        let value = args.next().and_then(|value| value.parse::<u64>().ok());
        match (flag.as_str(), value) {
            ("--steps", Some(value)) => steps = value,
            ("--first", Some(value)) => first = value,
            ("--seed", Some(value)) => only = Some(value),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    if let Some(seed) = only {
        return match run(seed) {
            Ok(summary) => {
                println!("seed {seed}: {summary:?}");
                ExitCode::SUCCESS
            }
            Err(failure) => {
                eprintln!("{failure}");
                ExitCode::FAILURE
            }
        };
    }
    let (next, made, holds) = (AtomicU64::new(first), AtomicU64::new(0), AtomicU64::new(0));
    let failed = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                while made.load(Ordering::Relaxed) < steps && !failed.load(Ordering::Relaxed) {
                    match run(next.fetch_add(1, Ordering::Relaxed)) {
                        Ok(summary) => {
                            made.fetch_add(summary.steps, Ordering::Relaxed);
                            holds.fetch_add(summary.holds, Ordering::Relaxed);
                        }
                        Err(failure) => {
                            eprintln!("{failure}");
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let worlds = next.load(Ordering::Relaxed) - first;
    println!(
        "{worlds} worlds from seed {first}, {} steps, {} holds",
        made.load(Ordering::Relaxed),
        holds.load(Ordering::Relaxed)
    );
    if failed.load(Ordering::Relaxed) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
