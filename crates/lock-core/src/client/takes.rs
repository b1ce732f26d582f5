//! Taking locks of `execute` for which nobody waits. A token takes a script; where nobody can see it, a SET for each lock and one look at all
//! their queues do the same for half of what a script costs Redis. Somebody may wait for a lock that is free (its lease has lapsed): a lock that
//! was set in spite of that goes to who is next, before any job begins.

use super::acquire::Acquire;
use super::batch::Sent;
use super::encoding::{append_eval, append_flag, append_side, lease_ms};
use super::release::{By, Release};
use super::{Client, Kind};
use crate::resp::{Value, append_header, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use std::sync::Arc;

/// Most locks of which one look tells whether anybody waits for any.
const MOST_SETS: usize = 32;

/// Commands that take locks, and the answers so far.
#[derive(Debug)]
pub(super) struct Sets {
    tasks: Box<[u32]>,
    answers: Vec<Value>,
}

impl Sets {
    pub(super) fn tasks(&self) -> &[u32] {
        &self.tasks
    }

    /// Takes in the next answer, unless it is the last, which is of the look.
    pub(super) fn take_in(&mut self, reply: Value) -> Option<Value> {
        if self.answers.len() == self.tasks.len() {
            return Some(reply);
        }
        self.answers.push(reply);
        None
    }
}

impl Client {
    /// Writes what was collected of what is taken.
    pub(super) fn send_takes(&mut self, whole: bool) {
        let takes = std::mem::take(&mut self.batches.takes);
        let is_fenced = |index: &u32| {
            let task = self.tasks.get(*index as usize);
            task.is_some_and(|task| matches!(task.kind, Kind::Acquire(Acquire { fenced: true, .. })))
        };
        let most = self.most_of_a_call();
        // A look names queues of one slot only.
        if self.config.cluster.is_some() {
            let calls: Vec<_> =
                takes.chunks(most).map(|tasks| (tasks, tasks.iter().any(is_fenced))).collect();
            return calls.into_iter().for_each(|(tasks, fenced)| self.send_take(whole, tasks, fenced));
        }
        let (fenced, plain): (Vec<u32>, Vec<u32>) = takes.iter().partition(|index| is_fenced(index));
        fenced.chunks(most).for_each(|tasks| self.send_take(whole, tasks, true));
        plain.chunks(MOST_SETS).for_each(|tasks| self.send_sets(tasks));
    }

    /// Takes locks by one script call.
    fn send_take(&mut self, whole: bool, tasks: &[u32], fenced: bool) {
        let names = tasks.len() * if fenced { 3 } else { 2 };
        let terms = tasks.len() * 2;
        let mut out = std::mem::take(&mut self.out);
        if self.config.cluster.is_some() {
            // A command of a cluster names no keys of several slots.
            append_eval(&mut out, Script::TakeEach, whole, 0, 1 + names + terms);
            append_flag(&mut out, fenced);
        } else {
            append_eval(&mut out, Script::Take, whole, names, terms);
        }
        self.append_names(tasks, fenced, &mut out);
        for kind in self.kinds(tasks) {
            if let Kind::Acquire(Acquire { owner, lease, .. }) = kind {
                append_text(&mut out, owner.as_bytes());
                append_integer(&mut out, lease.map_or(0, lease_ms));
            }
        }
        self.out = out;
        self.mark_whole(tasks, whole);
        self.in_flight.push_back(Sent::Many(tasks.into()));
    }

    fn send_sets(&mut self, tasks: &[u32]) {
        let mut out = std::mem::take(&mut self.out);
        for kind in self.kinds(tasks) {
            if let Kind::Acquire(Acquire { keys, owner, lease, .. }) = kind
                && let Some(key) = keys.first()
            {
                append_header(&mut out, 6);
                append_text(&mut out, b"SET");
                append_text(&mut out, key.name());
                append_text(&mut out, owner.as_bytes());
                append_text(&mut out, b"NX");
                append_text(&mut out, b"PX");
                append_integer(&mut out, lease.map_or(0, lease_ms));
            }
        }
        self.out = out;
        self.append_look(tasks);
        let sets = Sets { tasks: tasks.into(), answers: Vec::with_capacity(tasks.len()) };
        self.in_flight.push_back(Sent::Sets(Box::new(sets)));
    }

    /// Asks whether anybody waits for one of the tasks' locks.
    fn append_look(&mut self, tasks: &[u32]) {
        let (mut out, mut side) = (std::mem::take(&mut self.out), Vec::new());
        append_header(&mut out, 1 + tasks.len());
        append_text(&mut out, b"EXISTS");
        for kind in self.kinds(tasks) {
            if let Kind::Acquire(Acquire { keys, .. }) = kind
                && let Some(key) = keys.first()
            {
                append_side(&mut out, &mut side, |side| key.queue(side));
            }
        }
        self.out = out;
    }

    /// All locks were set, or not; `waited`: the answer to the look at their queues.
    pub(super) fn sets_reply(&mut self, now: Instant, sets: Sets, waited: &Value) {
        for (index, answer) in sets.tasks.iter().copied().zip(sets.answers) {
            match (answer, waited) {
                (error @ Value::Error(_), _) => self.answered(now, index, error),
                (Value::Nil, _) => self.answered(now, index, contended()),
                (_, Value::Int(0) | Value::Error(_)) => self.queue_reply(now, index, waited),
                // Of some of them, this one or another.
                _ => {
                    self.append_look(&[index]);
                    self.in_flight.push_back(Sent::Queue(index));
                }
            }
        }
        self.expect_progress(now);
    }

    /// A task's lock was set; `waited`: whether anybody waited for it.
    pub(super) fn queue_reply(&mut self, now: Instant, index: u32, waited: &Value) {
        match waited {
            Value::Int(0) => self.answered(now, index, Value::Array(vec![Value::Int(1)])),
            Value::Int(_) => {
                self.give_way(now, index);
                self.answered(now, index, contended());
            }
            other => {
                if let Some(task) = self.tasks.get_mut(index as usize) {
                    // The lock is this task's, whatever became of the look.
                    task.unsure = true;
                }
                self.answered(now, index, other.clone());
            }
        }
    }

    /// Others wait for the lock that was set: it is given back.
    fn give_way(&mut self, now: Instant, index: u32) {
        // Given back late, or twice, the lock must not be the one that this task takes after that.
        let (owner, attempt, request) = (self.ids.execute_owner(), self.attempt(), self.attempt());
        let Some(Kind::Acquire(acquire)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return;
        };
        let (keys, until) = (Arc::clone(&acquire.keys), acquire.lapse());
        acquire.attempt = attempt;
        let owner = std::mem::replace(&mut acquire.owner, owner);
        let release = Release::automatic(now, keys, owner, By::Owner, request, until);
        self.add(now, None, Kind::Release(release), None);
    }
}

/// As a script says that there is more to do.
fn contended() -> Value {
    Value::Array(vec![Value::Int(0)])
}
