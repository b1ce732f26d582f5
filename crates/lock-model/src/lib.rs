//! The hand-off protocol (`docs/PROTOCOL.md`, the scripts in `crates/lock-core/src/scripts`) as a model. A checker ([`stateright`]) visits
//! its every state.
//!
//! # The model
//!
//! The model has a server, connections and clients. The server has a lock, a queue and the "polled" mark per key, and one counter.
//! Connections carry commands one way, and answers and pushes the other way, in order. Clients follow the rules of `PROTOCOL.md`. A step is
//! one executed command, one message taken in, one decision of a caller, one lease that ends, or one fault. So the checker covers every
//! interleaving of them, within the bounds below.
//!
//! Time has no numbers. The model assumes that the rules about deadlines have their effect, and checks the consequences. A lease or grant
//! ends only after the client's own deadline has passed (one step, [`Action::Lapse`], does both). The client sees that an answer or push
//! that comes after that end is late. A renewal only moves the moment of that step, which may be any moment, so the model has no renewal.
//! Tickets and tokens are renumbered in their order after every step. So the states are finite although both numbers only rise.
//!
//! # The checks
//!
//! The checker checks the properties in [`name`] in every state. It also checks that from every state the steps that happen by themselves
//! lead to an end in which nobody waits ([`dead_ends`]). [`Mutants`] are mistakes that the checker has to find. [`Rules`] are rules that
//! the text left open and the checker found to be needed: each is kept by default, and a test shows what breaks without it.
//!
//! # Bounds
//!
//! At most 3 clients, 2 keys, 5 calls, 3 connections per client, 3 faults. Unique states, every one visited
//! (`cargo test --release -p lock-model -- --nocapture` prints them):
//!
//! | run | states |
//! |---|---|
//! | 3 clients, owner *, no leases, 1 key, 2 of cut, cancel, NOSCRIPT | 835,782 |
//! | 3 clients with 4 waiters, 1 key, any fault | 5,449,254 |
//! | 3 clients, 1 key, any 2 faults | 7,659,760 |
//! | 3 clients, 2 keys, any fault | 572,135 |
//! | 3 clients, 2 keys, 2 of cut, crash, stop, cancel | 11,068,460 |
//! | 3 clients, owner *, 1 key, 2 of cut, cancel, NOSCRIPT | 2,667,924 |
//! | 3 clients, 2 names, 1 key, any fault | 292,825 |
//! | 2 clients, 1 key, any 3 faults | 11,022,953 |
//! | 2 clients with 2 waiters each, 1 key, any fault | 14,539,873 |
//! | 3 clients, 1 key, a failover that loses 1 or 2 writes (all but one holder) | 163,149 |
//! | 3 clients, 1 key, FLUSHALL (all but one holder) | 11,246 |
//! | leads on: 3 clients, 1 key, any fault | 480,673 |
//! | leads on: 3 clients, 2 keys, 1 of cut, crash, stop | 184,751 |
//!
//! "Any fault" is one of these: a cut connection (commands under way may be executed late or never, a push is lost), a crash, a stop, a
//! cancelled waiter, a lease that ends although its client is well, the official package as a holder, NOSCRIPT. All runs make polls that
//! end a standstill, and some runs one or more at any other time (see `tests`).
//!
//! # Left out
//!
//! `take` (it is `park` on a free key nobody waits for), `revoke`, `acquire`, a try, renewals, memory that is full, a
//! `PUBLISH` that fails, the end of an abandoned queue after a minute, keys in different slots, clusters (where a push
//! is only a hint), and the arithmetic of deadlines.
#![forbid(unsafe_code)]

mod action;
mod client;
mod config;
mod enabled;
mod lease;
mod model;
mod normal;
mod properties;
mod run;
mod server;
mod state;
mod table;
mod terms;
mod view;

pub use action::{Action, Protocol};
pub use config::{Call, Config, Faults, Mutants, Owners, Rules};
pub use properties::name;
pub use run::{Found, check, check_all, dead_ends, find};
pub use state::State;
pub use terms::{TermRules, check_terms};
