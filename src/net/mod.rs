//! From a typed target to a connected socket. Runs on the background thread: resolving and connecting block.

mod connect;

pub(crate) use connect::{Family, Target, connect, describe};
