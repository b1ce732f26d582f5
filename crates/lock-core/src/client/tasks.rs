//! The table of tasks: how they come into it, and how they leave it.

use super::requests::{Event, Outcome};
use super::{Client, Kind, State, Task, TaskKey};
use crate::time::Instant;
use crate::timers::Timer;

impl Client {
    pub(super) fn add(
        &mut self,
        now: Instant,
        caller: Option<u64>,
        kind: Kind,
        limit: Option<Instant>,
    ) -> TaskKey {
        let index = self.insert(caller, kind, limit);
        self.submit(now, index);
        index
    }

    pub(super) fn insert(&mut self, caller: Option<u64>, kind: Kind, limit: Option<Instant>) -> TaskKey {
        self.serial += 1;
        let serial = self.serial;
        self.callers += usize::from(caller.is_some());
        let task = Task {
            serial,
            caller,
            kind,
            limit,
            command_limit: None,
            unsure: false,
            redirections: 0,
            asking: false,
            whole: false,
            state: State::Pausing,
        };
        // More than four thousand million calls at once do not fit into memory.
        let index = u32::try_from(self.tasks.insert(task)).unwrap_or(u32::MAX);
        if let Some(at) = limit {
            self.timers.set(at, Timer::Limit(index, serial));
            let (tasks, queues, lines) = (&self.tasks, &self.queues, &self.lines);
            self.timers.sweep(|timer| match timer {
                Timer::Limit(index, serial) | Timer::Command(index, serial) | Timer::Retry(index, serial) => {
                    tasks.get(index as usize).is_some_and(|task| task.serial == serial)
                }
                Timer::Poll(at, serial) => queues.knows(at, serial),
                Timer::Line(at, serial) => lines.knows(at, serial),
                Timer::Reconnect | Timer::ReadyCheck | Timer::Silence | Timer::AskAgain | Timer::Look => true,
            });
        }
        index
    }

    pub(super) fn task(&mut self, index: u32, serial: u64) -> Option<&mut Task> {
        self.tasks.get_mut(index as usize).filter(|task| task.serial == serial)
    }

    /// Tells the caller and keeps the task: work may be left to do for nobody.
    pub(super) fn tell(&mut self, index: u32, outcome: Outcome) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        for caller in task.take_others() {
            self.callers -= 1;
            self.events.push_back(Event::Done { caller, outcome: outcome.clone() });
        }
        if let Some(caller) = task.caller.take() {
            self.callers -= 1;
            self.events.push_back(Event::Done { caller, outcome });
        }
    }

    /// Tells the caller and forgets the task.
    pub(super) fn finish(&mut self, index: u32, outcome: Outcome) {
        self.tell(index, outcome);
        self.forget(index);
    }

    pub(super) fn forget(&mut self, index: u32) {
        if let Some(task) = self.tasks.try_remove(index as usize)
            && task.state == State::Backlog
        {
            self.left_backlog();
        }
    }
}

impl Task {
    /// How many wait for its outcome.
    pub(super) fn callers(&self) -> usize {
        let others = if let Kind::Release(release) = &self.kind { release.also.len() } else { 0 };
        usize::from(self.caller.is_some()) + others
    }

    /// Who waits for its outcome beside its caller.
    pub(super) fn take_others(&mut self) -> Vec<u64> {
        if let Kind::Release(release) = &mut self.kind {
            std::mem::take(&mut release.also)
        } else {
            Vec::new()
        }
    }
}
