//! Calls that go to another node of a cluster: what a node says of a slot that it does not have, and taking a task
//! out of one client and into another. Source of the redirections: Redis Cluster specification.

use super::batch::Sent;
use super::errors::is_readonly;
use super::release::{By, Release};
use super::requests::{AcquireRequest, LogLevel, Patience, ReleaseRequest, Wanted};
use super::{Client, Kind, State, Task};
use crate::config::ClusterRules;
use crate::ids::{AttemptId, Owner};
use crate::key::{LockKey, slot_of};
use crate::resp::{Said, Value, append_command};
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// Where a node sends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// The slot is another node's: `host:port`, the host possibly empty for the same host.
    Moved(u16, String),
    /// The key is at the node that is about to get the slot.
    Ask(String),
    /// The keys are on the move: again in a moment.
    TryAgain,
    /// The cluster lacks nodes, or the slot its master.
    Down,
    /// The command named keys of several slots, which a server behind one address may refuse, too.
    CrossSlot,
}

impl Redirect {
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        if is_readonly(text) {
            // A master that has just stepped down, and does not know its successor yet.
            return Some(Self::Down);
        }
        let text = std::str::from_utf8(text).ok()?;
        let mut words = text.split(' ');
        let kind = words.next()?;
        let mut target = || Some((words.next()?.parse().ok()?, words.next()?.to_owned()));
        match kind {
            "MOVED" => target().map(|(slot, address)| Self::Moved(slot, address)),
            "ASK" => target().map(|(_, address): (u16, String)| Self::Ask(address)),
            "TRYAGAIN" => Some(Self::TryAgain),
            "CLUSTERDOWN" => Some(Self::Down),
            _ => None,
        }
    }
}

const ONE_ADDRESS: &str = "Redis keeps the rules of a cluster behind one address: from now on keys of several slots are locked one slot after the other. Where its nodes can be reached, name them by the option \"cluster\" of provider \"locking-redis\".";

/// Tasks are numbered from 1.
const NO_TASK: u64 = 0;

/// A command that was sent elsewhere. Nothing of it was executed.
#[derive(Debug)]
pub(crate) struct Redirected {
    pub(crate) task: u32,
    pub(crate) serial: u64,
    pub(crate) redirect: Redirect,
    /// The server's text.
    pub(crate) text: String,
}

impl Task {
    /// The slot of its keys; `None` for what goes to every node.
    pub(crate) fn slot(&self) -> Option<u16> {
        let keys = match &self.kind {
            Kind::Acquire(acquire) => &acquire.keys,
            Kind::Release(release) => &release.keys,
            Kind::Claim(claim) => return Some(claim.key.slot()),
            Kind::ReleaseAll(_) | Kind::Upkeep(_) | Kind::Leave(_) => return None,
        };
        keys.first().map(LockKey::slot)
    }
}

/// A task in the form in which it was asked for.
pub(crate) enum Call {
    /// Take keys, for this owner and attempt.
    Acquire { request: AcquireRequest, owner: Owner, attempt: AttemptId },
    /// Give keys back.
    Release(ReleaseRequest),
    /// Give back what was taken for nobody.
    GiveBack { keys: Arc<[LockKey]>, owner: Owner, attempt: AttemptId, until: Option<Instant> },
}

impl Task {
    /// The call that it was; `None` when nobody wants it any more.
    pub(crate) fn into_call(self, now: Instant) -> Option<Call> {
        let (caller, limit) = (self.caller, self.limit);
        match self.kind {
            Kind::Acquire(acquire) => {
                let patience = match (acquire.patience, limit) {
                    (Patience::Limit(_), Some(limit)) => Patience::Limit(limit.since(now)),
                    (patience, _) => patience,
                };
                let request = AcquireRequest {
                    caller: caller?,
                    keys: acquire.keys,
                    named: acquire.named,
                    wanted: match &acquire.owner {
                        Owner::Execute(_) => Wanted::Execute,
                        Owner::Named(name) => Wanted::Named(Arc::clone(name)),
                    },
                    lease: acquire.lease,
                    patience,
                    keep: acquire.keep,
                };
                Some(Call::Acquire { request, owner: acquire.owner, attempt: acquire.attempt })
            }
            Kind::Release(release) => Some(match (caller, release.by) {
                (Some(caller), By::Owner) => Call::Release(ReleaseRequest {
                    caller,
                    keys: release.keys,
                    owner: release.owner,
                    lease_end: release.until.filter(|_| release.hold),
                    claim: release.claim,
                    limit: limit.map(|limit| limit.since(now)),
                    waited: false,
                    sound: false,
                    good_until: release.good_until,
                }),
                (_, by) => {
                    let attempt = if let By::Attempt(attempt) = by { attempt } else { release.request };
                    Call::GiveBack { keys: release.keys, owner: release.owner, attempt, until: release.until }
                }
            }),
            Kind::ReleaseAll(_) | Kind::Upkeep(_) | Kind::Claim(_) | Kind::Leave(_) => None,
        }
    }
}

impl Client {
    /// A node does not take the task's command.
    pub(super) fn redirect(&mut self, now: Instant, index: u32, redirect: Redirect, said: &Said) {
        match self.tasks.get_mut(index as usize).map(|task| &mut task.kind) {
            // What is left of this client there is a dead client's.
            Some(Kind::Leave(_)) => return self.leave_reply(now, index),
            Some(Kind::Upkeep(_)) => return self.forget(index),
            Some(Kind::ReleaseAll(all)) if redirect == Redirect::CrossSlot => {
                all.keep_to_slots();
                return self.submit(now, index);
            }
            Some(Kind::ReleaseAll(all)) => {
                all.moved();
                // For the table of slots; the call itself goes on here, and then elsewhere.
                let text = said.shown().to_owned();
                self.redirected.push(Redirected { task: index, serial: NO_TASK, redirect, text });
                return self.free_on(now, index);
            }
            Some(Kind::Acquire(_)) => {
                if let Some(key) = self.decided(index) {
                    self.ask_oldest(now, &key);
                }
            }
            Some(Kind::Release(_)) => self.offer_answered(now, index, false, None, None),
            Some(Kind::Claim(_)) | None => {}
        }
        if let Some(task) = self.tasks.get_mut(index as usize) {
            task.state = State::Judged;
            task.redirections += 1;
            let text = said.shown().to_owned();
            self.redirected.push(Redirected { task: index, serial: task.serial, redirect, text });
        }
    }

    /// Whether a command was refused because it named keys of several slots. From then on none does.
    pub(super) fn is_cross_slot(&mut self, reply: &Value) -> bool {
        let Value::Error(said) = reply else { return false };
        let refused = self.config.cluster.is_none() && memchr::memmem::find(said, b"CROSSSLOT").is_some();
        if refused && !std::mem::replace(&mut self.link.keeps_to_slots, true) {
            self.log(LogLevel::Warn, ONE_ADDRESS);
        }
        refused
    }

    /// Whether a call by itself may be repeated slot by slot.
    pub(super) fn spans_slots(&self, index: u32) -> bool {
        let keys = match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(acquire)) => &acquire.keys,
            Some(Kind::Release(release)) => &release.keys,
            Some(Kind::ReleaseAll(all)) => return !all.keeps_to_slots(),
            _ => return false,
        };
        keys.first().zip(keys.last()).is_some_and(|(first, last)| first.slot() != last.slot())
    }

    /// What was sent elsewhere since the last time.
    pub(crate) fn take_redirected(&mut self) -> Vec<Redirected> {
        std::mem::take(&mut self.redirected)
    }

    /// Whether the task has been redirected as often as it may be.
    pub(crate) fn is_lost_way(&self, index: u32, serial: u64, rules: &ClusterRules) -> bool {
        self.tasks.get(index as usize).is_some_and(|task| {
            let patient = task.limit.is_some() || task.caller.is_none();
            task.serial == serial && !patient && task.redirections > rules.most_redirections
        })
    }

    /// Tells the caller of a redirected task that it failed.
    pub(crate) fn fail_redirected(&mut self, now: Instant, index: u32, error: crate::Error) {
        self.enqueue(index);
        self.fail_or_undo(now, index, error);
    }

    /// Of the client that has no connection: the table of slots was found, and has no node for what waits here. That is
    /// as much as a node that says so.
    pub(crate) fn count_unplaced(&mut self, now: Instant, rules: &ClusterRules) {
        for index in self.waiting() {
            let Some(task) = self.tasks.get_mut(index as usize).filter(|task| task.slot().is_some()) else {
                continue;
            };
            task.redirections += 1;
            let serial = task.serial;
            if self.is_lost_way(index, serial, rules) {
                let message =
                    "Too many Cluster redirections. Last error: CLUSTERDOWN Hash slot not served".to_owned();
                self.fail_or_undo(now, index, crate::Error::new(crate::Code::Refused, message));
            }
        }
    }

    /// Has a redirected task ask here once more.
    pub(crate) fn retry_redirected(&mut self, now: Instant, index: u32, serial: u64, pause: Duration) {
        if self.task(index, serial).is_some() {
            self.go_on(now, index, pause);
        }
    }

    /// The slot of a task's keys.
    pub(crate) fn slot_of(&mut self, index: u32, serial: u64) -> Option<u16> {
        self.task(index, serial)?.slot()
    }

    /// Takes a task out, to be given to another client.
    pub(crate) fn extract(&mut self, index: u32, serial: u64) -> Option<Task> {
        let task = self.task(index, serial)?;
        let state = task.state;
        match &mut task.kind {
            Kind::Acquire(acquire) => {
                acquire.poll_armed = false;
                if let (Some(place), Some(key)) = (acquire.place, acquire.place_key().cloned())
                    && let Some(queue) = self.queues.find_mut(&key)
                {
                    queue.remove(place.ticket, index);
                    self.queues.tidy(&key);
                }
            }
            Kind::Claim(claim) => {
                let counted = std::mem::take(&mut claim.counted);
                let key = claim.key.clone();
                if counted && let Some(queue) = self.queues.find_mut(&key) {
                    queue.claiming = queue.claiming.saturating_sub(1);
                    self.queues.tidy(&key);
                }
                self.claims.remove(&serial);
            }
            _ => {}
        }
        let task = self.tasks.try_remove(index as usize)?;
        if state == State::Backlog {
            self.left_backlog();
        }
        self.callers -= task.callers();
        Some(task)
    }

    /// The node is let go: what was sent there waits to be taken elsewhere. That is no failed reconnect, so no call
    /// fails as if it were one.
    pub(crate) fn retire(&mut self, now: Instant) {
        self.config.perseverance.most_reconnects = None;
        self.give_up(now, "the node has no slots any more");
    }

    /// Takes out every task of the slots that is not under way; those that are will be redirected.
    pub(crate) fn extract_slots(&mut self, left: impl Fn(u16) -> bool) -> Vec<Task> {
        let waiting = |state| matches!(state, State::Backlog | State::Pausing | State::Parked);
        let mut found: Vec<(u64, u32)> = (self.tasks.iter())
            .filter(|(_, task)| waiting(task.state) && task.slot().is_some_and(&left))
            .filter_map(|(index, task)| Some((task.serial, u32::try_from(index).ok()?)))
            .collect();
        found.sort_unstable();
        found.into_iter().filter_map(|(serial, index)| self.extract(index, serial)).collect()
    }

    /// Takes a task of another client in. `asking`: it was sent here before the slot is this node's.
    pub(crate) fn adopt(&mut self, now: Instant, mut task: Task, asking: bool, pause: Duration) {
        task.asking = asking;
        self.callers += task.callers();
        let (serial, is_claim) = (task.serial, matches!(task.kind, Kind::Claim(_)));
        let (limit, command_limit) = (task.limit, task.command_limit);
        let index = u32::try_from(self.tasks.insert(task)).unwrap_or(u32::MAX);
        if let Some(at) = limit {
            self.timers.set(at, Timer::Limit(index, serial));
        }
        if let Some(at) = command_limit {
            self.timers.set(at, Timer::Command(index, serial));
        }
        if is_claim {
            self.claims.insert(serial, index);
        }
        self.go_on(now, index, pause);
    }

    /// A task that was not executed where it was sent asks again, unless nobody wants it any more.
    fn go_on(&mut self, now: Instant, index: u32, pause: Duration) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        task.state = State::Pausing;
        match &task.kind {
            Kind::Acquire(acquire) if task.caller.is_none() => {
                if task.unsure || acquire.place.is_some() {
                    self.undo(now, index, true);
                } else {
                    self.forget(index);
                }
            }
            Kind::Claim(claim) if claim.superseded => self.forget_claim(index),
            // Redis has freed it by itself.
            Kind::Release(release)
                if task.caller.is_none() && release.until.is_some_and(|until| now >= until) =>
            {
                self.forget(index);
            }
            _ if pause.is_zero() => self.submit(now, index),
            _ => self.timers.set(now + pause, Timer::Retry(index, task.serial)),
        }
    }

    /// Gives back keys that were taken as part of a call that came to nothing.
    pub(crate) fn give_back(
        &mut self,
        now: Instant,
        keys: Arc<[LockKey]>,
        owner: Owner,
        attempt: AttemptId,
        until: Option<Instant>,
    ) {
        let by = if owner.is_unique() || self.link.is_plain() { By::Owner } else { By::Attempt(attempt) };
        let request = self.attempt();
        let release = Release::automatic(now, keys, owner, by, request, until);
        self.add(now, None, Kind::Release(release), None);
    }

    /// In a cluster, whoever may wait for a key listens first to the channel of its slot.
    pub(super) fn listen_before_park(&mut self, index: u32) {
        if self.config.cluster.is_none() || !self.link.hands_off() {
            return;
        }
        let Some(task) = self.tasks.get(index as usize) else { return };
        if let (Kind::Acquire(acquire), Some(slot)) = (&task.kind, task.slot())
            && acquire.waits()
            && let Some(channel) = self.link.begin_hearing(slot)
        {
            append_command(&mut self.out, &[b"SSUBSCRIBE", &channel]);
            self.in_flight.push_back(Sent::Channel(slot));
        }
    }

    /// A subscription stands.
    pub(super) fn channel_open(&mut self) {
        // It was told in its turn, so what was sent before it is answered.
        if let Some(at) = self.in_flight.iter().position(|sent| matches!(sent, Sent::Channel(_))) {
            self.in_flight.remove(at);
        }
    }

    /// The node has no such channel any more: its slot has moved. Who waits there asks where to.
    pub(super) fn channel_gone(&mut self, now: Instant, channel: &[u8]) {
        let slot = slot_of(channel);
        self.link.end_hearing(slot);
        for key in self.queues.waited_for().into_iter().filter(|key| key.slot() == slot) {
            self.ask_oldest(now, &key);
        }
    }
}
