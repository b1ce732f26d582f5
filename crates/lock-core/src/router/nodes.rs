//! The nodes of a cluster: who they are, which slots they have, and how calls find them and follow a slot that moves.

use super::map::{NodeAddress, Routes, SLOTS, SlotRange};
use super::several::Calls;
use super::{FIRST, NodeId, told_of};
use crate::calls::Call;
use crate::client::Client;
use crate::config::{ClientConfig, ClusterRules, PauseRule};
use crate::ids::IdSource;
use crate::requests::{Event, Outcome};
use crate::rung::Rung;
use crate::time::Instant;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Shortest time between two lookups of the table of slots, and the pause while a node of the table cannot be reached.
const LOOKUP_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(200));

#[derive(Debug)]
pub(super) struct Node {
    pub(super) client: Client,
    pub(super) address: NodeAddress,
    /// How locks are waited for there, and why not better; `None`: not connected.
    pub(super) rung: Option<(Rung, Option<String>)>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) rules: ClusterRules,
    config: ClientConfig,
    pub(super) ids: IdSource,
    /// By number, from 1; numbers are used once.
    pub(super) nodes: BTreeMap<NodeId, Node>,
    numbered: NodeId,
    /// The node of each slot; [`FIRST`]: none.
    pub(super) slots: Vec<NodeId>,
    pub(super) calls: Calls,
    pub(super) events: VecDeque<(NodeId, Event)>,
    /// When the table of slots is looked up next.
    lookup_at: Option<Instant>,
    looked_up_at: Instant,
    /// It was told that all nodes are connected.
    is_ready: bool,
    password_unwanted: bool,
    pub(super) moved: bool,
    /// No more calls are taken.
    pub(super) closed: bool,
    /// There are no nodes but the first client, at an address that keeps the rules of a cluster.
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
        // A node that is away may be back, or be replaced, at any time; whether to go on at all is asked at lookups.
        config.perseverance.pause = PauseRule::Growing;
        Box::new(Self {
            rules,
            config,
            ids,
            nodes: BTreeMap::new(),
            // The first client's names are the seed's own, those of calls over several slots the next one's.
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

    /// The slot's client and its number.
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
        nodes.sort_by_key(|node| node.rung.is_none());
        nodes.into_iter().map(|node| node.address.clone()).collect()
    }

    pub(super) fn each(&mut self, body: impl FnMut(&mut Client)) {
        self.nodes.values_mut().map(|node| &mut node.client).for_each(body);
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let mut nodes = self.nodes.iter();
        nodes.try_for_each(|(id, node)| node.client.check().map_err(|wrong| format!("node {id}: {wrong}")))
    }

    pub(super) fn has_callers(&self) -> bool {
        self.nodes.values().any(|node| node.client.has_callers())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.nodes.values().all(|node| node.client.is_idle())
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

    pub(super) fn handle_timeout(&mut self, first: &mut Client, now: Instant) {
        self.each(|client| client.handle_timeout(now));
        if self.lookup_at.is_some_and(|at| at <= now) {
            self.lookup_at = None;
            first.look_up();
        }
        self.keep_parts(first, now);
    }

    pub(super) fn poll_event(&mut self, first: &mut Client, now: Instant) -> Option<(NodeId, Event)> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let mut quiet = true;
            while let Some(event) = first.poll_event() {
                quiet = false;
                self.take_event(first, now, FIRST, event);
            }
            for id in self.ids() {
                // Before what ended: a `releaseAll` that goes on has to know of the node that got a slot.
                for redirected in self.client(id).map(Client::take_redirected).unwrap_or_default() {
                    quiet = false;
                    self.follow(first, now, id, &redirected);
                }
                while let Some(event) = self.client(id).and_then(Client::poll_event) {
                    quiet = false;
                    self.take_event(first, now, id, event);
                }
            }
            if quiet {
                return None;
            }
        }
    }

    fn take_event(&mut self, first: &mut Client, now: Instant, id: NodeId, event: Event) {
        match event {
            Event::Done { caller, outcome } => self.ended(first, now, caller, outcome),
            Event::Ready { rung, why, password_unwanted } => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.rung = Some((rung, why));
                }
                self.password_unwanted |= password_unwanted;
                self.tell_ready();
            }
            Event::Down { reason } => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.rung = None;
                    self.look_up_in(now, LOOKUP_PAUSE.0);
                }
                self.is_ready = false;
                self.events.push_back((id, Event::Down { reason }));
            }
            Event::Log { level, message } => {
                let event = match self.address(id) {
                    Some(address) => told_of(address, level, &message),
                    None => Event::Log { level, message },
                };
                self.events.push_back((id, event));
            }
            other => self.events.push_back((id, other)),
        }
    }

    /// Tells once that every node is connected, and of the worst of their rungs.
    fn tell_ready(&mut self) {
        if self.is_ready || self.nodes.values().any(|node| node.rung.is_none()) {
            return;
        }
        let rank = |rung: Rung| match rung {
            Rung::Plain => 0,
            Rung::Polling => 1,
            Rung::HandOff => 2,
        };
        let rungs = self.nodes.values().filter_map(|node| node.rung.clone());
        if let Some((rung, why)) = rungs.min_by_key(|(rung, _)| rank(*rung)) {
            self.is_ready = true;
            let password_unwanted = self.password_unwanted;
            self.events.push_back((FIRST, Event::Ready { rung, why, password_unwanted }));
        }
    }

    /// Has the table of slots looked up, soon.
    pub(super) fn look_up_in(&mut self, now: Instant, pause: Duration) {
        let at = (now + pause).max(self.looked_up_at + LOOKUP_PAUSE.0);
        self.lookup_at = Some(self.lookup_at.map_or(at, |before| before.min(at)));
    }

    pub(super) fn handle_map(&mut self, first: &mut Client, now: Instant, ranges: &[SlotRange]) {
        self.looked_up_at = now;
        first.looked_up();
        let mut slots = vec![FIRST; SLOTS];
        for range in ranges {
            let id = self.node_at(&range.master);
            if let Some(part) = slots.get_mut(usize::from(range.first)..=usize::from(range.last)) {
                part.fill(id);
            }
        }
        if slots != self.slots {
            self.slots = slots;
            self.moved = true;
        }
        // Even if nothing is new: what MOVED told is in the table already, and may have left a node without slots.
        self.let_go(first, now);
        self.connect_new();
        let waits =
            first.extract_slots(|slot| self.slots.get(usize::from(slot)).is_some_and(|id| *id != FIRST));
        waits.into_iter().for_each(|task| self.place(first, now, task));
        first.count_unplaced(now, &self.rules);
        if !self.nodes.is_empty() {
            for (request, _) in first.take_release_alls() {
                let caller = request.caller;
                if let Err(error) = self.release_all(first, now, request) {
                    self.ended(first, now, caller, Outcome::Failed(error));
                }
            }
        }
        let is_whole = self.nodes.values().all(|node| node.rung.is_some()) && !self.slots.contains(&FIRST);
        if is_whole {
            self.tell_ready();
        }
        if !is_whole {
            self.look_up_in(now, LOOKUP_PAUSE.1);
        } else if let Some(pause) = self.rules.refresh_every {
            self.look_up_in(now, pause);
        }
        if self.slots.contains(&FIRST) && self.is_ready {
            self.is_ready = false;
        }
    }

    /// Moves calls from nodes that do not have their slots any more, and forgets nodes that have none.
    fn let_go(&mut self, first: &mut Client, now: Instant) {
        for id in self.ids() {
            let slots = &self.slots;
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            let gone = !slots.contains(&id);
            if gone {
                // What is still under way there would be sent elsewhere anyway, if the node lives.
                node.client.retire(now);
            }
            let moved = node.client.extract_slots(|slot| slots.get(usize::from(slot)) != Some(&id));
            moved.into_iter().for_each(|task| self.place(first, now, task));
            if gone && let Some(mut node) = self.nodes.remove(&id) {
                for sent in node.client.take_redirected() {
                    let task = node.client.extract(sent.call);
                    task.into_iter().for_each(|task| self.place(first, now, task));
                }
                while let Some(event) = node.client.poll_event() {
                    match event {
                        Event::Done { caller, outcome } => self.ended(first, now, caller, outcome),
                        // What is told of a job is told of a node that is no more, too.
                        event @ (Event::Claimed { .. }
                        | Event::ClaimLost { .. }
                        | Event::TakenAway { .. }) => {
                            self.events.push_back((id, event));
                        }
                        _ => {}
                    }
                }
                self.free_elsewhere(first, now, node.client.take_release_alls());
                self.events.push_back((id, Event::Disconnect));
            }
        }
    }

    /// Gives a task to the client of its slot.
    fn place(&mut self, first: &mut Client, now: Instant, call: Call) {
        let Some(slot) = call.slot() else { return };
        self.at(first, slot).1.adopt(now, call, false, Duration::ZERO);
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

    /// The node at an address, made if it is not known.
    pub(super) fn node_at(&mut self, address: &NodeAddress) -> NodeId {
        if let Some((id, _)) = self.nodes.iter().find(|(_, node)| node.address == *address) {
            return *id;
        }
        self.numbered += 1;
        let id = self.numbered;
        let mut client = Client::with(self.config.clone(), self.ids.child(id), u64::from(id) << 32);
        if self.closed {
            // It has no calls yet, so the time does not matter.
            client.close(self.looked_up_at);
        }
        self.nodes.insert(id, Node { client, address: address.clone(), rung: None });
        self.is_ready = false;
        id
    }

    pub(super) fn take_routes(&mut self) -> Option<Routes> {
        if !std::mem::take(&mut self.moved) {
            return None;
        }
        let mut routes = Routes::new([]);
        for (id, node) in &self.nodes {
            let slots =
                self.slots.iter().zip(0_u16..).filter(|(owner, _)| *owner == id).map(|(_, slot)| slot);
            routes.set(slots, &node.address);
        }
        Some(routes)
    }
}
