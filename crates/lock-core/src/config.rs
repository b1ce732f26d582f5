//! What a client is told once, at its start. Everything here is already parsed: the core checks nothing again.

use crate::backoff::BackoffRule;
use std::fmt;

/// How the client proves who it is. `Debug` never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// ACL user; `None` authenticates as Redis' default user.
    pub username: Option<String>,
    /// Password, possibly empty.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Settings of one client.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `keyPrefix` followed by `namespace`: what stands before a caller's key in Redis.
    pub prefix: Vec<u8>,
    /// Sent with AUTH; `None` sends none.
    pub credentials: Option<Credentials>,
    /// Database number, selected when it is not 0.
    pub database: u32,
    /// How a waiting acquire spaces its attempts.
    pub backoff: BackoffRule,
    /// After how many failed reconnects calls without a time limit fail; ioredis' default is 20.
    pub max_retries_per_request: u32,
    /// Library version told to the server by CLIENT SETINFO.
    pub version: &'static str,
}
