//! Waiting in a queue: being parked, asking for oneself now and then, being granted the lock, and leaving.
//! The rules are those of `docs/PROTOCOL.md`, "Rules of the client".

use super::acquire::Place;
use super::encoding::{append_eval, append_flag, append_side};
use super::link::Link;
use super::queue::{Granted, KeyQueue};
use super::replies::number;
use super::requests::{Event, Patience};
use super::{Client, Kind, State};
use crate::channels::LOSSES;
use crate::key::LockKey;
use crate::lease::margin;
use crate::resp::{Value, append_text};
use crate::script::Script;
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// How long a grant stands: the claim period of the scripts.
pub(crate) const CLAIM_PERIOD: Duration = Duration::from_secs(2);
/// Longest pause between two looks of a key's oldest waiter.
const POLL_PAUSE: Duration = Duration::from_secs(1);
/// A job begins on a grant only if at least this much of it is left.
pub(super) const LEAST_GRANT: Duration = Duration::from_millis(200);

/// A client leaves a queue, passes on a grant, or both.
#[derive(Debug)]
pub(super) struct Leave {
    key: LockKey,
    remove: bool,
    pass: bool,
}

impl Leave {
    pub(super) fn key(&self) -> &LockKey {
        &self.key
    }

    pub(super) fn encode(&self, whole: bool, link: &Link, out: &mut Vec<u8>) {
        append_eval(out, Script::Leave, whole, 3, 4);
        let mut side = Vec::new();
        append_text(out, self.key.name());
        append_side(out, &mut side, |side| self.key.queue(side));
        append_side(out, &mut side, |side| self.key.counter(side));
        append_text(out, link.client_id());
        append_flag(out, self.remove);
        append_flag(out, self.pass);
        append_flag(out, !link.is_raised(self.key.slot()));
    }
}

impl Client {
    /// The answer to a park: the task waits at a key.
    pub(super) fn parked(&mut self, now: Instant, index: u32, rest: &[Value]) {
        let mut numbers = rest.iter();
        let at = numbers.next().and_then(number).and_then(|at| usize::try_from(at).ok());
        let ticket = numbers.next().and_then(number);
        let left = numbers.next().and_then(number).map_or(POLL_PAUSE, Duration::from_millis);
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        let keys = Arc::clone(&acquire.keys);
        let (Some(at), Some(ticket)) = (at, ticket) else { return };
        let Some(key) = keys.get(at) else { return };
        task.state = State::Parked;
        acquire.refused = u32::try_from(at).into_iter().collect();
        let sent_at = acquire.sent_at;
        let left_alone = acquire.left_alone;
        let before = acquire.place.replace(Place { at, ticket });
        if let Some(before) = before.filter(|before| before.at != at)
            && let Some(old) = keys.get(before.at)
        {
            self.leave_near(now, index, before, old, left_alone);
        }
        self.queues.set_busy(now, key);
        let (queue_at, serial, queue) = self.queues.enter(key);
        let Some(queue) = queue else { return };
        queue.insert(ticket, index);
        queue.seen_at = queue.seen_at.max(sent_at);
        queue.poll_at = now + (left + Duration::from_millis(1)).min(POLL_PAUSE);
        if queue.armed_at.is_none_or(|armed| queue.poll_at < armed) {
            queue.armed_at = Some(queue.poll_at);
            self.timers.set(queue.poll_at, Timer::Poll(queue_at, serial));
        }
        // Sent before this park was answered, the leave may have taken its entry out again.
        let ask_again = queue.leaving > 0;
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        if task.caller.is_none() {
            return self.withdraw(now, index);
        }
        if at > 0 && !acquire.poll_armed {
            acquire.poll_armed = true;
            let pause = acquire.lease.map_or(POLL_PAUSE, |lease| (lease / 3).min(POLL_PAUSE));
            self.timers.set(now + pause, Timer::Retry(index, task.serial));
        }
        self.begin_limit(now, index);
        if ask_again {
            self.submit(now, index);
        }
        self.settle(now, key);
    }

    /// From the first look at a held key on, the time of a limited try runs.
    pub(super) fn begin_limit(&mut self, now: Instant, index: u32) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        if let (Kind::Acquire(acquire), None) = (&task.kind, task.limit)
            && let Patience::TryFor(limit) = acquire.patience
        {
            task.limit = Some(now + limit);
            self.timers.set(now + limit, Timer::Limit(index, task.serial));
        }
    }

    /// The answer that there is no queue to wait in: this waiter, and all of ours at that key, ask again after
    /// pauses.
    pub(super) fn polls(&mut self, now: Instant, index: u32) {
        self.step_out(now, index);
        let Some(task) = self.tasks.get(index as usize) else { return };
        let Kind::Acquire(acquire) = &task.kind else { return };
        let (keys, refused) = (Arc::clone(&acquire.keys), acquire.refused.first().copied());
        let key = refused.and_then(|at| keys.get(at as usize));
        let serial = task.serial;
        if task.caller.is_none() {
            self.forget(index);
            keys.iter().for_each(|key| self.left_line(now, key, (index, serial)));
        } else {
            self.begin_limit(now, index);
            match key {
                Some(key) => self.line_up(now, index, key),
                None => self.pause(now, index),
            }
        }
        let Some(key) = key else { return };
        self.is_polled_now(now, key);
        let others: Vec<u32> = self.queues.find(key).map(|queue| queue.tasks().collect()).unwrap_or_default();
        for other in &others {
            self.step_out(now, *other);
            if self.tasks.get(*other as usize).is_some_and(|task| task.state == State::Parked) {
                self.line_up(now, *other, key);
            }
        }
        if !others.is_empty() {
            self.leave(now, key, true);
        }
    }

    /// Takes a task out of the near half of the queue where it stands. True when it may hold keys before that one.
    pub(super) fn step_out(&mut self, now: Instant, index: u32) -> bool {
        let Some(Kind::Acquire(acquire)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return false;
        };
        let left_alone = acquire.left_alone;
        let keys = Arc::clone(&acquire.keys);
        let Some(place) = acquire.place.take() else { return false };
        if let Some(key) = keys.get(place.at) {
            self.leave_near(now, index, place, key, left_alone);
        }
        place.at > 0
    }

    /// `left_alone`: the command that ended the waiting knew of no other waiter, so it took the client out of
    /// the queue; one whose park was answered since asks for itself.
    fn leave_near(&mut self, now: Instant, index: u32, place: Place, key: &LockKey, left_alone: bool) {
        let Some(queue) = self.queues.find_mut(key) else { return };
        queue.remove(place.ticket, index);
        let oldest = queue.oldest();
        if let Some(oldest) = oldest.filter(|_| left_alone) {
            self.ask(now, oldest);
        }
        self.settle(now, key);
    }

    /// A command was answered that may have taken over a grant to this client, or passed it on. What was announced
    /// before is void then; the key, if so, whose oldest waiter has to ask what is left.
    pub(super) fn decided(&mut self, index: u32) -> Option<LockKey> {
        let Some(Kind::Acquire(acquire)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return None;
        };
        let key = acquire.decides.take().and_then(|at| acquire.keys.get(at))?;
        let queue = self.queues.find_mut(key)?;
        queue.deciding = queue.deciding.saturating_sub(1);
        queue.granted.take().map(|_| queue.key.clone())
    }

    pub(super) fn ask_oldest(&mut self, now: Instant, key: &LockKey) {
        if let Some(oldest) = self.queues.find(key).and_then(KeyQueue::oldest) {
            self.ask(now, oldest);
        }
    }

    /// Has a parked waiter ask for itself.
    fn ask(&mut self, now: Instant, index: u32) {
        if self.tasks.get(index as usize).is_some_and(|task| task.state == State::Parked) {
            self.submit(now, index);
        }
    }

    /// Gives a grant, if there is one, to whom it belongs; forgets a queue of which nothing is left.
    pub(super) fn settle(&mut self, now: Instant, key: &LockKey) {
        let Some(queue) = self.queues.find_mut(key) else { return };
        if queue.claiming == 0
            && queue.deciding == 0
            && let Some(granted) = queue.granted
        {
            let oldest = queue.oldest();
            let state = oldest.and_then(|index| self.tasks.get(index as usize)).map(|task| task.state);
            match (oldest, state) {
                (Some(index), Some(State::Parked)) => {
                    queue.granted = None;
                    self.give(now, index, granted);
                }
                (Some(_), Some(_)) => {}
                _ => {
                    queue.granted = None;
                    self.leave(now, key, false);
                }
            }
        }
        self.queues.tidy(key);
    }

    /// Gives a grant to a waiter. The job of a single key may begin on it, unless replicas have to have the lock first.
    fn give(&mut self, now: Instant, index: u32, granted: Granted) {
        let Some(Kind::Acquire(acquire)) = self.tasks.get(index as usize).map(|task| &task.kind) else {
            return;
        };
        let key = acquire.keys.first();
        // A leave that is under way passes on whatever grant it finds.
        let leaving = key.and_then(|key| self.queues.find(key)).is_some_and(|queue| queue.leaving > 0);
        let begins = acquire.is_simple() && !leaving && self.config.safety.is_none();
        if begins && now + LEAST_GRANT < granted.until.back(margin(CLAIM_PERIOD)) {
            self.begin_on_grant(now, index, granted);
        } else {
            self.submit(now, index);
        }
    }

    /// A message arrived.
    pub(super) fn pushed(&mut self, now: Instant, push: &[Value]) {
        let [Value::Text(kind), Value::Text(channel), rest] = push else { return };
        match (kind.as_slice(), rest) {
            (b"message" | b"smessage", Value::Text(message)) => self.told(now, channel, message),
            (b"ssubscribe", _) => self.channel_open(),
            (b"sunsubscribe", _) => self.channel_gone(now, channel),
            _ => {}
        }
    }

    /// A message arrived on one of this client's channels.
    fn told(&mut self, now: Instant, channel: &[u8], message: &[u8]) {
        if channel.starts_with(LOSSES) {
            let key = LockKey::new(message.to_vec());
            return self.events.push_back(Event::TakenAway { key });
        }
        if !channel.ends_with(self.link.client_id()) {
            return;
        }
        let mut words = message.splitn(3, |byte| *byte == b':');
        let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
        let (Some(token), horizon) = (number(), number()) else { return };
        let Some(name) = words.next() else { return };
        self.granted(now, &LockKey::new(name.to_vec()), token, horizon, None);
    }

    /// The key was granted to this client; `sent_at` is of the command that did it, if it was ours.
    pub(super) fn granted(
        &mut self,
        now: Instant,
        key: &LockKey,
        token: u64,
        horizon: Option<u64>,
        sent_at: Option<Instant>,
    ) {
        let Some(queue) = self.queues.find_mut(key) else { return self.leave(now, key, false) };
        // What was sent at `seen_at` was executed before the grant was made, so the grant stands for a claim
        // period from then at least.
        let since = sent_at.map_or(queue.seen_at, |sent_at| sent_at.max(queue.seen_at));
        queue.granted = Some(Granted { token, horizon, until: since + CLAIM_PERIOD });
        self.settle(now, key);
    }

    /// A key's safety poll: a message may have been lost, a holder may be gone, a grant may have lapsed.
    pub(super) fn poll_due(&mut self, now: Instant, at: u32, serial: u64) {
        let Some(queue) = self.queues.at(at, serial) else { return };
        if queue.armed_at.is_some_and(|armed| armed > now) {
            return;
        }
        queue.armed_at = None;
        let Some(oldest) = queue.oldest() else { return };
        let due = now >= queue.poll_at;
        if due {
            queue.poll_at = now + POLL_PAUSE;
        }
        queue.armed_at = Some(queue.poll_at);
        self.timers.set(queue.poll_at, Timer::Poll(at, serial));
        if due {
            self.ask(now, oldest);
        }
    }

    /// A parked waiter whom nobody waits for goes, and what it holds goes back.
    pub(super) fn withdraw(&mut self, now: Instant, index: u32) {
        let Some(Kind::Acquire(acquire)) = self.tasks.get(index as usize).map(|task| &task.kind) else {
            return;
        };
        let key = acquire.place_key().cloned();
        if self.step_out(now, index) {
            self.undo(now, index, true);
        } else {
            self.forget(index);
        }
        if let Some(key) = key
            && self.queues.find(&key).is_none_or(KeyQueue::is_empty)
        {
            self.leave(now, &key, true);
        }
    }

    /// Leaves the far half of the queue (`remove`) and passes on a grant that nobody here has use for.
    pub(super) fn leave(&mut self, now: Instant, key: &LockKey, remove: bool) {
        let (_, _, Some(queue)) = self.queues.enter(key) else { return };
        // A job may be running on the grant.
        let pass = queue.claiming == 0;
        if !remove && (!pass || !self.link.standing.may_leave()) {
            return self.queues.tidy(key);
        }
        queue.leaving += 1;
        self.link.standing.leaves += 1;
        self.add(now, None, Kind::Leave(Leave { key: key.clone(), remove, pass }), None);
    }

    pub(super) fn leave_reply(&mut self, now: Instant, index: u32) {
        if let Some(Kind::Leave(leave)) = self.tasks.get(index as usize).map(|task| &task.kind) {
            let key = leave.key.clone();
            self.forget(index);
            self.link.standing.leaves = self.link.standing.leaves.saturating_sub(1);
            if let Some(queue) = self.queues.find_mut(&key) {
                queue.leaving = queue.leaving.saturating_sub(1);
            }
            self.settle(now, &key);
        }
    }

    /// The connection is gone, and the client with it: who waited in a queue will ask again, with the old ticket.
    pub(super) fn dissolve_queues(&mut self) -> Vec<u32> {
        let mut waiting: Vec<(u64, u32)> = Vec::new();
        for (index, task) in &mut self.tasks {
            let Kind::Acquire(acquire) = &mut task.kind else { continue };
            acquire.decides = None;
            if let State::Parked | State::Offered = task.state {
                task.unsure = task.state == State::Offered || acquire.place.is_some_and(|place| place.at > 0);
                task.state = State::Backlog;
                let ticket = acquire.place.map_or(0, |place| place.ticket);
                waiting.extend(u32::try_from(index).ok().map(|index| (ticket, index)));
            }
        }
        waiting.sort_unstable();
        self.queues.clear();
        waiting.into_iter().map(|(_, index)| index).collect()
    }
}
