//! The options about a cluster, as the provider hands them over.

use super::values::millis;
use crate::lane::Discovery;
use crate::net::Endpoint;
use lock_core::{ClusterRules, NodeAddress};
use napi_derive::napi;
use std::collections::HashMap;

/// An address.
#[napi(object, object_to_js = false)]
pub struct NativeNode {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// How a cluster is found and followed.
#[napi(object, object_to_js = false)]
pub struct NativeCluster {
    /// The nodes that are asked first.
    pub nodes: Vec<NativeNode>,
    /// Longest time in which a node must tell which node has which slot.
    pub lookup_timeout_ms: f64,
    /// The time between two regular look-ups of the slots; none: the client asks only when it has a reason.
    pub refresh_every_ms: Option<f64>,
    /// Redirections in a row after which a call without a time limit fails.
    pub most_redirections: u32,
    /// Pause before a command is sent again because its slot has moved.
    pub moved_pause_ms: f64,
    /// Pause before a command is sent again because its slot is being moved.
    pub try_again_pause_ms: f64,
    /// Pause before a command is sent again because the cluster lacks nodes.
    pub down_pause_ms: f64,
    /// Other addresses for those that nodes name, by "host:port".
    pub addresses: HashMap<String, NativeNode>,
}

impl NativeCluster {
    pub(super) fn into_settings(self, ready_check: bool) -> (ClusterRules, Discovery) {
        let address = |(named, NativeNode { host, port }): (String, NativeNode)| {
            (named, NodeAddress { host: host.into(), port })
        };
        let rules = ClusterRules {
            most_redirections: self.most_redirections,
            moved_pause: millis(self.moved_pause_ms),
            try_again_pause: millis(self.try_again_pause_ms),
            down_pause: millis(self.down_pause_ms),
            refresh_every: self.refresh_every_ms.map(millis),
            addresses: self.addresses.into_iter().map(address).collect(),
        };
        let endpoint = |NativeNode { host, port }| Endpoint::Tcp { host, port };
        let discovery = Discovery {
            start: self.nodes.into_iter().map(endpoint).collect(),
            limit: millis(self.lookup_timeout_ms),
            ready_check,
        };
        (rules, discovery)
    }
}
