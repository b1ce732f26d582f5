//! The table of slots: which node has which.

use crate::node_address::NodeAddress;

/// Number of hash slots in a Redis Cluster.
pub(super) const SLOTS: usize = 16_384;

/// Slots that one node has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
    /// Their master.
    pub master: NodeAddress,
}

/// The whole table, for whoever talks to the nodes by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// By slot, the index of its node; beyond the nodes: it has none.
    slots: Vec<u16>,
    nodes: Vec<NodeAddress>,
}

impl Routes {
    /// The table of these ranges.
    #[must_use]
    pub fn new<'a>(ranges: impl IntoIterator<Item = &'a SlotRange>) -> Self {
        let mut routes = Self { slots: vec![u16::MAX; SLOTS], nodes: Vec::new() };
        for range in ranges {
            routes.set(range.first..=range.last, &range.master);
        }
        routes
    }

    /// The slot's node.
    #[must_use]
    pub fn of(&self, slot: u16) -> Option<&NodeAddress> {
        self.nodes.get(usize::from(*self.slots.get(usize::from(slot))?))
    }

    /// Every node that has slots, or had.
    #[must_use]
    pub fn nodes(&self) -> &[NodeAddress] {
        &self.nodes
    }

    /// The slots are this node's.
    pub fn set(&mut self, slots: impl IntoIterator<Item = u16>, node: &NodeAddress) {
        let at = self.nodes.iter().position(|known| known == node).unwrap_or_else(|| {
            self.nodes.push(node.clone());
            self.nodes.len() - 1
        });
        let at = u16::try_from(at).unwrap_or(u16::MAX);
        for slot in slots {
            if let Some(place) = self.slots.get_mut(usize::from(slot)) {
                *place = at;
            }
        }
    }
}
