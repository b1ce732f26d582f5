//! What is asked of a client and what it answers: plain data.

use crate::error::Error;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// Whose name the lock shall carry.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// One call of `execute`: a new name.
    Execute,
    /// This name, or `*` for nobody in particular.
    Named(Arc<[u8]>),
}

/// Take keys.
#[derive(Clone, Debug)]
pub struct AcquireRequest {
    /// The caller's own number for the call.
    pub caller: u64,
    /// The keys, as [`crate::Client::parse_keys`] gave them.
    pub keys: Arc<[LockKey]>,
    /// The keys as named, in the caller's order, for error messages; may be empty when there is one key.
    pub named: Vec<String>,
    /// The owner.
    pub wanted: Wanted,
    /// Length of the lease; `None` for a lock without one.
    pub lease: Option<Duration>,
    /// Whether to wait when a key is held by another.
    pub wait: bool,
    /// How long the call may take in all; `None` for no limit.
    pub limit: Option<Duration>,
}

/// Give keys back.
#[derive(Clone, Debug)]
pub struct ReleaseRequest {
    /// The caller's own number for the call.
    pub caller: u64,
    /// The keys.
    pub keys: Arc<[LockKey]>,
    /// Whose they must be.
    pub owner: Owner,
    /// For a lock of `execute`: when its lease is over. Such a release is repeated until then, whatever comes
    /// between, and its caller waits no longer than `limit`.
    pub lease_end: Option<Instant>,
    /// How long the caller waits for the answer; `None` for no limit.
    pub limit: Option<Duration>,
}

/// Delete locks of the namespace.
#[derive(Clone, Debug)]
pub struct ReleaseAllRequest {
    /// The caller's own number for the call.
    pub caller: u64,
    /// Whose; `None` for everybody's.
    pub owner: Option<Arc<[u8]>>,
}

/// Keys that were taken.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// Fencing tokens in the order of the keys; empty where the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease, if there is one.
    pub lease: Option<Duration>,
    /// When the request that took the keys was sent.
    pub sent_at: Instant,
}

/// How a call ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The keys are held.
    Held(Hold),
    /// Every key was the owner's and is free now.
    Released,
    /// These keys were not the owner's; the others are free now. None are named in an answer that was remembered
    /// for a resend.
    NotHeld(Vec<String>),
    /// A release of an `execute` lock is not answered yet and goes on by itself.
    ReleasePending(String),
    /// So many locks were deleted.
    Freed(u64),
    /// The call failed.
    Failed(Error),
}

/// How much a line in the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Worth knowing.
    Info,
    /// Worth looking into.
    Warn,
    /// Something is wrong.
    Error,
}

/// What a lane has to do or to tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// Open a connection and report by `handle_connected` or `handle_disconnected`.
    Connect,
    /// Close the connection; no report is expected.
    Disconnect,
    /// The connection is ready for calls; with the reason when side keys cannot be used.
    Ready {
        /// Why no side keys can be used, if so.
        plain: Option<String>,
        /// The server wants no password although one was given: other connections must not send it.
        password_unwanted: bool,
    },
    /// There is no connection.
    Down {
        /// Why.
        reason: String,
    },
    /// A call ended.
    Done {
        /// The caller's number for it.
        caller: u64,
        /// How.
        outcome: Outcome,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// The line.
        message: String,
    },
}
