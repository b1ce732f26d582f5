//! What the engine says: notices for the caller's side, and actions for the lane.

use crate::error::Error;
use crate::lease::{HoldId, Loss};
use crate::mode::Mode;
use crate::requests::{Hold, LogLevel};
use crate::router::{NodeId, Routes};
use std::sync::Arc;

/// Keys that a call holds.
#[derive(Debug)]
pub enum Held {
    /// Somebody asks about the lease: it is renewed or looked at under this id.
    Watched(HoldId),
    /// Nobody does.
    Unwatched(Box<Hold>),
}

/// Something for the caller's side.
#[derive(Debug)]
pub enum Notice {
    /// Keys are held.
    Held {
        /// The caller's number.
        caller: u64,
        /// How the hold is known.
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
    /// A release goes on by itself.
    ReleasePending {
        /// The caller's number.
        caller: u64,
        /// Why it is not done.
        why: String,
    },
    /// So many locks were deleted.
    Freed {
        /// The caller's number.
        caller: u64,
        /// How many.
        count: u64,
    },
    /// A call failed.
    Failed {
        /// The caller's number.
        caller: u64,
        /// Why.
        error: Error,
    },
    /// A lock is lost.
    Lost {
        /// Which.
        hold: HoldId,
        /// These of its keys.
        keys: Vec<String>,
        /// What happened to it.
        why: Loss,
        /// Who took it away, where that was said.
        by: Option<Arc<str>>,
        /// Why it was not renewed, where that is what happened.
        because: Option<Arc<str>>,
        /// It is of `acquire`.
        named: bool,
    },
    /// The connection stands.
    Ready {
        /// How locks are waited for.
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

/// What a lane has to do.
#[derive(Debug)]
pub enum Action {
    /// Connect this node.
    Connect(NodeId),
    /// Close this node's connection.
    Disconnect(NodeId),
    /// Look up a cluster's table of slots.
    LookUp,
    /// A main connection stands; the renewal's own may be made.
    Stands {
        /// How locks are waited for.
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
