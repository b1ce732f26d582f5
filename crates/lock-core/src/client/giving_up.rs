//! When calls fail because there is no connection, or no answer: ioredis' rules, as far as the options ask for them.

use super::requests::{Event, Outcome};
use super::{Client, Kind};
use crate::backoff::{cluster_delay, doubtful_delay, lookup_delay, reconnect_delay};
use crate::config::PauseRule;
use crate::error::{Code, Error};
use crate::time::Instant;
use crate::timers::Timer;

impl Client {
    /// Fails every call that somebody waits for, for instance after a fault in this package.
    pub fn fail_all(&mut self, error: &Error) {
        let ended = self.take_ended().into_iter();
        let waiting = self
            .tasks
            .iter_mut()
            .flat_map(|(_, task)| task.take_others().into_iter().chain(task.caller.take()));
        for caller in ended.chain(waiting) {
            self.events.push_back(Event::Done { caller, outcome: Outcome::Failed(error.clone()) });
        }
        self.callers = 0;
    }

    /// Settles when to connect again, or asks who decides on it.
    pub(super) fn pause_before_reconnect(&mut self, now: Instant) {
        let (retries, lookups) = (self.link.retries, self.link.lookups);
        let lookup = lookups > 0;
        let perseverance = &self.config.perseverance;
        let rule = if lookup { perseverance.lookup_pause } else { perseverance.pause };
        match rule {
            PauseRule::Growing if lookup => self.reconnect_in(now, Some(lookup_delay(lookups))),
            PauseRule::Growing if self.link.standing.is_doubted() => {
                self.reconnect_in(now, Some(doubtful_delay(retries)));
            }
            PauseRule::Growing => self.reconnect_in(now, Some(reconnect_delay(retries))),
            PauseRule::GrowingInCluster => self.reconnect_in(now, Some(cluster_delay(retries))),
            PauseRule::Never => self.reconnect_in(now, None),
            PauseRule::Asked => {
                let attempt = if lookup { lookups } else { retries };
                self.events.push_back(Event::AskPause { attempt, lookup });
            }
        }
    }

    /// Whether the task may stand in the backlog; else its caller is told why not.
    pub(super) fn may_wait_for_connection(&mut self, now: Instant, index: u32) -> bool {
        if self.link.is_stopped() {
            self.fail_task_for_good(index);
            return false;
        }
        if self.config.perseverance.offline_queue {
            return true;
        }
        let fails = self.is_call(index) && self.tasks.get(index as usize).is_some_and(|task| !task.unsure);
        if fails {
            let error = Error::new(
                Code::Unreachable,
                "Stream isn't writeable and enableOfflineQueue options is false",
            );
            self.fail_or_undo(now, index, error);
        }
        !fails
    }

    /// As many reconnects failed as calls may wait for. Those with a time limit of their own go on until then, unless
    /// the number was asked for.
    pub(super) fn fail_waiting(&mut self, now: Instant, count: u32) {
        let error = Error::new(
            Code::Unreachable,
            format!(
                "Reached the max retries per request limit (which is {count}). Refer to \"maxRetriesPerRequest\" option for details."
            ),
        )
        .with_cause(Some(self.link.last_reason().to_owned()));
        let all = self.config.perseverance.most_reconnects_for_all;
        for index in self.waiting() {
            if self.is_call(index)
                && self.tasks.get(index as usize).is_some_and(|task| all || task.limit.is_none())
            {
                self.fail_or_undo(now, index, error.clone());
            }
        }
    }

    /// There will be no connection any more.
    pub(super) fn fail_for_good(&mut self) {
        for index in self.waiting() {
            self.fail_task_for_good(index);
        }
    }

    fn fail_task_for_good(&mut self, index: u32) {
        let reason = self.link.last_reason().to_owned();
        let outcome = match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Release(release)) if release.hold => Outcome::ReleasePending(reason),
            Some(_) => Outcome::Failed(
                Error::new(Code::Unreachable, "Connection is closed.")
                    .with_keys(self.keys_of(index))
                    .with_cause(Some(reason)),
            ),
            None => return,
        };
        self.finish(index, outcome);
    }

    /// The connection broke before the answer, and nothing is to be sent again.
    pub(super) fn fail_unanswered(&mut self, now: Instant, index: u32) {
        if self.is_call(index) {
            let error = Error::new(
                Code::Unreachable,
                "The connection broke before Redis answered, and autoResendUnfulfilledCommands is false.",
            )
            .with_cause(Some(self.link.last_reason().to_owned()));
            self.fail_or_undo(now, index, error);
        }
    }

    /// Tells the caller of a task in the backlog that it failed. An acquire that may have been executed goes on
    /// as an undo.
    pub(super) fn fail_or_undo(&mut self, now: Instant, index: u32, error: Error) {
        let Some(task) = self.tasks.get(index as usize) else { return };
        let error = error.with_keys(self.keys_of(index));
        if task.unsure && matches!(task.kind, Kind::Acquire(_)) {
            self.tell(index, Outcome::Failed(error));
            self.undo(now, index, true);
        } else if task.caller.is_some() {
            self.finish(index, Outcome::Failed(error));
        }
    }

    /// From now on counts the time that the task's next command may take.
    pub(super) fn limit_command(&mut self, now: Instant, index: u32) {
        let Some(limit) = self.config.perseverance.command_limit else { return };
        if let Some(task) = self.tasks.get_mut(index as usize)
            && task.caller.is_some()
        {
            task.command_limit = Some(now + limit);
            self.timers.set(now + limit, Timer::Command(index, task.serial));
        }
    }

    pub(super) fn command_due(&mut self, now: Instant, index: u32, serial: u64) {
        let Some(task) = self.task(index, serial) else { return };
        if task.command_limit.is_none_or(|limit| limit > now) || task.caller.is_none() {
            return;
        }
        task.command_limit = None;
        if !self.is_call(index) {
            return self.tell(index, Outcome::ReleasePending("Command timed out".to_owned()));
        }
        let error = Error::new(Code::CommandTimeout, "Command timed out")
            .with_keys(self.keys_of(index))
            .with_cause(self.link_trouble());
        self.abandon(now, index, error);
    }

    /// Whether somebody waits for the task and nothing is lost when it is given up: the release after a job goes on.
    fn is_call(&self, index: u32) -> bool {
        self.tasks.get(index as usize).is_some_and(|task| {
            task.caller.is_some() && !matches!(&task.kind, Kind::Release(release) if release.hold)
        })
    }

    /// Why there is no connection, for the cause of a time-out.
    pub(super) fn link_trouble(&self) -> Option<String> {
        (!self.link.is_ready()).then(|| {
            if self.link.last_reason().is_empty() {
                "not connected to Redis yet".to_owned()
            } else {
                self.link.last_reason().to_owned()
            }
        })
    }
}
