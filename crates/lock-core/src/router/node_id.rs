//! The names of connections, and the events about them.

use crate::node_address::NodeAddress;
use crate::requests::{Event, LogLevel, Outcome};

/// Names a connection of a [`crate::Router`]: [`FIRST`], or a node of a cluster. A node that is gone never comes back under
/// its number.
pub type NodeId = u32;

/// The only server. In a cluster: the client that looks up the table of slots.
pub const FIRST: NodeId = 0;

/// A line of the log about one node.
pub(super) fn told_of(address: &NodeAddress, level: LogLevel, message: &str) -> Event {
    Event::Log { level, message: format!("Redis Cluster, node {address}: {message}") }
}

/// A call ended.
pub(super) fn done(caller: u64, outcome: Outcome) -> Event {
    Event::Done { caller, outcome }
}
