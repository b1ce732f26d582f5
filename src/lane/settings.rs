//! The settings of a lane.

use crate::net::{Endpoint, Target};
use lock_core::census::ProcessFacts;
use lock_core::{ClientConfig, NodeAddress};
use std::time::Duration;

/// Everything that a lane needs to start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where Redis is. In a cluster: how its nodes are reached.
    pub(crate) target: Target,
    /// How a cluster's nodes are found.
    pub(crate) discovery: Option<Discovery>,
    /// The client's own settings.
    pub(crate) client: ClientConfig,
    /// The facts about this process, for operators who ask. The process mark is added later.
    pub(crate) process: ProcessFacts,
    /// If the JavaScript thread is stuck for longer, its leases are not renewed.
    pub(crate) maximum_stall: Duration,
}

impl Settings {
    /// The target for a node. Without an address it is the only server.
    pub(super) fn target_of(&self, address: Option<&NodeAddress>) -> Target {
        address.map_or_else(
            || self.target.clone(),
            |address| self.target.at(address.host.to_string(), address.port),
        )
    }

    /// The address of a node that the cluster names `host:port`.
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
    /// The nodes of the options. They are asked after all nodes that the cluster has named.
    pub(crate) start: Vec<Endpoint>,
    /// Longest time in which a node must tell which node has which slot.
    pub(crate) limit: Duration,
    /// A cluster that reports itself as failed is not used at the start.
    pub(crate) ready_check: bool,
}
