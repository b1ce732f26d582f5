//! The one error that leaves the core.

use std::fmt;

/// The kind of the error. The name stays the same across versions, so users can match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Another owner holds the key and the caller did not want to wait.
    NotAcquired,
    /// The time to wait has ended, and the keys are not held.
    Timeout,
    /// The keys were taken and given back, because too few replicas acknowledged them in time.
    NotReplicated,
    /// The caller's signal withdrew the call.
    Aborted,
    /// Redis could not be reached within the reconnects that the options allow, or the client does not connect any more.
    Unreachable,
    /// A command took longer than `commandTimeout` allows.
    CommandTimeout,
    /// Redis answered with an error.
    Refused,
    /// Redis refused the user name or password.
    AuthFailed,
    /// The provider was shut down.
    Closed,
    /// An argument is unusable.
    InvalidArgument,
    /// This package has a fault.
    Internal,
}

impl Code {
    /// The value of `error.code` in JavaScript.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAcquired => "LOCK_NOT_ACQUIRED",
            Self::Timeout => "LOCK_TIMEOUT",
            Self::NotReplicated => "LOCK_NOT_REPLICATED",
            Self::Aborted => "LOCK_ABORTED",
            Self::Unreachable => "REDIS_UNREACHABLE",
            Self::CommandTimeout => "REDIS_TIMEOUT",
            Self::Refused => "REDIS_REFUSED",
            Self::AuthFailed => "REDIS_AUTH_FAILED",
            Self::Closed => "PROVIDER_CLOSED",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A failed call: a stable code, a message for people, and the keys it is about (without the namespace).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The kind of the error.
    pub code: Code,
    /// The message for people: the event, the key, and the remedy.
    pub message: String,
    /// The keys concerned, as the caller named them.
    pub keys: Vec<String>,
    /// The reason behind the error (a socket error, the server's own text), if there is more to say.
    pub cause: Option<String>,
}

impl Error {
    /// An error about no particular key.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), keys: Vec::new(), cause: None }
    }

    /// The same error with its keys.
    #[must_use]
    pub fn with_keys(mut self, keys: Vec<String>) -> Self {
        self.keys = keys;
        self
    }

    /// The same error with the reason behind it.
    #[must_use]
    pub fn with_cause(mut self, cause: Option<String>) -> Self {
        self.cause = cause;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
