//! The lock client as a sans-IO state machine.
//!
//! Nothing in here opens a socket, reads a clock or draws a random number: bytes and instants come in as
//! parameters, bytes, events and the next deadline go out. A lane (see `src/lane` of the addon) moves them.
//! One mutation, then drain: after every `handle_*` or mutator call a lane sends [`Client::transmit`], takes
//! every [`Client::poll_event`] and arms its timer for [`Client::poll_timeout`].

#![forbid(unsafe_code)]

mod backoff;
mod channels;
mod client;
mod config;
mod engine;
mod error;
mod handshake;
mod ids;
mod info;
mod key;
mod lease;
mod needs;
mod refusal;
pub mod resp;
mod router;
mod rung;
mod script;
mod secrets;
mod slots;
mod time;
mod timers;

pub use backoff::BackoffRule;
pub use client::{
    AcquireRequest, Claiming, Client, Event, Hold, Keep, LogLevel, OFFICIAL_ACQUIRE_SHA, Outcome, Patience,
    ReleaseAllRequest, ReleaseRequest, TaskKey, Verdict, Wanted,
};
pub use config::{ClientConfig, ClusterRules, Credentials, Greeting, PauseRule, Perseverance, Safety};
pub use engine::{Action, Engine, Held, Notice};
pub use error::{Code, Error};
pub use ids::{AttemptId, IdSource, Owner};
pub use key::{LockKey, Namespace, SIDE_KEY_MARK, slot_of, tag_of};
pub use lease::{
    EXIT_LEASE_MS, Ended, HoldId, LeaseState, LeaseTable, Loss, NewLease, Renewal, RenewalAnswer,
    RenewalCall, ScriptCall, SharedLeases, Term,
};
pub use refusal::is_unwanted_password;
pub use router::{FIRST, NodeAddress, NodeId, Router, Routes, SlotRange};
pub use rung::Rung;
pub use script::Script;
pub use secrets::Secrets;
pub use time::Instant;
