//! Sends each call to its server: the only one, or the right node of a Redis Cluster. Each node has its own client.
//!
//! The methods and their order are those of [`Client`]: one mutation, then drain. With a single server the router only looks at one
//! `Option`.

mod cluster;
mod counted;
mod fragments;
mod map;
mod node_id;
mod nodes;
mod redirects;
mod several;

use crate::client::Client;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::ids::IdSource;
use crate::key::LockKey;
use crate::lease::NewLease;
use crate::node_address::NodeAddress;
use crate::requests::{AcquireRequest, Event, ReleaseAllRequest, ReleaseRequest, TaskKey, Verdict, Waiting};
use crate::time::Instant;
use cluster::Cluster;
pub use map::{Routes, SlotRange};
pub use node_id::{FIRST, NodeId};
use std::sync::Arc;
use std::time::Duration;

/// See the module.
#[derive(Debug)]
pub struct Router {
    /// The only server's client. In a cluster it never connects. Calls without a node wait there, and its connects are lookups of the table
    /// of slots.
    first: Client,
    cluster: Option<Box<Cluster>>,
    config: ClientConfig,
    ids: IdSource,
    /// The client to which the last call went.
    last: NodeId,
}

impl Router {
    /// A router that is not connected yet. `seed` comes from a strong random source and is used once. It is a cluster's if the
    /// configuration has rules for one.
    #[must_use]
    pub fn new(config: ClientConfig, seed: [u8; 24]) -> Self {
        let cluster = Cluster::new(&config, seed);
        let (first, ids) = (Client::new(config.clone(), seed), IdSource::new(seed));
        Self { first, cluster, config, ids, last: FIRST }
    }

    /// Whether there may be several nodes.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.nodes_of().is_some()
    }

    /// Whether the server refuses commands that name keys of several slots.
    #[must_use]
    pub fn keeps_to_slots(&self) -> bool {
        self.first.keeps_to_slots()
    }

    /// The cluster, unless it is one address.
    fn nodes_of(&self) -> Option<&Cluster> {
        self.cluster.as_deref().filter(|cluster| !cluster.one_address)
    }

    /// The client of a connection; `None` when the node is gone.
    pub fn client(&mut self, node: NodeId) -> Option<&mut Client> {
        match &mut self.cluster {
            Some(cluster) if node != FIRST => cluster.client(node),
            _ => Some(&mut self.first),
        }
    }

    /// The client of [`FIRST`].
    pub fn only(&mut self) -> &mut Client {
        &mut self.first
    }

    /// Every connection there is.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeId> {
        self.nodes_of().map_or_else(|| vec![FIRST], Cluster::ids)
    }

    /// Asks for the first connection.
    pub fn connect(&mut self) {
        self.first.connect();
    }

    /// See [`Client::parse_keys`].
    ///
    /// # Errors
    /// As [`Client::parse_keys`].
    pub fn parse_keys(&self, named: &[String]) -> Result<Arc<[LockKey]>, Error> {
        self.first.parse_keys(named)
    }

    /// See [`Client::caller_names`].
    #[must_use]
    pub fn caller_names(&self, keys: &[LockKey]) -> Vec<String> {
        self.first.caller_names(keys)
    }

    /// See [`Client::acquire`].
    ///
    /// # Errors
    /// As [`Client::acquire`].
    pub fn acquire(&mut self, now: Instant, request: AcquireRequest) -> Result<TaskKey, Error> {
        match &mut self.cluster {
            None => self.first.acquire(now, request),
            Some(cluster) => cluster.acquire(&mut self.first, now, request),
        }
    }

    /// See [`Client::release`].
    pub fn release(&mut self, now: Instant, request: ReleaseRequest) {
        match &mut self.cluster {
            None => self.first.release(now, request),
            Some(cluster) => self.last = cluster.release(&mut self.first, now, request),
        }
    }

    /// See [`Client::release_all`].
    ///
    /// # Errors
    /// As [`Client::release_all`].
    pub fn release_all(&mut self, now: Instant, request: ReleaseAllRequest) -> Result<TaskKey, Error> {
        match &mut self.cluster {
            None => self.first.release_all(now, request),
            Some(cluster) => cluster.release_all(&mut self.first, now, request),
        }
    }

    /// See [`Client::cancel`].
    pub fn cancel(&mut self, now: Instant, index: TaskKey, caller: u64) {
        match &mut self.cluster {
            None => drop(self.first.cancel(now, index, caller)),
            Some(cluster) => cluster.cancel(&mut self.first, now, index, caller),
        }
    }

    /// The connection whose bytes should leave now, before those of the whole turn. Says so once.
    pub fn take_urgent(&mut self) -> Option<NodeId> {
        let node = self.last;
        self.client(node).is_some_and(Client::take_urgent).then_some(node)
    }

    /// See [`Client::reconnect_in`].
    pub fn reconnect_in(&mut self, now: Instant, pause: Option<Duration>) {
        self.first.reconnect_in(now, pause);
        if let Some(cluster) = &mut self.cluster
            && self.first.lookups_to_come().is_none()
        {
            cluster.end_lookup(&mut self.first, now, false);
        }
    }

    /// See [`Client::judge`].
    pub fn judge(&mut self, now: Instant, question: u64, verdict: Verdict) {
        // Clients number questions by their calls, and no two clients use the same numbers.
        self.each(|client| client.judge(now, question, verdict));
    }

    /// See [`Client::close`].
    pub fn close(&mut self, now: Instant) {
        self.each(|client| client.close(now));
        if let Some(cluster) = &mut self.cluster {
            cluster.closed = true;
        }
    }

    /// See [`Client::fail_all`].
    pub fn fail_all(&mut self, error: &Error) {
        self.first.fail_all(error);
        if let Some(cluster) = &mut self.cluster {
            cluster.fail_all(error);
        }
    }

    /// See [`Client::shorten_for_exit`].
    pub fn shorten_for_exit(&mut self, now: Instant, held: Vec<NewLease>) -> bool {
        match &mut self.cluster {
            None => self.first.shorten_for_exit(now, held),
            Some(cluster) => cluster.shorten_for_exit(&mut self.first, now, &held),
        }
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.first.is_idle() && self.cluster.as_ref().is_none_or(|cluster| cluster.is_idle())
    }

    /// See [`Client::has_callers`].
    #[must_use]
    pub fn has_callers(&self) -> bool {
        self.first.has_callers() || self.cluster.as_ref().is_some_and(|cluster| cluster.has_callers())
    }

    /// See [`Client::has_events`].
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.first.has_events() || self.cluster.as_ref().is_some_and(|cluster| cluster.has_events())
    }

    /// Whether a reply is still expected on any connection.
    #[must_use]
    pub fn expects_replies(&self) -> bool {
        self.first.expects_reply() || self.cluster.as_ref().is_some_and(|cluster| cluster.expects_replies())
    }

    /// See [`Client::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let more = self.cluster.as_ref().and_then(|cluster| cluster.poll_timeout());
        self.first.poll_timeout().into_iter().chain(more).min()
    }

    /// See [`Client::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.first.handle_timeout(now);
        if let Some(cluster) = &mut self.cluster {
            cluster.handle_timeout(&mut self.first, now);
        }
    }

    /// The next event, and its node. [`Event::Connect`] of [`FIRST`] in a cluster means: look up the table of slots, and report by
    /// [`Self::handle_map`].
    pub fn poll_event(&mut self, now: Instant) -> Option<(NodeId, Event)> {
        match &mut self.cluster {
            Some(cluster) if !cluster.one_address => cluster.poll_event(&mut self.first, now),
            _ => self.poll_one_address(now),
        }
    }

    fn poll_one_address(&mut self, now: Instant) -> Option<(NodeId, Event)> {
        loop {
            if self.cluster.is_none() {
                if !self.first.keeps_to_slots() {
                    return self.first.poll_event().map(|event| (FIRST, event));
                }
                self.cluster = Some(Cluster::at_one_address(&self.config, self.ids.child(1)));
            }
            let cluster = self.cluster.as_mut()?;
            if let Some(event) = cluster.events.pop_front() {
                return Some(event);
            }
            for refused in self.first.take_redirected() {
                if let Some(call) = self.first.extract(refused.call) {
                    cluster.split(&mut self.first, now, call);
                }
            }
            match self.first.poll_event()? {
                Event::Done { caller, outcome } => cluster.ended(&mut self.first, now, caller, outcome),
                other => return Some((FIRST, other)),
            }
        }
    }

    /// The lookup of the table of slots has ended. The error is a line for people.
    pub fn handle_map(&mut self, now: Instant, outcome: Result<Vec<SlotRange>, String>) {
        if let Some(cluster) = &mut self.cluster {
            match outcome {
                Ok(ranges) => cluster.handle_map(&mut self.first, now, &ranges),
                Err(reason) => {
                    self.first.handle_disconnected(now, &reason);
                    cluster.end_lookup(&mut self.first, now, false);
                }
            }
        }
    }

    /// See [`Client::handle_moved`].
    pub fn handle_moved(&mut self, now: Instant, reason: &str) {
        self.first.handle_moved(now, reason);
    }

    /// The nodes to ask for the table of slots, the connected ones first.
    #[must_use]
    pub fn known(&self) -> Vec<NodeAddress> {
        self.nodes_of().map(Cluster::known).unwrap_or_default()
    }

    /// The address of a node. `None` for [`FIRST`] and for removed nodes.
    #[must_use]
    pub fn address(&self, node: NodeId) -> Option<&NodeAddress> {
        self.cluster.as_ref()?.address(node)
    }

    /// The table of slots, if it has changed since the last call.
    pub fn take_routes(&mut self) -> Option<Routes> {
        self.cluster.as_mut()?.take_routes()
    }

    /// See [`Client::check`].
    ///
    /// # Errors
    /// What differs, and where.
    pub fn check(&self) -> Result<(), String> {
        self.first.check()?;
        self.cluster.as_ref().map_or(Ok(()), |cluster| cluster.check())
    }

    /// Whether a call is about this key.
    pub(crate) fn is_busy_with(&self, key: &LockKey) -> bool {
        self.first.is_busy_with(key) || self.cluster.as_ref().is_some_and(|cluster| cluster.is_busy_with(key))
    }

    /// Every call that waits for a key.
    pub fn waiting(&mut self) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        self.each(|client| waiting.extend(client.waiting()));
        waiting
    }

    fn each(&mut self, mut body: impl FnMut(&mut Client)) {
        body(&mut self.first);
        if let Some(cluster) = &mut self.cluster {
            cluster.each(body);
        }
    }
}
