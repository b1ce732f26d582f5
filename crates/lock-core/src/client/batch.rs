//! Commands that share a script call: taking and giving back locks of `execute` for which nobody waits. Most of what a
//! small script costs Redis is the call around it. Everything else is sent as it comes, after what was collected.

use super::acquire::Acquire;
use super::encoding::{append_eval, append_side, lease_ms};
use super::release::{By, Release};
use super::strangers::About;
use super::{Client, Kind, State, Task};
use crate::key::LockKey;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap};

/// Most locks of one script: a longer one would hold up everybody on the server.
const MOST: usize = 16;

/// A command that was sent and is not answered.
#[derive(Debug)]
pub(super) enum Sent {
    /// Of one task.
    One(u32),
    /// Of several tasks, in the order of its locks.
    Many(Box<[u32]>),
    /// A park of several tasks, in the order in which they came.
    Party(Box<[u32]>),
    /// A question about callers of the official package.
    Strangers(About),
    /// Of nobody: how it was answered does not matter.
    Nobody,
    /// Of nobody: what was refused is asked for again.
    Again,
    /// The subscription to a slot's channel, which is answered only when it fails.
    Channel(u16),
    /// A WAIT, for everything that was taken before its answer.
    Wait,
}

impl Sent {
    pub(super) fn tasks(&self) -> &[u32] {
        match self {
            Self::One(task) => std::slice::from_ref(task),
            Self::Many(tasks) | Self::Party(tasks) => tasks,
            Self::Nobody | Self::Strangers(_) | Self::Again | Self::Channel(_) | Self::Wait => &[],
        }
    }
}

/// Tasks whose commands go out with the next write.
#[derive(Debug, Default)]
pub(super) struct Batches {
    pub(super) takes: Vec<u32>,
    gives: Vec<u32>,
    parks: Vec<u32>,
    /// The server does not know the scripts by their hashes.
    whole: bool,
}

impl Batches {
    pub(super) fn is_empty(&self) -> bool {
        self.takes.is_empty() && self.gives.is_empty() && self.parks.is_empty()
    }

    /// What was not sent.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &u32> {
        self.takes.iter().chain(&self.gives).chain(&self.parks)
    }

    /// Takes out everything that was not sent, in order.
    pub(super) fn take_all(&mut self) -> Vec<u32> {
        let mut all = std::mem::take(&mut self.gives);
        all.append(&mut self.takes);
        all.append(&mut self.parks);
        all
    }
}

impl Client {
    /// Collects the task's command, if it is one of those that share a call.
    pub(super) fn collect(&mut self, now: Instant, index: u32) -> bool {
        if !self.link.hands_off() {
            return false;
        }
        let Some(task) = self.tasks.get_mut(index as usize).filter(|task| !task.asking) else {
            return false;
        };
        match &mut task.kind {
            Kind::Acquire(acquire) => {
                let key = acquire.place_key().or(acquire.keys.first());
                let waits = |key| {
                    self.queues.find(key).is_some()
                        || self.queues.is_busy(now, key)
                        || self.lines.is_polled(now, key)
                };
                if !key.is_some_and(waits) && acquire.is_quick(&self.link) {
                    self.batches.takes.push(index);
                } else if !task.unsure && acquire.comes_along() {
                    self.batches.parks.push(index);
                } else {
                    return false;
                }
                acquire.sent_at = now;
            }
            Kind::Release(release) if is_plain_give_back(release) => {
                self.batches.gives.push(index);
            }
            _ => return false,
        }
        task.state = State::InFlight;
        task.whole = false;
        true
    }

    /// These tasks' scripts go out with their text.
    pub(super) fn mark_whole(&mut self, tasks: &[u32], whole: bool) {
        for index in tasks.iter().filter(|_| whole) {
            if let Some(task) = self.tasks.get_mut(*index as usize) {
                task.whole = true;
            }
        }
    }

    /// Writes what was collected: what is given back first, since the same turn may want it again.
    pub(super) fn send_collected(&mut self, now: Instant) {
        self.send_collected_gives(now);
        let whole = std::mem::take(&mut self.batches.whole) || self.link.sends_texts();
        if self.batches.is_empty() {
            return;
        }
        let takes = std::mem::take(&mut self.batches.takes);
        for tasks in self.calls_of(takes) {
            self.send_takes(whole, &tasks);
        }
        self.send_parks(now, whole);
        self.expect_progress(now);
    }

    /// Writes what was collected of what is given back.
    pub(super) fn send_collected_gives(&mut self, now: Instant) {
        let gives = std::mem::take(&mut self.batches.gives);
        if gives.is_empty() {
            return;
        }
        let whole = self.batches.whole || self.link.sends_texts();
        for tasks in self.calls_of(gives) {
            self.send_gives(whole, &tasks);
        }
        self.expect_progress(now);
    }

    /// The tasks in portions that one call can be about: a command names keys of one slot, where slots matter.
    fn calls_of(&self, tasks: Vec<u32>) -> Vec<Vec<u32>> {
        let mut portions: Vec<Vec<u32>> = Vec::new();
        if !self.keeps_to_slots() {
            portions.extend(tasks.chunks(MOST).map(<[u32]>::to_vec));
            return portions;
        }
        let mut open: HashMap<u16, usize> = HashMap::new();
        for index in tasks {
            let Some(slot) = self.tasks.get(index as usize).and_then(Task::slot) else { continue };
            match open.get(&slot).and_then(|at| portions.get_mut(*at)).filter(|portion| portion.len() < MOST)
            {
                Some(portion) => portion.push(index),
                None => {
                    open.insert(slot, portions.len());
                    portions.push(vec![index]);
                }
            }
        }
        portions
    }

    /// Whether a command may name keys of one slot only.
    pub(crate) fn keeps_to_slots(&self) -> bool {
        self.config.cluster.is_some() || self.link.keeps_to_slots
    }

    fn send_takes(&mut self, whole: bool, tasks: &[u32]) {
        let mut out = std::mem::take(&mut self.out);
        append_eval(&mut out, Script::Take, whole, tasks.len() * 3, tasks.len() * 2);
        self.append_names(tasks, &mut out);
        for kind in self.kinds(tasks) {
            if let Kind::Acquire(Acquire { owner, .. }) = kind {
                append_text(&mut out, owner.as_bytes());
            }
        }
        for kind in self.kinds(tasks) {
            if let Kind::Acquire(Acquire { lease, .. }) = kind {
                append_integer(&mut out, lease.map_or(0, lease_ms));
            }
        }
        self.out = out;
        self.mark_whole(tasks, whole);
        self.in_flight.push_back(Sent::Many(tasks.into()));
    }

    fn send_gives(&mut self, whole: bool, tasks: &[u32]) {
        let mut out = std::mem::take(&mut self.out);
        append_eval(&mut out, Script::GiveBack, whole, tasks.len() * 3, tasks.len());
        self.append_names(tasks, &mut out);
        for kind in self.kinds(tasks) {
            if let Kind::Release(Release { owner, .. }) = kind {
                append_text(&mut out, owner.as_bytes());
            }
        }
        self.out = out;
        self.mark_whole(tasks, whole);
        self.in_flight.push_back(Sent::Many(tasks.into()));
    }

    /// Waiters that came together for one key are parked by one command, in the order in which they came.
    fn send_parks(&mut self, now: Instant, whole: bool) {
        let mut parties: Vec<Vec<u32>> = Vec::new();
        let mut by_key: BTreeMap<LockKey, usize> = BTreeMap::new();
        for index in std::mem::take(&mut self.batches.parks) {
            let Some(Kind::Acquire(acquire)) = self.tasks.get(index as usize).map(|task| &task.kind) else {
                continue;
            };
            let Some(key) = acquire.keys.first() else { continue };
            match by_key.get(key).and_then(|at| parties.get_mut(*at)) {
                Some(tasks) => tasks.push(index),
                None => {
                    by_key.insert(key.clone(), parties.len());
                    parties.push(vec![index]);
                }
            }
        }
        for tasks in parties {
            let Some(first) = tasks.first().copied() else { continue };
            self.listen_before_park(first);
            self.send_acquire(now, first, whole, tasks.len() - 1);
            self.mark_whole(&tasks, whole);
            self.in_flight.push_back(Sent::Party(tasks.into()));
        }
    }

    /// The answer to a park of several waiters: to each, as its own park right after the one before it would have been answered.
    pub(super) fn party_reply(&mut self, now: Instant, tasks: &[u32], reply: &Value) {
        if matches!(reply, Value::Error(text) if text.starts_with(b"NOSCRIPT")) {
            return self.collect_again(now, tasks, reply);
        }
        let items = if let Value::Array(items) = reply { &items[..] } else { &[] };
        for (at, task) in (0i64..).zip(tasks) {
            let answer = match items {
                [Value::Int(1), token, ..] if at == 0 => vec![Value::Int(1), token.clone()],
                [Value::Int(1), _, Value::Int(ticket)] => {
                    vec![Value::Int(2), Value::Int(0), Value::Int(ticket + at - 1)]
                }
                [Value::Int(1), ..] => vec![Value::Int(0), Value::Int(0)],
                [Value::Int(2), index, Value::Int(ticket), rest @ ..] => {
                    [&[Value::Int(2), index.clone(), Value::Int(ticket + at)], rest].concat()
                }
                _ => {
                    self.answered(now, *task, reply.clone());
                    continue;
                }
            };
            self.answered(now, *task, Value::Array(answer));
        }
    }

    /// The tasks' locks, then their queues, then their counters: so a script can name all of a kind by one command.
    fn append_names(&self, tasks: &[u32], out: &mut Vec<u8>) {
        let mut side = Vec::new();
        let keys = || self.kinds(tasks).filter_map(only_key);
        keys().for_each(|key| append_text(out, key.name()));
        keys().for_each(|key| append_side(out, &mut side, |side| key.queue(side)));
        keys().for_each(|key| append_side(out, &mut side, |side| key.counter(side)));
    }

    fn kinds(&self, tasks: &[u32]) -> impl Iterator<Item = &Kind> {
        tasks.iter().filter_map(|task| self.tasks.get(*task as usize)).map(|task| &task.kind)
    }

    /// The answer to a call of several tasks: each gets its part, in the form that a call of its own would have had.
    pub(super) fn batch_reply(&mut self, now: Instant, tasks: &[u32], reply: &Value) {
        if matches!(reply, Value::Error(text) if text.starts_with(b"NOSCRIPT")) {
            return self.collect_again(now, tasks, reply);
        }
        if tasks.len() > 1 && self.is_cross_slot(reply) {
            return self.send_unexecuted(now, tasks);
        }
        let answers = match reply {
            Value::Array(items) if items.len() == tasks.len() + 1 => items.get(1..),
            _ => None,
        };
        // What was given back may be answered by one word for all.
        let gives = tasks.first().is_some_and(|task| !self.is_acquire(*task));
        let all = Some(reply).filter(|reply| gives && **reply == Value::Int(1));
        for (at, task) in tasks.iter().enumerate() {
            let answer = match answers.and_then(|answers| answers.get(at)).or(all) {
                Some(Value::Int(0)) => Value::Array(match self.is_acquire(*task) {
                    true => vec![Value::Int(0)],
                    false => vec![Value::Int(1), Value::Int(0), Value::Int(0)],
                }),
                Some(Value::Int(number)) => Value::Array(vec![Value::Int(1), Value::Int(*number)]),
                Some(other) => other.clone(),
                None => reply.clone(),
            };
            self.answered(now, *task, answer);
        }
    }

    fn is_acquire(&self, index: u32) -> bool {
        self.tasks.get(index as usize).is_some_and(|task| matches!(task.kind, Kind::Acquire(_)))
    }

    /// Nothing was executed: what is still wanted is sent again, with the script's text.
    fn collect_again(&mut self, now: Instant, tasks: &[u32], reply: &Value) {
        self.batches.whole = true;
        let is_whole = |index: &u32| self.tasks.get(*index as usize).is_some_and(|task| task.whole);
        let (refused, unknown): (Vec<u32>, Vec<u32>) = tasks.iter().partition(|index| is_whole(index));
        for index in refused {
            self.answered(now, index, reply.clone());
        }
        self.send_unexecuted(now, &unknown);
    }

    /// Sends again what is still wanted of tasks whose command was not executed.
    fn send_unexecuted(&mut self, now: Instant, tasks: &[u32]) {
        for index in tasks {
            let Some(task) = self.tasks.get(*index as usize) else { continue };
            match &task.kind {
                Kind::Acquire(_) if task.caller.is_none() && task.unsure => self.undo(now, *index, true),
                Kind::Acquire(_) if task.caller.is_none() => self.forget(*index),
                // By now somebody of this client may wait for the key.
                _ => self.send(now, *index, false),
            }
        }
    }
}

/// Whether the release of a lock of `execute` has nothing more to say than that.
fn is_plain_give_back(release: &Release) -> bool {
    let Release { keys, owner, by: By::Owner, grant: None, offer: None, served: None, .. } = release else {
        return false;
    };
    keys.len() == 1 && owner.is_unique()
}

fn only_key(kind: &Kind) -> Option<&LockKey> {
    match kind {
        Kind::Acquire(acquire) => acquire.keys.first(),
        Kind::Release(release) => release.keys.first(),
        _ => None,
    }
}
