//! The one error that leaves the core.

use std::fmt;

/// What went wrong, as a name that stays the same across versions; users match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Another owner holds the key and the caller did not want to wait.
    NotAcquired,
    /// The time to wait is over and the keys are not held.
    Timeout,
    /// The keys were taken and given back: too few replicas acknowledged them in time.
    NotReplicated,
    /// The caller's signal withdrew the call.
    Aborted,
    /// Redis could not be reached for as many reconnects as the options allow, or is not tried any more.
    Unreachable,
    /// A command took longer than `commandTimeout` allows.
    CommandTimeout,
    /// Redis answered with an error.
    Refused,
    /// Redis refused the user name or password.
    AuthFailed,
    /// The provider was shut down.
    Closed,
    /// An argument that cannot be used.
    InvalidArgument,
    /// A fault in this package.
    Internal,
}

impl Code {
    /// The name that JavaScript sees as `error.code`.
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
    /// What went wrong.
    pub code: Code,
    /// What happened, to which key, and what to do.
    pub message: String,
    /// The keys concerned, as the caller named them.
    pub keys: Vec<String>,
    /// What lies behind it (a socket error, the server's own text), where there is more to say.
    pub cause: Option<String>,
}

impl Error {
    /// An error that concerns no key in particular.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), keys: Vec::new(), cause: None }
    }

    /// The same error with the keys it is about.
    #[must_use]
    pub fn with_keys(mut self, keys: Vec<String>) -> Self {
        self.keys = keys;
        self
    }

    /// The same error with what lies behind it.
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
