//! What is asked of a client and what it answers: plain data.

use crate::error::Error;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::mode::Mode;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// Where a call stands in the client's table; valid until its outcome was given out.
pub type TaskKey = u32;

/// Whose name the lock shall carry.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// One call of `execute`: a new name.
    Execute,
    /// This name, or `*` for nobody in particular.
    Named(Arc<[u8]>),
}

/// What to do when a key is another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPolicy {
    /// Refuse at once.
    None,
    /// Wait for so long from the first look at the key on, then refuse ([`crate::Code::NotAcquired`]).
    TryFor(Duration),
    /// Wait for so long from now on, then time out ([`crate::Code::Timeout`]).
    Limit(Duration),
    /// Wait for as long as it takes.
    Endless,
}

/// What becomes of a lease after the keys were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nobody asks.
    No,
    /// It is known until the release, and not renewed.
    Known,
    /// It is renewed until the release.
    Renewed,
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
    /// Whether and how long to wait.
    pub wait: WaitPolicy,
    /// What becomes of the lease.
    pub keep: Keep,
    /// What the caller says that the keys are for: for operators only.
    pub label: Option<Arc<str>>,
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
    /// The claim by which the hold began, if its answer is not known yet.
    pub claim: Option<u64>,
    /// How long the caller waits for the answer; `None` for no limit.
    pub limit: Option<Duration>,
    /// The keys were waited for when they were taken, so others are likely to wait by now.
    pub waited: bool,
    /// Nothing speaks against the lock being the owner's until now.
    pub sound: bool,
    /// For a lock of `execute` that was the owner's when its job ended: when its lease is over. An answer that comes later says nothing
    /// against the job.
    pub good_until: Option<Instant>,
    /// Only what this attempt of a named owner took. It is repeated until Redis has done it.
    pub of_attempt: Option<OfAttempt>,
}

/// An attempt of a named owner whose lock is given back.
#[derive(Clone, Copy, Debug)]
pub struct OfAttempt {
    /// Which.
    pub attempt: AttemptId,
    /// The owner has none of the keys by other attempts, as far as is known. Where there are no hold records (plain mode) a lock is given back by its
    /// owner then, and else stays.
    pub alone: bool,
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
    /// The attempt that took them.
    pub attempt: AttemptId,
    /// Fencing tokens in the order of the keys; empty where the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease, if there is one.
    pub lease: Option<Duration>,
    /// When the request that took the keys was sent.
    pub sent_at: Instant,
    /// The job begins on a grant, which stands for certain until `until`; the answer to its claim follows as
    /// [`Event::Claimed`] or [`Event::ClaimLost`].
    pub claim: Option<Claiming>,
    /// The keys were waited for.
    pub waited: bool,
    /// The owner held some of them before, by other attempts.
    pub joined: bool,
    /// What becomes of the lease.
    pub keep: Keep,
    /// What the caller says that the keys are for.
    pub label: Option<Arc<str>>,
}

/// A claim that is to be sent or under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claiming {
    /// Its number.
    pub claim: u64,
    /// Until when the grant stands.
    pub until: Instant,
    /// The grant's text, which the lock keeps until the claim.
    pub grant: Arc<[u8]>,
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
    /// So many locks were deleted, while others moved to another node of the cluster.
    FreedSome(u64),
    /// The call failed.
    Failed(Error),
}

/// What is done about an error that Redis answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call takes it as it is.
    Accept,
    /// So does the call, and the connection is made anew.
    Reconnect,
    /// The connection is made anew, and the command sent again.
    Resend,
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
    /// Open a connection and report by `handle_connected`, `handle_disconnected` or
    /// `handle_unresolved`.
    Connect,
    /// Close the connection; no report is expected.
    Disconnect,
    /// The connection is ready for calls.
    Ready {
        /// How locks are waited for.
        mode: Mode,
        /// Why it is not the best mode.
        why: Option<String>,
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
    /// A lock of this process was taken away, by `releaseAll` or by hand: look which.
    TakenAway {
        /// The lock's key.
        key: LockKey,
    },
    /// Somebody else decides how long to wait before the next connect: to be answered by
    /// [`crate::Client::reconnect_in`].
    AskPause {
        /// The how manieth attempt in a row it is, from 1.
        attempt: u32,
        /// Nobody could say where the master is; these attempts are counted by themselves.
        lookup: bool,
    },
    /// Redis answered with an error, and somebody else decides what becomes of it: to be answered by
    /// [`crate::Client::judge`].
    AskError {
        /// Which error it is.
        question: u64,
        /// The server's text.
        message: String,
    },
    /// There is a connection after a time without one that the log was told of.
    Recovered {
        /// There had been one before.
        again: bool,
    },
    /// A line for the log.
    Log {
        /// How much it matters.
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
    /// What the caller says that it is for.
    pub label: Option<Arc<str>>,
}
