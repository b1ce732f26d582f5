//! Locks that count only once replicas have them: after the commands that took some, WAIT on the same connection. It
//! covers everything that was executed before it, so one that is under way is also for what is taken until its answer.

use super::batch::Sent;
use super::naming::list;
use super::replies::{number, server_text};
use super::requests::{Hold, Outcome};
use super::{Client, Kind, State};
use crate::config::Safety;
use crate::error::{Code, Error};
use crate::resp::{Value, append_header, append_integer, append_text};
use crate::time::Instant;
use std::time::Duration;

/// What was taken and is not known to be on enough replicas.
#[derive(Debug, Default)]
pub(super) struct Replication {
    tasks: Vec<u32>,
    /// A WAIT is under way.
    asked: bool,
}

impl Replication {
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn knows(&self, task: u32) -> bool {
        self.tasks.contains(&task)
    }

    /// The connection is gone, and the answers with it.
    pub(super) fn take_all(&mut self) -> Vec<u32> {
        self.asked = false;
        std::mem::take(&mut self.tasks)
    }
}

impl Client {
    /// The task's keys are taken: its caller is told now or, with [`Safety`], once replicas have them.
    pub(super) fn told_when_safe(&mut self, now: Instant, index: u32, hold: Hold) {
        if self.config.safety.is_none() {
            return self.tell_held(now, index, hold);
        }
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        acquire.unacknowledged = Some(Box::new(hold));
        task.state = State::Unacknowledged;
        self.replication.tasks.push(index);
        self.limit_command(now, index);
    }

    /// The task's caller is told that it holds.
    fn tell_held(&mut self, now: Instant, index: u32, hold: Hold) {
        let joined = match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(acquire)) => acquire.joined && !acquire.part,
            _ => false,
        };
        if joined {
            self.confirm_join(now, &hold);
        }
        self.finish(index, Outcome::Held(hold));
    }

    /// Sends a WAIT if there is need for one. Last of what is written: Redis carries out nothing that comes after it on
    /// this connection until it is answered.
    pub(super) fn ask_replicas(&mut self, now: Instant) {
        let Some(Safety { replicas, timeout }) = self.config.safety else { return };
        if self.replication.asked || self.replication.is_empty() {
            return;
        }
        self.replication.asked = true;
        append_header(&mut self.out, 3);
        append_text(&mut self.out, b"WAIT");
        append_integer(&mut self.out, u64::from(replicas));
        append_integer(&mut self.out, timeout_ms(timeout));
        self.in_flight.push_back(Sent::Wait);
        self.expect_progress(now);
    }

    /// The answer to a WAIT: how many replicas have everything that was taken until now.
    pub(super) fn replicas_answered(&mut self, now: Instant, reply: &Value) {
        let Some(safety) = self.config.safety else { return };
        let enough = number(reply).is_some_and(|count| count >= u64::from(safety.replicas));
        for index in self.replication.take_all() {
            let Some(task) = self.tasks.get_mut(index as usize) else { continue };
            let Kind::Acquire(acquire) = &mut task.kind else { continue };
            task.command_limit = None;
            let hold = acquire.unacknowledged.take();
            match (hold, task.caller.is_some()) {
                (Some(hold), true) if enough && !acquire.is_late(now) => {
                    self.tell_held(now, index, *hold);
                }
                (_, true) if enough => self.submit(now, index),
                _ => {
                    let error = self.not_replicated(index, safety, reply);
                    self.tell(index, Outcome::Failed(error));
                    self.undo(now, index, false);
                }
            }
        }
    }

    fn not_replicated(&self, index: u32, safety: Safety, reply: &Value) -> Error {
        let keys = self.keys_of(index);
        let locks = list(&keys);
        let (wanted, ms) = (safety.replicas, safety.timeout.as_millis());
        let error = match number(reply) {
            Some(count) => Error::new(
                Code::NotReplicated,
                format!(
                    "The lock on {locks} was given back: {count} of {wanted} replicas acknowledged it within {ms} ms, as the option safety asks for. Look at the replicas (INFO replication), and try again."
                ),
            ),
            None => {
                let text = server_text(reply);
                let message = format!(
                    "The lock on {locks} was given back: whether replicas have it, as the option safety asks for, could not be found out, since Redis refused WAIT: {text}"
                );
                Error::new(Code::Refused, message).with_cause(Some(text))
            }
        };
        error.with_keys(keys)
    }

    /// By how much an answer may be later than without [`Safety`].
    pub(super) fn replication_time(&self) -> Duration {
        self.config.safety.map_or(Duration::ZERO, |safety| safety.timeout)
    }
}

/// At least 1: for 0 Redis would wait for ever.
fn timeout_ms(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 2)
}
