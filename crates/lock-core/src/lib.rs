//! The lock client as a sans-IO state machine.
//!
//! Nothing in this crate opens a socket, reads a clock or draws a random number. Bytes and instants come in as parameters; bytes, events
//! and the next deadline go out. A lane (`src/lane` of the addon) moves them. After every `handle_*` or mutator call the lane sends
//! [`Client::transmit`], takes every [`Client::poll_event`], and arms its timer for [`Client::poll_timeout`].

#![forbid(unsafe_code)]

mod backoff;
mod call_id;
mod calls;
pub mod census;
mod client;
mod cohort;
mod commands;
mod config;
mod connection;
mod effects;
mod engine;
mod error;
mod ids;
mod key;
mod lease;
mod mode;
mod node_address;
mod notices;
mod official_callers;
mod outbox;
mod poll_lines;
mod present;
mod requests;
pub mod resp;
mod router;
mod script;
mod secrets;
mod slot_set;
mod time;
mod timers;
mod waiters;

pub use backoff::BackoffRule;
pub use client::Client;
pub use config::{ClientConfig, ClusterRules, Credentials, HandshakeOptions, PauseRule, RetryPolicy, Safety};
pub use connection::is_unwanted_password;
pub use engine::Engine;
pub use error::{Code, Error};
pub use ids::{AttemptId, IdSource, Owner};
pub use key::{LockKey, Namespace, SIDE_KEY_MARK, slot_of, tag_of};
pub use lease::{
    EXIT_LEASE_MS, EXIT_LIMIT, EXIT_LIMIT_OF_RENEWALS, Ended, HoldId, LeaseFacts, LeaseState, LeaseTable,
    Loss, NewLease, Renewal, RenewalAnswer, RenewalCall, ScriptCall, SharedLeases, Term, Unrenewed,
};
pub use mode::Mode;
pub use node_address::NodeAddress;
pub use notices::{Action, Held, Notice};
pub use official_callers::OFFICIAL_ACQUIRE_SHA;
pub use requests::{
    AcquireRequest, Claiming, Event, Hold, Keep, LogLevel, OfAttempt, Outcome, ReleaseAllRequest,
    ReleaseRequest, TaskKey, Verdict, WaitPolicy, Waiting, Wanted,
};
pub use router::{FIRST, NodeId, Router, Routes, SlotRange};
pub use script::Script;
pub use secrets::Secrets;
pub use time::Instant;
