//! The address of a cluster's node.

use std::fmt;
use std::sync::Arc;

/// The address of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeAddress {
    /// Host name or address.
    pub host: Arc<str>,
    /// TCP port.
    pub port: u16,
}

impl NodeAddress {
    /// Reads `host:port`. An empty host stands for the host of `near`.
    pub(crate) fn parse(text: &str, near: &Self) -> Option<Self> {
        // An IPv6 address contains colons.
        let (host, port) = text.rsplit_once(':')?;
        let host = if host.is_empty() || host == "?" { Arc::clone(&near.host) } else { host.into() };
        Some(Self { host, port: port.parse().ok()? })
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
