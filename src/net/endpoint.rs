//! A server's address, and how sockets to it are made.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// All.
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl Family {
    pub(super) fn admits(self, address: SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Host name or address, and port.
    Tcp {
        /// Host name or address.
        host: String,
        /// TCP port.
        port: u16,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// The name that a certificate must be for, by Node's rule.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host,
            Self::Unix(_) => "localhost",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How sockets are made: the same for every server of a provider.
#[derive(Clone, Debug)]
pub(crate) struct SocketRules {
    /// Which addresses of a name are used.
    pub(crate) family: Family,
    /// The address to connect from.
    pub(crate) local: Option<SocketAddr>,
    /// Idle time until the system asks whether the other side is still there. Zero: the system's own time. `None`: the
    /// system does not ask.
    pub(crate) keep_alive: Option<Duration>,
    /// Small writes are sent at once.
    pub(crate) no_delay: bool,
    /// Longest time from the first packet to an open connection, TLS included; `None`: no limit.
    pub(crate) connect_limit: Option<Duration>,
}
