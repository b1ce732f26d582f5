//! How well a server and a user let locks be waited for.

/// How a client waits for a lock: what this server and this user allow, found out anew on every connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing but the lock keys themselves, as the official package has it: no fencing, no hold records.
    #[default]
    Plain,
    /// Fencing and hold records; waiters ask again and again.
    Polling,
    /// Waiters stand in a queue and are told by push.
    HandOff,
}

impl Mode {
    /// As it stands in messages and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Polling => "polling",
            Self::HandOff => "hand-off",
        }
    }
}
