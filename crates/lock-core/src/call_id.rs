//! The name of a call, by which the machines of a client speak of it.

/// Names a call for as long as it is in the table, and no other one ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallId {
    /// Where it stands in the table.
    pub(crate) index: u32,
    /// Counts the calls of a client; of a cluster's clients, none has a number of another's.
    pub(crate) serial: u64,
}
