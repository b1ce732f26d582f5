//! The name of a call. A client's machines use it when they speak of the call.

/// Names a call while it is in the table, and never another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallId {
    /// The call's place in the table.
    pub(crate) index: u32,
    /// Counts a client's calls. No two clients of a cluster use the same numbers.
    pub(crate) serial: u64,
}
