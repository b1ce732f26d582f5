//! What a lane is told at its start.

use crate::net::{Endpoint, Target};
use lock_core::{ClientConfig, NodeAddress};
use std::time::Duration;

/// How long the step at exit may take.
pub(super) const EXIT_LIMIT: Duration = Duration::from_millis(200);

/// Everything a lane is told at its start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where Redis is. In a cluster: how its nodes are reached.
    pub(crate) target: Target,
    /// How a cluster's nodes are found.
    pub(crate) discovery: Option<Discovery>,
    /// The client's own settings.
    pub(crate) client: ClientConfig,
    /// A JavaScript thread that was stuck for longer is renewed for no more.
    pub(crate) maximum_stall: Duration,
}

impl Settings {
    /// Where a node is; the only server without an address.
    pub(super) fn target_of(&self, address: Option<&NodeAddress>) -> Target {
        address.map_or_else(
            || self.target.clone(),
            |address| self.target.at(address.host.to_string(), address.port),
        )
    }

    /// Where a node is that the cluster names `host:port`.
    pub(super) fn address(&self, named: &str) -> NodeAddress {
        let known = self.client.cluster.as_ref().and_then(|rules| rules.addresses.get(named).cloned());
        known.unwrap_or_else(|| {
            let (host, port) = named.rsplit_once(':').unwrap_or((named, ""));
            NodeAddress { host: host.into(), port: port.parse().unwrap_or_default() }
        })
    }
}

/// How a cluster's nodes are found.
#[derive(Clone, Debug)]
pub(crate) struct Discovery {
    /// Nodes to ask as long as no other is known, and after all others.
    pub(crate) start: Vec<Endpoint>,
    /// Longest time that one node may take to say which has which slot.
    pub(crate) limit: Duration,
    /// A cluster that says of itself that it has failed is not used at the start.
    pub(crate) ready_check: bool,
}
