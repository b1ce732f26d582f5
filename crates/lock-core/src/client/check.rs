//! The recount. It compares the client's counters and indexes with the calls that are there. The simulation asks for it after every step.

use super::state::Client;
use crate::call_id::CallId;
use crate::calls::{Kind, State};
use crate::key::LockKey;
use std::collections::{BTreeMap, HashMap};

/// The calls' own statements about one key.
#[derive(Debug, Default)]
struct Said {
    waiters: Vec<(u64, CallId)>,
    deciding: Vec<CallId>,
    claiming: usize,
    leaving: u32,
}

impl Client {
    /// Whether every counter and index is right. It is called between two mutations.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self) -> Result<(), String> {
        self.calls.check()?;
        self.check_places()?;
        self.check_queues()
    }

    /// Whether a call is about this key.
    pub(crate) fn is_busy_with(&self, key: &LockKey) -> bool {
        self.calls.iter().any(|(_, call)| match &call.kind {
            Kind::Acquire(acquire) => acquire.keys.contains(key),
            Kind::Release(release) => release.keys.contains(key),
            Kind::Renew(renew) => renew.keys.contains(key),
            Kind::Claim(claim) => claim.key == *key,
            Kind::Leave(leave) => leave.key == *key,
            Kind::ReleaseAll(_) => true,
        })
    }

    /// Every call stands in the one place that its state names.
    fn check_places(&self) -> Result<(), String> {
        let mut sent: HashMap<CallId, usize> = HashMap::new();
        for id in self.connection.awaited().chain(self.outbox.calls()) {
            *sent.entry(id).or_default() += 1;
        }
        for (id, call) in self.calls.iter() {
            let expected = usize::from(call.state() == State::InFlight);
            let found = sent.remove(&id).unwrap_or(0);
            if found != expected {
                return Err(format!("call {id:?} is {:?} and {found} answers are expected", call.state()));
            }
            let stands = self.calls.acquire(id).is_some_and(|acquire| acquire.place.is_some());
            match call.state() {
                // A waiter that was named in a release may have been told to poll since then.
                State::Parked if !stands => return Err(format!("call {id:?} is parked in no queue")),
                State::Unacknowledged if !self.outbox.awaits_replicas(id) => {
                    return Err(format!("call {id:?} waits for replicas that nobody asks"));
                }
                _ => {}
            }
            if matches!(call.kind, Kind::Claim(_)) && self.waiters.claim(id.serial) != Some(id) {
                return Err(format!("claim {id:?} is not found by its number"));
            }
        }
        match sent.keys().next() {
            Some(id) => Err(format!("an answer is expected for call {id:?}, which is gone")),
            None => Ok(()),
        }
    }

    /// A queue's waiters are the calls that say so, and its counters match the commands under way.
    fn check_queues(&self) -> Result<(), String> {
        let (mut said, mut leaves, mut claims): (BTreeMap<&LockKey, Said>, usize, usize) = Default::default();
        for (id, call) in self.calls.iter() {
            match &call.kind {
                Kind::Acquire(acquire) => {
                    if let (Some(place), Some(key)) = (acquire.place, acquire.place_key()) {
                        // A call that asks again after a broken connection has only its old ticket.
                        let stands = self.waiters.stands(key, place.ticket, id);
                        if stands || call.state() == State::Parked {
                            said.entry(key).or_default().waiters.push((place.ticket, id));
                        }
                    }
                    if let Some(key) = acquire.may_take_grant.and_then(|at| acquire.keys.get(at)) {
                        said.entry(key).or_default().deciding.push(id);
                    }
                }
                Kind::Claim(claim) => {
                    claims += 1;
                    if self.waiters.counts_claim(&claim.key, id) {
                        said.entry(&claim.key).or_default().claiming += 1;
                    }
                }
                Kind::Leave(leave) => {
                    leaves += 1;
                    said.entry(&leave.key).or_default().leaving += 1;
                }
                _ => {}
            }
        }
        if self.waiters.counts() != (leaves, claims) {
            let counted = self.waiters.counts();
            return Err(format!("leaves and claims: counted {counted:?}, found {leaves}, {claims}"));
        }
        for queue in self.waiters.queues() {
            let mut found = said.remove(&queue.key).unwrap_or_default();
            found.waiters.sort_unstable();
            found.deciding.sort_unstable();
            let waiters: Vec<(u64, CallId)> = queue.entries().collect();
            let (deciding, claiming, leaving) = queue.under_way();
            let mut deciding = deciding.to_vec();
            deciding.sort_unstable();
            let agrees = waiters == found.waiters
                && deciding == found.deciding
                && (claiming.len(), leaving) == (found.claiming, found.leaving);
            if !agrees {
                return Err(format!("the calls say {found:?}, the queue is {queue:?}"));
            }
        }
        match said.iter().next() {
            Some((key, said)) => Err(format!("the queue of {key:?} is gone, while the calls say {said:?}")),
            None => Ok(()),
        }
    }
}
