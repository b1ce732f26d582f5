//! The recount: what counters and indexes say of a client, compared with what is there. The simulation asks after every step.

use super::batch::Sent;
use super::{Client, Kind, State};
use crate::key::LockKey;
use std::collections::{BTreeMap, HashMap};

impl Client {
    /// Whether everything that is counted or indexed is what a recount gives. To be asked between two mutations.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self) -> Result<(), String> {
        let waiting_for_end: usize = self.runs.callers();
        let callers: usize = self.tasks.iter().map(|(_, task)| task.callers()).sum();
        same("callers", self.callers, callers + waiting_for_end)?;
        self.check_places()?;
        self.check_queues()?;
        self.check_backlog()
    }

    /// Every task stands in the one place that its state names.
    fn check_places(&self) -> Result<(), String> {
        let mut sent: HashMap<u32, usize> = HashMap::new();
        for index in self.in_flight.iter().flat_map(Sent::tasks).chain(self.batches.tasks()) {
            *sent.entry(*index).or_default() += 1;
        }
        for (index, task) in &self.tasks {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let expected = usize::from(matches!(task.state, State::InFlight));
            let found = sent.remove(&index).unwrap_or(0);
            if found != expected {
                return Err(format!(
                    "task {index} is {:?} and {found} answers are expected for it",
                    task.state
                ));
            }
            let acquire = if let Kind::Acquire(acquire) = &task.kind { Some(acquire) } else { None };
            match task.state {
                State::Parked | State::Offered if acquire.is_none_or(|acquire| acquire.place.is_none()) => {
                    return Err(format!("task {index} is {:?} in no queue", task.state));
                }
                State::Unacknowledged if !self.replication.knows(index) => {
                    return Err(format!("task {index} waits for replicas that nobody asks"));
                }
                _ => {}
            }
            if let Kind::Claim(_) = &task.kind
                && self.claims.get(&task.serial) != Some(&index)
            {
                return Err(format!("claim {} is not found by its number", task.serial));
            }
        }
        let claims = self.tasks.iter().filter(|(_, task)| matches!(task.kind, Kind::Claim(_))).count();
        same("claims", self.claims.len(), claims)?;
        match sent.keys().next() {
            Some(index) => Err(format!("an answer is expected for task {index}, which is gone")),
            None => Ok(()),
        }
    }

    /// A queue's waiters are the tasks that say so, and its counters count what is under way.
    fn check_queues(&self) -> Result<(), String> {
        #[derive(Default)]
        struct Counts {
            waiters: Vec<(u64, u32)>,
            deciding: u32,
            claiming: u32,
            leaving: u32,
        }
        let mut counts: BTreeMap<&LockKey, Counts> = BTreeMap::new();
        let mut leaves = 0;
        for (index, task) in &self.tasks {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            match &task.kind {
                Kind::Acquire(acquire) => {
                    if let (Some(place), Some(key)) = (acquire.place, acquire.place_key()) {
                        // What asks again after a broken connection has only its old ticket.
                        let queue = self.queues.find(key);
                        let stands = queue.is_some_and(|queue| queue.has(place.ticket, index));
                        if stands || matches!(task.state, State::Parked | State::Offered) {
                            counts.entry(key).or_default().waiters.push((place.ticket, index));
                        }
                    }
                    if let Some(key) = acquire.decides.and_then(|at| acquire.keys.get(at)) {
                        counts.entry(key).or_default().deciding += 1;
                    }
                }
                Kind::Claim(claim) if claim.counted => counts.entry(&claim.key).or_default().claiming += 1,
                Kind::Leave(leave) => {
                    leaves += 1;
                    counts.entry(leave.key()).or_default().leaving += 1;
                }
                _ => {}
            }
        }
        same("leaves", self.link.standing.leaves, leaves)?;
        for queue in self.queues.all() {
            let mut counted = counts.remove(&queue.key).unwrap_or_default();
            counted.waiters.sort_unstable();
            same("deciding", queue.deciding, counted.deciding)?;
            same("claiming", queue.claiming, counted.claiming)?;
            same("leaving", queue.leaving, counted.leaving)?;
            let waiters: Vec<(u64, u32)> = queue.entries().collect();
            if waiters != counted.waiters {
                return Err(format!("the queue has {waiters:?}, the tasks say {:?}", counted.waiters));
            }
        }
        counts.retain(|_, counted| {
            !counted.waiters.is_empty() || counted.deciding + counted.claiming + counted.leaving > 0
        });
        match counts.keys().next() {
            Some(key) => Err(format!("the queue of {key:?} is gone while tasks stand in it")),
            None => Ok(()),
        }
    }

    fn check_backlog(&self) -> Result<(), String> {
        let mut waiting = self.waiting();
        let (all, gone) = self.backlog.counts();
        same("gone entries of the backlog", gone, all - waiting.len())?;
        waiting.sort_unstable();
        waiting.dedup();
        let said = self.tasks.iter().filter(|(_, task)| task.state == State::Backlog).count();
        same("backlog", waiting.len(), said)
    }
}

fn same<N: Copy + PartialEq + std::fmt::Display>(what: &str, counted: N, found: N) -> Result<(), String> {
    if counted == found { Ok(()) } else { Err(format!("{what}: counted {counted}, found {found}")) }
}
