//! A Redis server, as far as the lock scripts need it: strings, sorted sets, expiry, and each verb's script written once more in Rust.
//!
//! For simulations: no I/O, no clock, no randomness. Time is a parameter, in microseconds since 1970 (the server's TIME), and stands still
//! during one call, as it does in scripts from Redis 7.2 on. `tests/real_servers.rs` compares all of it with real servers.
//!
//! The model leaves out memory limits, ACL (so PUBLISH never fails), replication, and commands that no script uses.

#![forbid(unsafe_code)]

mod call;
mod parts;
mod polled;
mod reply;
mod server;
mod sorted_set;
mod store;
mod verbs;

pub use reply::Reply;
pub use server::Server;
pub use sorted_set::SortedSet;
pub use store::Value;
pub use verbs::Verb;
