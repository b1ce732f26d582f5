//! The output of the engine: notices for the caller's side, and actions for the lane.

use crate::error::Error;
use crate::lease::{HoldId, Loss};
use crate::mode::Mode;
use crate::requests::{Hold, LogLevel};
use crate::router::{NodeId, Routes};
use std::sync::Arc;

/// Keys that a call holds.
#[derive(Debug)]
pub enum Held {
    /// A caller asks about the lease, which is renewed or looked at under this id.
    Watched(HoldId),
    /// Nobody asks about the lease.
    Unwatched(Box<Hold>),
}

/// A message for the caller's side.
#[derive(Debug)]
pub enum Notice {
    /// Keys are held.
    Held {
        /// The caller's number.
        caller: u64,
        /// The hold.
        held: Held,
    },
    /// Every key was released.
    Released {
        /// The caller's number.
        caller: u64,
    },
    /// These keys were not the owner's.
    NotHeld {
        /// The caller's number.
        caller: u64,
        /// Their names.
        keys: Vec<String>,
    },
    /// A release is not done yet and goes on by itself.
    ReleasePending {
        /// The caller's number.
        caller: u64,
        /// Why it is not done.
        why: String,
    },
    /// This many locks were deleted.
    Freed {
        /// The caller's number.
        caller: u64,
        /// The number of locks.
        count: u64,
    },
    /// A call failed.
    Failed {
        /// The caller's number.
        caller: u64,
        /// The error.
        error: Error,
    },
    /// A lock is lost.
    Lost {
        /// The hold.
        hold: HoldId,
        /// The keys that are lost.
        keys: Vec<String>,
        /// The way in which it was lost.
        why: Loss,
        /// The operator who took it away, if the name is known.
        by: Option<Arc<str>>,
        /// Why it was not renewed, if that is the reason.
        because: Option<Arc<str>>,
        /// The lock is of `acquire`.
        named: bool,
    },
    /// The connection is ready.
    Ready {
        /// How calls wait for locks.
        mode: Mode,
        /// Why it is not the best mode.
        why: Option<String>,
    },
    /// There is no connection.
    Down {
        /// Why.
        reason: String,
    },
    /// There is a connection after a time without one.
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
    /// How long to wait before this attempt to connect, or to look the master up?
    AskPause {
        /// Its number, from 1.
        attempt: u32,
        /// Nobody could say where the master is.
        lookup: bool,
    },
    /// What to do about this error reply?
    AskError {
        /// The question's number.
        question: u64,
        /// The server's text.
        message: String,
    },
}

/// Work for the lane.
#[derive(Debug)]
pub enum Action {
    /// Connect this node.
    Connect(NodeId),
    /// Close this node's connection.
    Disconnect(NodeId),
    /// Look up a cluster's table of slots.
    LookUp,
    /// A main connection is ready, so the renewal can make its own.
    Stands {
        /// How calls wait for locks.
        mode: Mode,
        /// A command may name keys of one slot only.
        keeps_to_slots: bool,
        /// The server wants no password although one was given.
        password_unwanted: bool,
    },
    /// The cluster's table of slots has changed.
    Route(Routes),
    /// The renewal has to look at the leases now.
    WakeRenewal,
}
