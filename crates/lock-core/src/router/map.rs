//! The table of slots: the node of each slot.

use crate::node_address::NodeAddress;

/// Number of hash slots in a Redis Cluster.
pub(super) const SLOTS: usize = 16_384;

/// A range of slots of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRange {
    /// The first.
    pub first: u16,
    /// The last.
    pub last: u16,
    /// Their master.
    pub master: NodeAddress,
}

/// The whole table, for a thread that talks to the nodes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    /// The index of each slot's node. An index beyond the nodes: no node has the slot.
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

    /// Every node that has slots or had some.
    #[must_use]
    pub fn nodes(&self) -> &[NodeAddress] {
        &self.nodes
    }

    /// Gives these slots to a node.
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
