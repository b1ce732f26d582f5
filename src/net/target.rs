//! Where Redis is and how it is reached, as typed values.

use super::sentinel::Sentinels;
use super::tls::Tls;
use lock_core::{Client, Instant, Secrets};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
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

/// A server's address.
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
    /// The name that a certificate has to be for, as Node has it.
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
    /// Idle time until the system asks whether the other side is still there; zero: the system's own. `None`: it
    /// does not ask.
    pub(crate) keep_alive: Option<Duration>,
    /// Small writes leave at once.
    pub(crate) no_delay: bool,
    /// Longest time from the first packet to a connection that stands, TLS included; `None`: no limit.
    pub(crate) connect_limit: Option<Duration>,
}

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// Always there.
    At(Endpoint),
    /// Where these say that the master is, asked before every connection.
    Asked(Arc<Sentinels>),
}

/// Most characters of a reason; a certificate may name many names.
const LONGEST_REASON: usize = 800;

/// Why there is no connection.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// A line for people, without secrets.
    pub(crate) reason: String,
    /// Nobody could say where the master is.
    pub(crate) unresolved: bool,
}

impl Trouble {
    /// The same without secrets: an address that somebody named may hold one, and be named in turn.
    pub(super) fn clean(self, secrets: &Secrets) -> Self {
        Self { reason: secrets.clean_up_to(&self.reason, LONGEST_REASON), ..self }
    }

    /// Tells the client that asked for the connection.
    pub(crate) fn tell(&self, now: Instant, client: &mut Client) {
        if self.unresolved {
            client.handle_unresolved(now, &self.reason);
        } else {
            client.handle_disconnected(now, &self.reason);
        }
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self { reason, unresolved: false }
    }
}

/// Everything that connecting needs.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The server.
    pub(crate) place: Place,
    /// How sockets are made.
    pub(crate) socket: SocketRules,
    /// With TLS, and how.
    pub(crate) tls: Option<Tls>,
    /// What must not be shown when somebody there repeats it.
    pub(crate) secrets: Secrets,
}

impl Target {
    /// Another server that is reached in the same way.
    pub(crate) fn at(&self, host: String, port: u16) -> Self {
        Self { place: Place::At(Endpoint::Tcp { host, port }), ..self.clone() }
    }
}
