//! What a lane tells JavaScript.

use lock_core::{Code, Error, HoldId, LogLevel, Loss, Rung};
use napi::Env;
use std::rc::Rc;

/// Something for JavaScript.
pub(crate) enum Notice {
    /// Keys are held; with an id when their lease is kept alive.
    Held { caller: u64, hold: Option<HoldId> },
    /// Every key was released.
    Released { caller: u64 },
    /// These keys were not the owner's.
    NotHeld { caller: u64, keys: Vec<String> },
    /// A release goes on by itself.
    ReleasePending { caller: u64, why: String },
    /// So many locks were deleted.
    Freed { caller: u64, count: u64 },
    /// A call failed.
    Failed { caller: u64, error: Error },
    /// A lock is lost; these of its keys. `named`: it is of `acquire`.
    Lost { hold: HoldId, keys: Vec<String>, why: Loss, named: bool },
    /// The connection stands; with the reason when it is not the best rung.
    Ready { rung: Rung, why: Option<String> },
    /// There is no connection.
    Down { reason: String },
    /// A line for the log.
    Log { level: LogLevel, message: String },
    /// How long to wait before this attempt to connect, or to look the master up?
    AskPause { attempt: u32, lookup: bool },
    /// What to do about this error reply?
    AskError { question: u64, message: String },
}

/// Brings results to JavaScript; called on its thread, inside a callback scope.
pub(crate) type Deliver = Rc<dyn Fn(&Env, Vec<Notice>)>;

/// A call after the lane was closed.
pub(super) fn closed() -> Error {
    Error::new(Code::Closed, "The locking provider was shut down; it takes no more calls.")
}

/// A call that met a fault of ours.
pub(super) fn internal() -> Error {
    Error::new(Code::Internal, "A fault in medusa-locking-redis; the provider stops. Please report it.")
}
