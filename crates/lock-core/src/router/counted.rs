//! Calls that go to several nodes at the same time: releases of keys of several slots, `releaseAll`, the step at exit.

use super::cluster::Cluster;
use super::fragments::{Counted, by_slot};
use super::node_id::{FIRST, NodeId};
use crate::client::Client;
use crate::error::{Code, Error};
use crate::key::LockKey;
use crate::lease::NewLease;
use crate::requests::{Event, Outcome, ReleaseAllRequest, ReleaseRequest, TaskKey};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// How often `releaseAll` asks the nodes again because slots moved meanwhile.
const MOST_ROUNDS: u32 = 8;

/// The error of a `releaseAll` that may have left out a node.
pub(super) fn no_table() -> Error {
    Error::new(
        Code::Unreachable,
        "The table of slots of the Redis Cluster could not be looked up, so a node may have been left out; locks may be left. Call releaseAll again.",
    )
}

impl Cluster {
    /// Sends a release. Returns the node whose bytes may be urgent because of it.
    pub(super) fn release(&mut self, first: &mut Client, now: Instant, request: ReleaseRequest) -> NodeId {
        let groups = by_slot(&request.keys);
        if let [_] | [] = groups.as_slice() {
            let slot = request.keys.first().map_or(0, LockKey::slot);
            // The claim may be under way at the node that had the slot before.
            let elsewhere = request.claim.filter(|claim| !self.at(first, slot).1.knows_claim(*claim));
            let grant = elsewhere.and_then(|claim| self.supersede(claim));
            let (id, client) = self.at(first, slot);
            client.release_of(now, request, grant);
            return id;
        }
        let call = self.calls.count(Counted::new(request.caller, groups.len()));
        for keys in groups {
            let slot = keys.first().map_or(0, LockKey::slot);
            let caller = self.calls.fragment_of_count(call);
            self.at(first, slot).1.release(now, ReleaseRequest { caller, keys, ..request.clone() });
        }
        FIRST
    }

    pub(super) fn release_all(
        &mut self,
        first: &mut Client,
        now: Instant,
        request: ReleaseAllRequest,
    ) -> Result<TaskKey, Error> {
        let ids = self.ids();
        if ids.is_empty() {
            // The first client checks the request and also keeps it until the table of slots is known.
            return first.release_all(now, request);
        }
        let call = self.calls.count(Counted::new(request.caller, 0));
        match self.free(first, now, call, request, 0) {
            Ok(()) => Ok(0),
            Err(error) => {
                self.calls.uncount(call);
                Err(error)
            }
        }
    }

    fn free(
        &mut self,
        first: &mut Client,
        now: Instant,
        call: u64,
        request: ReleaseAllRequest,
        round: u32,
    ) -> Result<(), Error> {
        let mut sent = 0;
        let asked = self.ids();
        for id in asked.iter().copied() {
            let caller = self.calls.fragment_of_count(call);
            let Some(client) = self.client(id) else { continue };
            client.release_all(now, ReleaseAllRequest { caller, ..request.clone() })?;
            sent += 1;
        }
        if sent == 0 {
            // All nodes are gone, so the call waits for new ones.
            let caller = self.calls.fragment_of_count(call);
            first.release_all(now, ReleaseAllRequest { caller, ..request.clone() })?;
            sent = 1;
        } else if let Some(lookups) = first.lookups_to_come() {
            // There may be nodes to which no command has led yet.
            self.calls.await_table(call, lookups);
            self.look_up_in(now, Duration::ZERO);
            sent += 1;
        }
        let fails = sent > 0 && first.lookups_to_come().is_none();
        if let Some(counted) = self.calls.counted(call) {
            counted.failed = fails.then(no_table);
            counted.left = sent;
            counted.moved = false;
            counted.asked = asked;
            counted.again = Some((request, round));
        }
        Ok(())
    }

    /// Fails every call that a caller waits for, also those that no client has.
    pub(super) fn fail_all(&mut self, error: &Error) {
        self.each(|client| client.fail_all(error));
        for caller in self.calls.give_up_tables() {
            self.events.push_back((FIRST, Event::Done { caller, outcome: Outcome::Failed(error.clone()) }));
        }
    }

    /// A fragment of a counted call ended. If it was the last, returns the caller and the outcome.
    pub(super) fn fragment_counted(
        &mut self,
        first: &mut Client,
        now: Instant,
        call: u64,
        outcome: Outcome,
    ) -> Option<(u64, Outcome)> {
        let counted = self.calls.counted(call)?;
        debug_assert!(counted.left > 0, "more fragments end than there are");
        counted.left -= usize::from(counted.left > 0);
        match outcome {
            Outcome::Released | Outcome::Held(_) => {}
            Outcome::NotHeld(keys) => counted.not_held.get_or_insert_default().extend(keys),
            Outcome::ReleasePending(why) => counted.pending = Some(why),
            Outcome::Freed(count) => counted.freed += count,
            Outcome::FreedSome(count) => {
                counted.freed += count;
                counted.moved = true;
            }
            Outcome::Failed(error) => counted.failed = Some(error),
        }
        if counted.left > 0 {
            return None;
        }
        if counted.moved
            && counted.failed.is_none()
            && let Some((request, round)) = counted.again.take()
        {
            if round >= MOST_ROUNDS {
                counted.failed = Some(Error::new(
                    Code::Refused,
                    "The slots of the Redis Cluster kept moving; locks may be left. Call releaseAll again when they are at rest.",
                ));
            } else if let Err(error) = self.free(first, now, call, request, round + 1) {
                if let Some(counted) = self.calls.counted(call) {
                    counted.failed = Some(error);
                }
            } else {
                return None;
            }
        }
        self.calls.uncount(call).map(|counted| (counted.caller, counted.outcome()))
    }

    /// Shortens the leases for the exit. True: there is something to send.
    pub(super) fn shorten_for_exit(&mut self, first: &mut Client, now: Instant, held: &[NewLease]) -> bool {
        let mut any = false;
        let mut held = held.to_vec();
        held.extend(self.calls.held_fragments());
        let ids = if self.one_address { vec![FIRST] } else { self.ids() };
        for id in ids {
            let here: Vec<NewLease> = held
                .iter()
                .flat_map(|lease| by_slot(&lease.keys).into_iter().map(move |keys| (lease, keys)))
                .filter(|(_, keys)| keys.first().is_some_and(|key| self.owner(key.slot()) == id))
                .map(|(lease, keys)| lease.part(&keys))
                .collect();
            let taken = self.calls.held_for_named();
            let taken: Vec<_> = taken
                .filter(|(keys, ..)| keys.first().is_some_and(|key| self.owner(key.slot()) == id))
                .collect();
            let client = if self.one_address { Some(&mut *first) } else { self.client(id) };
            any |= client.is_some_and(|client| client.end_for_exit(now, here, taken));
        }
        any
    }

    /// The grant of an unanswered claim, whichever node has it.
    fn supersede(&mut self, claim: u64) -> Option<Arc<[u8]>> {
        self.nodes.values_mut().find_map(|node| node.client.supersede(claim))
    }
}
