//! Requests to a client and its answers: plain data.

use crate::error::Error;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::mode::Mode;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// The place of a call in the client's table. It is valid until the outcome was given out.
pub type TaskKey = u32;

/// The name that the lock will carry.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// A new name, for one call of `execute`.
    Execute,
    /// This name, or `*` for nobody in particular.
    Named(Arc<[u8]>),
}

/// The choice if another owner holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// Refuses at once.
    None,
    /// Waits for this time from the first look at a held key on, then refuses ([`crate::Code::NotAcquired`]).
    TryFor(Duration),
    /// Waits for this time from now on, then times out ([`crate::Code::Timeout`]).
    Limit(Duration),
    /// Waits as long as it takes.
    Endless,
}

/// The watch over a lease after the keys were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nobody asks about the lease.
    No,
    /// The lease is known until the release, and not renewed.
    Known,
    /// The lease is renewed until the release.
    Renewed,
}

/// Take keys.
#[derive(Clone, Debug)]
pub struct AcquireRequest {
    /// The caller's own number for the call.
    pub caller: u64,
    /// The keys, from [`crate::Client::parse_keys`].
    pub keys: Arc<[LockKey]>,
    /// The keys as the caller named them, in the caller's order, for error messages. May be empty if there is one key.
    pub named: Vec<String>,
    /// The owner.
    pub wanted: Wanted,
    /// Length of the lease. `None`: the lock has no end.
    pub lease: Option<Duration>,
    /// Whether and how long to wait.
    pub wait: WaitPolicy,
    /// The watch over the lease.
    pub keep: Keep,
    /// The caller's label, for operators only.
    pub label: Option<Arc<str>>,
}

/// Give keys back.
#[derive(Clone, Debug)]
pub struct ReleaseRequest {
    /// The caller's own number for the call.
    pub caller: u64,
    /// The keys.
    pub keys: Arc<[LockKey]>,
    /// The owner that must hold the keys.
    pub owner: Owner,
    /// For a lock of `execute`: the end of its lease. The client repeats the release until then, whatever happens, and its caller waits no
    /// longer than `limit`.
    pub lease_end: Option<Instant>,
    /// The claim by which the hold began, if it is not answered yet.
    pub claim: Option<u64>,
    /// How long the caller waits for the answer. `None`: no limit.
    pub limit: Option<Duration>,
    /// The caller had to wait for the keys, so other callers probably wait now.
    pub waited: bool,
    /// Nothing suggests that the owner has lost the lock.
    pub sound: bool,
    /// For a lock of `execute` whose job ended in time: the end of its lease. A later answer proves nothing against the job.
    pub good_until: Option<Instant>,
    /// Gives back only the locks that this attempt of a named owner took. The client repeats this until Redis has done it.
    pub of_attempt: Option<OfAttempt>,
}

/// An attempt of a named owner whose locks are given back.
#[derive(Clone, Copy, Debug)]
pub struct OfAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// The owner has none of the keys by other attempts, as far as the client knows. Without hold records (plain mode) such a lock is given
    /// back by its owner. Any other lock stays.
    pub alone: bool,
}

/// Delete locks of the namespace.
#[derive(Clone, Debug)]
pub struct ReleaseAllRequest {
    /// The caller's own number for the call.
    pub caller: u64,
    /// The owner whose locks are deleted. `None`: all owners.
    pub owner: Option<Arc<[u8]>>,
}

/// Keys that a call took.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// The attempt that took them.
    pub attempt: AttemptId,
    /// Fencing tokens in the order of the keys. Empty: the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease, if there is one.
    pub lease: Option<Duration>,
    /// When the request that took the keys was sent.
    pub sent_at: Instant,
    /// The job begins on a grant, which surely stands until `until`. The answer to its claim follows as [`Event::Claimed`] or
    /// [`Event::ClaimLost`].
    pub claim: Option<Claiming>,
    /// The caller had to wait for the keys.
    pub waited: bool,
    /// The owner held some of them before, by other attempts.
    pub joined: bool,
    /// The watch over the lease.
    pub keep: Keep,
    /// The caller's label.
    pub label: Option<Arc<str>>,
}

/// A claim that is under way or about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claiming {
    /// Its number.
    pub claim: u64,
    /// The end of the grant.
    pub until: Instant,
    /// The grant's text. The lock has it as its value until the claim.
    pub grant: Arc<[u8]>,
}

/// The end of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The call holds the keys.
    Held(Hold),
    /// Every key was the owner's, and is free now.
    Released,
    /// These keys were not the owner's. The others are free now. An answer that Redis remembered for a resend names none.
    NotHeld(Vec<String>),
    /// The release of an `execute` lock is not answered yet, and goes on by itself.
    ReleasePending(String),
    /// This many locks were deleted.
    Freed(u64),
    /// This many locks were deleted, and others moved to another node of the cluster.
    FreedSome(u64),
    /// The call failed.
    Failed(Error),
}

/// The decision about an error that Redis answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call fails with the error.
    Accept,
    /// The call fails with the error, and the client makes a new connection.
    Reconnect,
    /// The client makes a new connection and sends the command again.
    Resend,
}

/// The severity of a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Worth knowing.
    Info,
    /// Worth looking into.
    Warn,
    /// Something is wrong.
    Error,
}

/// An event for the lane or the caller.
#[derive(Clone, Debug)]
pub enum Event {
    /// Open a connection. Report it by `handle_connected`, `handle_disconnected` or `handle_unresolved`.
    Connect,
    /// Close the connection. No report is expected.
    Disconnect,
    /// The connection is ready for calls.
    Ready {
        /// How calls wait for locks.
        mode: Mode,
        /// The reason if it is not the best mode.
        why: Option<String>,
        /// The server wants no password although one was given. Other connections must not send it.
        password_unwanted: bool,
    },
    /// There is no connection.
    Down {
        /// The reason.
        reason: String,
    },
    /// A call ended.
    Done {
        /// The caller's number for it.
        caller: u64,
        /// The outcome.
        outcome: Outcome,
    },
    /// A hold that began on a grant has its full lease, counted from `sent_at`.
    Claimed {
        /// The claim's number.
        claim: u64,
        /// When the claim was sent.
        sent_at: Instant,
    },
    /// A hold that began on a grant is lost.
    ClaimLost {
        /// The claim's number.
        claim: u64,
    },
    /// `releaseAll` or an operator took a lock of this process away. Look which.
    TakenAway {
        /// The lock's key.
        key: LockKey,
    },
    /// The user's function decides how long to wait before the next connect. Answer by [`crate::Client::reconnect_in`].
    AskPause {
        /// The number of the attempt in a row, from 1.
        attempt: u32,
        /// Nobody could say where the master is. These attempts have a count of their own.
        lookup: bool,
    },
    /// Redis answered with an error, and the user's function decides on it. Answer by [`crate::Client::judge`].
    AskError {
        /// The number of the question.
        question: u64,
        /// The server's text.
        message: String,
    },
    /// There is a connection again, after a time without one that the log reported.
    Recovered {
        /// There was a connection before.
        again: bool,
    },
    /// A line for the log.
    Log {
        /// The severity.
        level: LogLevel,
        /// The line.
        message: String,
    },
}

/// One call that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The key at which it waits.
    pub key: LockKey,
    /// Since when.
    pub since: Instant,
    /// The caller's label.
    pub label: Option<Arc<str>>,
}
