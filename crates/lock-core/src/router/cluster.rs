//! The state of a cluster: its nodes, each with its own client, and the slots of each node.

use super::fragments::Calls;
use super::map::SLOTS;
use super::node_id::{FIRST, NodeId};
use crate::client::{Client, LastConnection};
use crate::config::{ClientConfig, ClusterRules, PauseRule};
use crate::ids::IdSource;
use crate::key::LockKey;
use crate::mode::Mode;
use crate::node_address::NodeAddress;
use crate::requests::Event;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The last connections of this many removed nodes are kept.
const MOST_LEFT: usize = 64;
/// Shortest time between two lookups of the table of slots, and the pause while a node of the table cannot be reached.
pub(super) const LOOKUP_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(200));

#[derive(Debug)]
pub(super) struct Node {
    pub(super) client: Client,
    pub(super) address: NodeAddress,
    /// How calls wait for locks there, and the reason if it is not the best mode. `None`: not connected.
    pub(super) mode: Option<(Mode, Option<String>)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) rules: ClusterRules,
    pub(super) config: ClientConfig,
    pub(super) ids: IdSource,
    /// The nodes by number, from 1. A number is used once.
    pub(super) nodes: BTreeMap<NodeId, Node>,
    /// The last connections to removed nodes, the oldest first. When a node gets slots again, it must not execute a command that is still
    /// under way on such a connection.
    pub(super) left: VecDeque<(NodeAddress, LastConnection)>,
    pub(super) numbered: NodeId,
    /// The node of each slot; [`FIRST`]: none.
    pub(super) slots: Vec<NodeId>,
    pub(super) calls: Calls,
    pub(super) events: VecDeque<(NodeId, Event)>,
    /// When to look up the table of slots next.
    pub(super) lookup_at: Option<Instant>,
    pub(super) looked_up_at: Instant,
    /// The router told that all nodes are connected.
    pub(super) is_ready: bool,
    pub(super) password_unwanted: bool,
    pub(super) moved: bool,
    /// The router takes no more calls.
    pub(super) closed: bool,
    /// There are no nodes except the first client, whose address hides a cluster.
    pub(super) one_address: bool,
}

impl Cluster {
    pub(super) fn new(config: &ClientConfig, seed: [u8; 24]) -> Option<Box<Self>> {
        let rules = config.cluster.clone()?;
        Some(Self::with(config, rules, IdSource::new(seed).child(1), false))
    }

    /// For a server behind one address that refuses commands over several slots.
    pub(super) fn at_one_address(config: &ClientConfig, ids: IdSource) -> Box<Self> {
        Self::with(config, ClusterRules::default(), ids, true)
    }

    fn with(config: &ClientConfig, rules: ClusterRules, ids: IdSource, one_address: bool) -> Box<Self> {
        let mut config = config.clone();
        // A node that is away may come back or be replaced at any time. The user's function is asked at lookups whether to go on.
        config.retry.pause = PauseRule::Growing;
        Box::new(Self {
            rules,
            config,
            ids,
            nodes: BTreeMap::new(),
            left: VecDeque::new(),
            // The first client's names come from the seed itself, and those of calls over several slots from the next one.
            numbered: 1,
            slots: vec![FIRST; SLOTS],
            calls: Calls::default(),
            events: VecDeque::new(),
            lookup_at: None,
            looked_up_at: Instant::from_nanos(0),
            is_ready: false,
            password_unwanted: false,
            moved: false,
            closed: false,
            one_address,
        })
    }

    pub(super) fn client(&mut self, node: NodeId) -> Option<&mut Client> {
        self.nodes.get_mut(&node).map(|node| &mut node.client)
    }

    /// The client of the slot's node, and the node's number.
    pub(super) fn at<'a>(&'a mut self, first: &'a mut Client, slot: u16) -> (NodeId, &'a mut Client) {
        let id = self.owner(slot);
        match self.nodes.get_mut(&id) {
            Some(node) => (id, &mut node.client),
            None => (FIRST, first),
        }
    }

    /// The node of a slot; [`FIRST`]: none.
    pub(super) fn owner(&self, slot: u16) -> NodeId {
        self.slots.get(usize::from(slot)).copied().unwrap_or(FIRST)
    }

    pub(super) fn ids(&self) -> Vec<NodeId> {
        self.nodes.keys().copied().collect()
    }

    pub(super) fn address(&self, node: NodeId) -> Option<&NodeAddress> {
        self.nodes.get(&node).map(|node| &node.address)
    }

    pub(super) fn known(&self) -> Vec<NodeAddress> {
        let mut nodes: Vec<&Node> = self.nodes.values().collect();
        nodes.sort_by_key(|node| node.mode.is_none());
        nodes.into_iter().map(|node| node.address.clone()).collect()
    }

    pub(super) fn each(&mut self, body: impl FnMut(&mut Client)) {
        self.nodes.values_mut().map(|node| &mut node.client).for_each(body);
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let mut nodes = self.nodes.iter();
        nodes.try_for_each(|(id, node)| node.client.check().map_err(|wrong| format!("node {id}: {wrong}")))
    }

    pub(super) fn is_busy_with(&self, key: &LockKey) -> bool {
        self.calls.several.values().any(|several| several.shares.iter().any(|share| share.keys.contains(key)))
            || self.nodes.values().any(|node| node.client.is_busy_with(key))
    }

    pub(super) fn has_callers(&self) -> bool {
        self.calls.awaits_table() || self.nodes.values().any(|node| node.client.has_callers())
    }

    pub(super) fn is_idle(&self) -> bool {
        !self.calls.awaits_table() && self.nodes.values().all(|node| node.client.is_idle())
    }

    pub(super) fn expects_replies(&self) -> bool {
        self.nodes.values().any(|node| node.client.expects_reply())
    }

    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty() || self.nodes.values().any(|node| node.client.has_events())
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let nodes = self.nodes.values().filter_map(|node| node.client.poll_timeout());
        nodes.chain(self.lookup_at).chain(self.calls.poll_timeout()).min()
    }

    /// Makes the router look up the table of slots after this pause.
    pub(super) fn look_up_in(&mut self, now: Instant, pause: Duration) {
        let at = (now + pause).max(self.looked_up_at + LOOKUP_PAUSE.0);
        self.lookup_at = Some(self.lookup_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn connect_new(&mut self) {
        for (id, node) in &mut self.nodes {
            let slot =
                self.slots.iter().position(|owner| owner == id).and_then(|slot| u16::try_from(slot).ok());
            if let Some(slot) = slot {
                node.client.set_slot(slot);
                node.client.connect();
            }
        }
    }

    /// The node at an address. It is made if it is not known.
    pub(super) fn node_at(&mut self, address: &NodeAddress) -> NodeId {
        if let Some((id, _)) = self.nodes.iter().find(|(_, node)| node.address == *address) {
            return *id;
        }
        self.numbered += 1;
        let id = self.numbered;
        let mut client = Client::with(self.config.clone(), self.ids.child(id), u64::from(id) << 32);
        let last = self.left.iter().position(|(left, _)| left == address);
        if let Some((_, last)) = last.and_then(|at| self.left.remove(at)) {
            client.succeed(last);
        }
        if self.closed {
            // The client has no calls yet, so the time does not matter.
            client.close(self.looked_up_at);
        }
        self.nodes.insert(id, Node { client, address: address.clone(), mode: None });
        self.is_ready = false;
        id
    }

    /// Keeps the last connection of a removed node.
    pub(super) fn remember(&mut self, node: &Node) {
        if let Some(last) = node.client.last_connection() {
            if self.left.len() >= MOST_LEFT {
                self.left.pop_front();
            }
            self.left.push_back((node.address.clone(), last));
        }
    }
}
