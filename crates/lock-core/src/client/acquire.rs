//! Taking keys: what is asked, and what the answers mean.

use super::Client;
use super::encoding::{append_eval, append_flag, append_side, append_ticket, lease_ms};
use super::link::Link;
use super::naming::list;
use super::replies::{number, server_text};
use super::requests::{AcquireRequest, Hold, Keep, Outcome, Patience, Wanted};
use super::{Kind, State, TaskKey, closed_error};
use crate::backoff::Backoff;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::margin;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// Where a waiter stands: the index of the key, and its ticket there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) at: usize,
    pub(super) ticket: u64,
}

#[derive(Debug)]
pub(super) struct Acquire {
    pub(super) keys: Arc<[LockKey]>,
    pub(super) named: Vec<String>,
    pub(super) owner: Owner,
    pub(super) attempt: AttemptId,
    pub(super) lease: Option<Duration>,
    pub(super) patience: Patience,
    pub(super) backoff: Backoff,
    /// When the last command was sent.
    pub(super) sent_at: Instant,
    pub(super) place: Option<Place>,
    /// Locks that were another's at the last look, by index.
    pub(super) refused: Box<[u32]>,
    /// The quick script found more to do than it can.
    contended: bool,
    /// A timer is set by which a waiter that holds keys already keeps them.
    pub(super) poll_armed: bool,
    /// The last command may take over a grant of this key (by index) to the client, or pass it on.
    pub(super) decides: Option<usize>,
    /// The last command took the client out of the queue with it, since no other waiter was known.
    pub(super) left_alone: bool,
    pub(super) keep: Keep,
    /// Other keys of the same call are taken elsewhere.
    pub(super) part: bool,
    /// It joined what its owner held before, by other attempts.
    pub(super) joined: bool,
    /// Only our own poll for the key that refused it.
    pub(super) own_poll: bool,
    /// What is told once replicas have it.
    pub(super) unacknowledged: Option<Box<Hold>>,
}

/// How a waiter stands among the waiters of its client when it asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Standing {
    /// It may take over a grant to the client.
    pub(super) oldest: bool,
    /// The ticket of the client's next waiter.
    pub(super) next: Option<u64>,
}

impl Acquire {
    /// The common case, for which there are shorter ways: one key of `execute`.
    pub(super) fn is_simple(&self) -> bool {
        self.keys.len() == 1 && self.owner.is_unique() && self.lease.is_some() && !self.part
    }

    pub(super) fn waits(&self) -> bool {
        !matches!(self.patience, Patience::None)
    }

    /// The key at which it is parked.
    pub(super) fn place_key(&self) -> Option<&LockKey> {
        self.keys.get(self.place?.at)
    }

    /// The quick script will do: nobody of this client waits for the key.
    pub(super) fn is_quick(&self, link: &Link) -> bool {
        let in_order = self.keys.first().is_some_and(|key| link.is_raised(key.slot()));
        self.is_simple() && self.place.is_none() && !self.contended && in_order
    }

    /// It may be parked by one command with others that want the same key.
    pub(super) fn comes_along(&self) -> bool {
        self.is_simple() && self.place.is_none() && self.waits()
    }

    pub(super) fn encode_park(
        &mut self,
        now: Instant,
        whole: bool,
        link: &Link,
        standing: Standing,
        along: usize,
        out: &mut Vec<u8>,
    ) {
        self.sent_at = now;
        append_eval(out, Script::Park, whole, self.keys.len() * 5, if self.promises() { 12 } else { 11 });
        let mut side = Vec::new();
        for key in self.keys.iter() {
            append_text(out, key.name());
            append_side(out, &mut side, |side| key.counter(side));
            append_side(out, &mut side, |side| key.record(side));
            append_side(out, &mut side, |side| key.queue(side));
            append_side(out, &mut side, |side| key.polled(side));
        }
        append_text(out, self.owner.as_bytes());
        append_integer(out, self.lease.map_or(0, lease_ms));
        append_flag(out, self.must_raise(link));
        append_text(out, &self.attempt);
        append_text(out, link.client_id());
        append_text(out, if self.waits() { b"wait" } else { b"try" });
        append_integer(out, self.place.map_or(0, |place| place.at as u64 + 1));
        append_ticket(out, self.place.map(|place| place.ticket));
        append_flag(out, standing.oldest);
        append_ticket(out, standing.next);
        append_integer(out, along as u64);
        if self.promises() {
            append_flag(out, true);
        }
    }

    /// The caller will go by the lock's end, so no later acquire of the same owner may bring it forward.
    fn promises(&self) -> bool {
        !self.owner.is_unique() && self.keep != Keep::No
    }

    /// For the rungs without a queue.
    pub(super) fn encode_acquire(&mut self, now: Instant, whole: bool, link: &Link, out: &mut Vec<u8>) {
        self.sent_at = now;
        self.place = None;
        let stride = if link.is_plain() { 1 } else { 4 };
        append_eval(out, Script::Acquire, whole, self.keys.len() * stride, if stride == 1 { 3 } else { 7 });
        let mut side = Vec::new();
        for key in self.keys.iter() {
            append_text(out, key.name());
            if stride > 1 {
                append_side(out, &mut side, |side| key.counter(side));
                append_side(out, &mut side, |side| key.record(side));
                append_side(out, &mut side, |side| key.polled(side));
            }
        }
        append_text(out, self.owner.as_bytes());
        append_integer(out, self.lease.map_or(0, lease_ms));
        append_integer(out, stride as u64);
        if stride > 1 {
            append_flag(out, self.must_raise(link));
            append_text(out, &self.attempt);
            append_flag(out, self.promises());
            append_flag(out, self.waits());
        }
    }

    fn must_raise(&self, link: &Link) -> bool {
        self.keys.iter().any(|key| !link.is_raised(key.slot()))
    }

    /// When Redis itself will have freed what this attempt took.
    pub(super) fn lapse(&self) -> Option<Instant> {
        self.lease.map(|lease| self.sent_at + lease)
    }

    /// Whether what the last command took may have lapsed by now.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        let lease = self.lease.unwrap_or_default();
        self.lapse().is_some_and(|lapse| now >= lapse.back(margin(lease)))
    }
}

impl Client {
    /// Takes keys, all or none; ends with [`Outcome::Held`] or [`Outcome::Failed`].
    ///
    /// # Errors
    /// [`Code::Closed`] after [`Client::close`].
    pub fn acquire(&mut self, now: Instant, request: AcquireRequest) -> Result<TaskKey, Error> {
        if self.closed {
            return Err(closed_error());
        }
        let owner = match &request.wanted {
            Wanted::Execute => self.ids.execute_owner(),
            Wanted::Named(name) => Owner::Named(Arc::clone(name)),
        };
        let attempt = self.attempt();
        Ok(self.acquire_as(now, request, owner, attempt, false))
    }

    /// Takes keys for an owner and attempt that were named elsewhere. `part`: other keys of the same call are taken elsewhere,
    /// so that no job may begin on a mere grant.
    pub(crate) fn acquire_as(
        &mut self,
        now: Instant,
        request: AcquireRequest,
        owner: Owner,
        attempt: AttemptId,
        part: bool,
    ) -> TaskKey {
        let acquire = Acquire {
            attempt,
            backoff: Backoff::new(&self.config.backoff),
            keys: request.keys,
            named: request.named,
            owner,
            lease: request.lease,
            patience: request.patience,
            sent_at: now,
            place: None,
            refused: Box::default(),
            contended: false,
            poll_armed: false,
            decides: None,
            left_alone: false,
            keep: request.keep,
            part,
            joined: false,
            own_poll: false,
            unacknowledged: None,
        };
        let limit = match request.patience {
            Patience::Limit(limit) => Some(now + limit),
            Patience::None | Patience::TryFor(_) | Patience::Endless => None,
        };
        self.add(now, Some(request.caller), Kind::Acquire(acquire), limit)
    }

    /// `along`: how many more waiters the command parks.
    pub(super) fn send_acquire(&mut self, now: Instant, index: u32, whole: bool, along: usize) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        if !self.link.hands_off() {
            return acquire.encode_acquire(now, whole, &self.link, &mut self.out);
        }
        let queue = acquire.place_key().or(acquire.keys.first()).and_then(|key| self.queues.find_mut(key));
        let mut standing = Standing::default();
        acquire.decides = None;
        if let (Some(queue), Some(place)) = (queue, acquire.place) {
            standing.next = queue.ticket_beside(index);
            if queue.oldest() == Some(index) && queue.claiming == 0 {
                standing.oldest = true;
                queue.deciding += 1;
                acquire.decides = Some(place.at);
            }
        }
        acquire.left_alone = acquire.place.is_some() && standing.next.is_none();
        acquire.encode_park(now, whole, &self.link, standing, along, &mut self.out);
    }

    pub(super) fn acquire_reply(&mut self, now: Instant, index: u32, reply: &Value) {
        let undecided = self.decided(index);
        self.take_reply(now, index, reply);
        if let Some(key) = undecided {
            self.ask_oldest(now, &key);
        }
    }

    fn take_reply(&mut self, now: Instant, index: u32, reply: &Value) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        let unsure = std::mem::replace(&mut task.unsure, false);
        let (tag, rest) = match reply {
            Value::Array(items) => (items.first(), items.get(1..).unwrap_or_default()),
            _ => (None, &[] as &[Value]),
        };
        match tag {
            Some(Value::Int(1)) => {
                let sent_at = acquire.sent_at;
                let tokens: Box<[u64]> = rest.iter().filter_map(number).collect();
                acquire.joined = rest.last() == Some(&Value::Int(-1));
                if !tokens.is_empty() {
                    acquire.keys.iter().for_each(|key| self.link.set_raised(key.slot()));
                }
                self.held(now, index, tokens, sent_at);
            }
            Some(Value::Int(0)) if rest.is_empty() => {
                acquire.contended = true;
                // Whether an earlier command took it is as open as before: it may be this task's own lock that stands there.
                task.unsure = unsure;
                match (task.caller.is_some(), unsure) {
                    (true, _) => self.submit(now, index),
                    (false, true) => self.undo(now, index, true),
                    (false, false) => self.forget(index),
                }
            }
            Some(Value::Int(0)) => {
                acquire.own_poll = rest.last() == Some(&Value::Int(-1));
                acquire.refused =
                    rest.iter().filter_map(number).filter_map(|at| u32::try_from(at).ok()).collect();
                if acquire.waits() {
                    self.polls(now, index);
                } else {
                    let error = self.not_acquired(index);
                    self.finish(index, Outcome::Failed(error));
                }
            }
            Some(Value::Int(2)) => self.parked(now, index, rest),
            _ => {
                let text = server_text(reply);
                let keys = self.keys_of(index);
                let error =
                    Error::new(Code::Refused, format!("Redis refused to lock {}: {text}", list(&keys)))
                        .with_keys(keys)
                        .with_cause(Some(text));
                let holds = self.step_out(now, index);
                if unsure || holds {
                    self.tell(index, Outcome::Failed(error));
                    self.undo(now, index, true);
                } else {
                    self.finish(index, Outcome::Failed(error));
                }
            }
        }
    }

    /// The keys are this task's, by a command that was sent at `sent_at`.
    pub(super) fn held(&mut self, now: Instant, index: u32, tokens: Box<[u64]>, sent_at: Instant) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        acquire.sent_at = sent_at;
        let keys = Arc::clone(&acquire.keys);
        let late = acquire.is_late(now);
        let hold = Hold {
            keys: Arc::clone(&keys),
            owner: acquire.owner.clone(),
            attempt: acquire.attempt,
            tokens,
            lease: acquire.lease,
            sent_at,
            claim: None,
            waited: acquire.place.is_some(),
            keep: acquire.keep,
        };
        let wanted = task.caller.is_some();
        self.lines.held(now, &keys, (index, task.serial));
        for key in keys.iter() {
            if let Some(queue) = self.queues.find_mut(key) {
                // A grant that was announced before is the one that was taken over, or it is gone.
                queue.granted = None;
            }
        }
        self.step_out(now, index);
        match (wanted, late) {
            (false, _) => self.undo(now, index, false),
            // The answer took longer than the lease: whoever comes next may hold the keys by now.
            (true, true) => {
                if let Some(task) = self.tasks.get_mut(index as usize) {
                    task.unsure = true;
                }
                self.submit(now, index);
            }
            (true, false) => {
                if hold.waited {
                    self.handed_on(now, &hold.keys);
                }
                self.told_when_safe(now, index, hold);
            }
        }
    }

    /// The task asks again after a pause: no queue is to be had, or somebody does not hand over.
    pub(super) fn pause(&mut self, now: Instant, index: u32) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        let pause = acquire.backoff.pause(&self.config.backoff, self.ids.jitter());
        task.state = State::Pausing;
        self.timers.set(now + pause, Timer::Retry(index, task.serial));
    }

    /// Somebody else holds a key: the error names the first of them in the caller's order.
    pub(super) fn not_acquired(&self, index: u32) -> Error {
        let Some(Kind::Acquire(acquire)) = self.tasks.get(index as usize).map(|task| &task.kind) else {
            return Error::new(Code::Internal, "A refused call is not known.");
        };
        let refused: Vec<String> = (acquire.refused.iter())
            .filter_map(|at| acquire.keys.get(*at as usize))
            .map(|key| self.namespace.caller_name(key))
            .collect();
        let first = acquire.named.iter().find(|name| refused.contains(name)).or(refused.first());
        let message = format!("Failed to acquire lock for key \"{}\"", first.map_or("", |name| name));
        Error::new(Code::NotAcquired, message).with_keys(refused)
    }

    /// The caller's names of a task's keys.
    pub(super) fn keys_of(&self, index: u32) -> Vec<String> {
        match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(acquire)) if !acquire.named.is_empty() => acquire.named.clone(),
            Some(Kind::Acquire(acquire)) => self.caller_names(&acquire.keys),
            Some(Kind::Release(release)) => self.caller_names(&release.keys),
            _ => Vec::new(),
        }
    }
}
