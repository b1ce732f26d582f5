//! The nodes of a cluster and their slots: how calls find their node, and how they follow a slot that moves.

use super::cluster::{Cluster, LOOKUP_PAUSE};
use super::map::{Routes, SLOTS, SlotRange};
use super::node_id::{FIRST, NodeId, told_of};
use crate::calls::Call;
use crate::client::Client;
use crate::mode::Mode;
use crate::present::Present;
use crate::requests::{Event, LogLevel, Outcome};
use crate::time::Instant;
use std::time::Duration;

impl Cluster {
    pub(super) fn handle_timeout(&mut self, first: &mut Client, now: Instant) {
        self.each(|client| client.handle_timeout(now));
        if self.lookup_at.is_some_and(|at| at <= now) {
            self.lookup_at = None;
            first.look_up();
        }
        self.keep_fragments(first, now);
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
                // Redirects come first, because a `releaseAll` that goes on must know the node that got a slot.
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
            Event::Ready { mode, why, password_unwanted } => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.mode = Some((mode, why));
                }
                self.password_unwanted |= password_unwanted;
                self.tell_ready();
            }
            Event::Down { reason } => {
                if let Some(node) = self.nodes.get_mut(&id) {
                    node.mode = None;
                    self.look_up_in(now, LOOKUP_PAUSE.0);
                }
                self.is_ready = false;
                self.events.push_back((id, Event::Down { reason }));
            }
            // The other nodes may never have been away.
            Event::Recovered { .. } => {
                let event =
                    Event::Log { level: LogLevel::Info, message: "Connected to Redis again.".to_owned() };
                self.take_event(first, now, id, event);
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

    /// Tells once that every node is connected, with the worst of their modes.
    fn tell_ready(&mut self) {
        if self.is_ready || self.nodes.values().any(|node| node.mode.is_none()) {
            return;
        }
        let rank = |mode: Mode| match mode {
            Mode::Plain => 0,
            Mode::Polling => 1,
            Mode::HandOff => 2,
        };
        let modes = self.nodes.values().filter_map(|node| node.mode.clone());
        if let Some((mode, why)) = modes.min_by_key(|(mode, _)| rank(*mode)) {
            self.is_ready = true;
            let password_unwanted = self.password_unwanted;
            self.events.push_back((FIRST, Event::Ready { mode, why, password_unwanted }));
        }
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
        // MOVED may have changed the table already and left a node without slots, so this also runs if the lookup brings nothing new.
        self.let_go(first, now);
        self.connect_new();
        let waits =
            first.extract_slots(|slot| self.slots.get(usize::from(slot)).is_some_and(|id| *id != FIRST));
        waits.into_iter().for_each(|task| self.place(first, now, task));
        first.count_unplaced(now);
        self.end_lookup(first, now, true);
        if !self.nodes.is_empty() {
            for (request, _) in first.take_release_alls() {
                let caller = request.caller;
                if let Err(error) = self.release_all(first, now, request) {
                    self.ended(first, now, caller, Outcome::Failed(error));
                }
            }
        }
        let is_whole = self.nodes.values().all(|node| node.mode.is_some()) && !self.slots.contains(&FIRST);
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

    /// Moves calls away from nodes that have lost their slots, and removes nodes without slots.
    fn let_go(&mut self, first: &mut Client, now: Instant) {
        for id in self.ids() {
            let slots = &self.slots;
            let Some(node) = self.nodes.get_mut(&id) else { continue };
            let gone = !slots.contains(&id);
            if gone {
                // If the node lives, it would redirect the commands that are under way.
                node.client.retire(now);
            }
            let moved = node.client.extract_slots(|slot| slots.get(usize::from(slot)) != Some(&id));
            moved.into_iter().for_each(|task| self.place(first, now, task));
            if gone && let Some(mut node) = self.nodes.remove(&id) {
                self.remember(&node);
                for sent in node.client.take_redirected() {
                    let task = node.client.extract(sent.call);
                    task.into_iter().for_each(|task| self.place(first, now, task));
                }
                while let Some(event) = node.client.poll_event() {
                    match event {
                        Event::Done { caller, outcome } => self.ended(first, now, caller, outcome),
                        // The events about a job also count if its node is removed.
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

    /// Gives a call to the client of its slot.
    fn place(&mut self, first: &mut Client, now: Instant, call: Call) {
        let Some(slot) = call.slot().present() else { return };
        self.at(first, slot).1.adopt(now, call, false, Duration::ZERO);
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
