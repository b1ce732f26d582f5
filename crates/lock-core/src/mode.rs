//! How clients wait for locks on a server.

/// How a client waits for a lock. It depends on the rights of this user on this server, which the client finds out on every connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Only the lock keys themselves, as in the official package: no fencing tokens, no hold records.
    #[default]
    Plain,
    /// Fencing tokens and hold records. Waiters ask again and again.
    Polling,
    /// Waiters stand in a queue and hear of grants by pushes.
    HandOff,
}

impl Mode {
    /// The name in messages and in the log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Polling => "polling",
            Self::HandOff => "hand-off",
        }
    }
}
