//! How results get to JavaScript, and the lane's own errors.

use lock_core::{Code, Error, Notice};
use napi::Env;
use std::rc::Rc;

/// Brings results to JavaScript; called on its thread, inside a callback scope.
pub(crate) type Deliver = Rc<dyn Fn(&Env, Vec<Notice>)>;

/// The error for a call after the lane was closed.
pub(super) fn closed() -> Error {
    Error::new(Code::Closed, "The locking provider was shut down; it takes no more calls.")
}

/// The error for a call that met a fault of this package.
pub(super) fn internal() -> Error {
    Error::new(Code::Internal, "A fault in medusa-locking-redis; the provider stops. Please report it.")
}
