//! The answers of a node that does not have a slot, and the next node of the call.

use super::cluster::{Cluster, Node};
use super::node_id::NodeId;
use crate::client::{Client, Redirect, Redirected};
use crate::error::{Code, Error};
use crate::node_address::NodeAddress;
use crate::present::Present;
use crate::time::Instant;
use std::time::Duration;

impl Cluster {
    /// A node redirected a command.
    pub(super) fn follow(&mut self, first: &mut Client, now: Instant, id: NodeId, redirected: &Redirected) {
        let Redirected { call, redirect, text } = redirected;
        let call = *call;
        let Some(node) = self.nodes.get_mut(&id).present() else { return };
        if node.client.is_lost_way(call) {
            let message = format!("Too many Cluster redirections. Last error: {text}");
            let error = Error::new(Code::Refused, message).with_cause(Some(text.clone()));
            return node.client.fail_redirected(now, call, error);
        }
        // Two nodes that each name the other must not be asked without a pause.
        let least =
            if node.client.is_sent_in_circles(call) { self.rules.try_again_pause } else { Duration::ZERO };
        let near = node.address.clone();
        let parse = |text: &str| {
            let found = NodeAddress::parse(text, &near)?;
            Some(self.rules.addresses.get(&found.to_string()).cloned().unwrap_or(found))
        };
        match redirect {
            Redirect::Moved(slot, address) => {
                let Some(address) = parse(address) else {
                    // The answer does not help. The table of slots is better.
                    return self.wait_for_table(now, id, redirected);
                };
                let to = self.node_at(&address);
                let place = self.slots.get_mut(usize::from(*slot));
                let is_news = place.is_some_and(|place| std::mem::replace(place, to) != to);
                self.moved |= is_news;
                self.connect_new();
                self.look_up_in(now, Duration::ZERO);
                let pause = self.rules.moved_pause.max(least);
                let Some(from) = self.client(id).present() else { return };
                // Only the first such answer moves the other calls. A node that gives a slot away answers very many calls in this way.
                let others = if is_news { from.extract_slots(|other| other == *slot) } else { Vec::new() };
                let first = from.extract(call);
                let Some(client) = self.client(to).present() else { return };
                let calls = first.into_iter().chain(others);
                calls.for_each(|call| client.adopt(now, call, false, pause));
            }
            Redirect::Ask(address) => {
                let to = parse(address).and_then(|address| self.connected_at(&address));
                let Some(to) = to else {
                    // A new node does not take part before it has slots. The key has arrived by then.
                    let pause = self.rules.try_again_pause;
                    self.look_up_in(now, pause);
                    return self.repeat(now, id, pause, redirected);
                };
                let extracted = self.client(id).and_then(|from| from.extract(call));
                if let Some((call, client)) = extracted.zip(self.client(to)) {
                    client.adopt(now, call, true, least);
                }
            }
            Redirect::TryAgain => {
                let pause = self.rules.try_again_pause;
                let slot = self.client(id).and_then(|from| from.slot_of(call));
                let Some(slot) = slot.filter(|slot| self.owner(*slot) != id) else {
                    return self.repeat(now, id, pause, redirected);
                };
                // The call came here by ASK, so it goes back to the slot's owner.
                let extracted = self.client(id).and_then(|from| from.extract(call));
                if let Some(call) = extracted {
                    self.at(first, slot).1.adopt(now, call, false, pause);
                }
            }
            Redirect::Down | Redirect::CrossSlot => self.wait_for_table(now, id, redirected),
        }
    }

    /// Makes the router look up the table of slots, and the call repeat its command after a pause.
    fn wait_for_table(&mut self, now: Instant, id: NodeId, redirected: &Redirected) {
        let pause = self.rules.down_pause;
        self.look_up_in(now, pause);
        self.repeat(now, id, pause, redirected);
    }

    fn repeat(&mut self, now: Instant, id: NodeId, pause: Duration, redirected: &Redirected) {
        if let Some(client) = self.client(id) {
            client.retry_redirected(now, redirected.call, pause);
        }
    }

    fn connected_at(&self, address: &NodeAddress) -> Option<NodeId> {
        let found =
            |(id, node): (&NodeId, &Node)| (node.mode.is_some() && node.address == *address).then_some(*id);
        self.nodes.iter().find_map(found)
    }
}
