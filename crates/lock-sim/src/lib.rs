//! Simulation: several processes with the real `lock-core` client and lease table, the modelled server, a network that delays and cuts, and
//! faults. One seed decides everything, so its number repeats a failed run exactly.
//!
//! At every grant the simulation checks that nobody else believes to hold the key, and that the token is higher than every earlier one. At
//! the end, after the faults, it checks that every call has ended and that nothing is locked.
//!
//! `cargo run --release -p lock-sim -- --steps 10000000` runs worlds until they have made this many steps. `--seed N` repeats one world.

#![forbid(unsafe_code)]

mod brought_back;
mod census;
mod cluster;
mod digest;
mod exit;
mod faults;
mod forgotten;
mod jobs;
mod network;
mod official;
mod oracle;
mod process;
mod release_all;
mod renewal;
mod server_side;
mod servers;
mod turn;
mod world;

pub use census::run_census;
pub use faults::Plan;
pub use server_side::Mutant;
pub use world::{Summary, World};

/// Runs the world of one seed to its end.
///
/// # Errors
/// The broken rule, and the last events before it.
pub fn run(seed: u64) -> Result<Summary, String> {
    World::new(seed, Plan::of(seed)).run().map_err(|failure| format!("seed {seed}: {failure}"))
}

/// Runs the world of one seed with a server that does something wrong.
///
/// # Errors
/// The broken rule that the simulation noticed.
pub fn run_with(seed: u64, mutant: Mutant) -> Result<Summary, String> {
    run_mutant(seed, Plan::of(seed), mutant)
}

/// Runs the world of one seed in which two masters of a Redis Cluster share the keys.
///
/// # Errors
/// The broken rule, and the last events before it.
pub fn run_cluster(seed: u64) -> Result<Summary, String> {
    World::new(seed, Plan::of_cluster(seed))
        .run()
        .map_err(|failure| format!("cluster seed {seed}: {failure}"))
}

/// Does the same with nodes that do something wrong.
///
/// # Errors
/// The broken rule that the simulation noticed.
pub fn run_cluster_with(seed: u64, mutant: Mutant) -> Result<Summary, String> {
    run_mutant(seed, Plan::of_cluster(seed), mutant)
}

fn run_mutant(seed: u64, plan: Plan, mutant: Mutant) -> Result<Summary, String> {
    let mut world = World::new(seed, plan);
    world.servers.each().for_each(|server| server.mutant = Some(mutant));
    world.run().map_err(|failure| format!("seed {seed}: {failure}"))
}
