//! Tasks that wait for a connection, in order.

use super::{Client, State};
use std::collections::VecDeque;

/// Entries of tasks that are gone stay until they are the greater part: an outage may end very many calls, one after the other.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    /// Place and serial number.
    entries: VecDeque<(u32, u64)>,
    gone: usize,
}

impl Backlog {
    /// How many entries there are, and how many of them are known to be gone.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.entries.len(), self.gone)
    }
}

impl Client {
    /// The task waits behind all others.
    pub(super) fn enqueue(&mut self, index: u32) {
        if let Some(task) = self.tasks.get_mut(index as usize) {
            task.state = State::Backlog;
            self.backlog.entries.push_back((index, task.serial));
        }
    }

    /// The task waits before all others.
    pub(super) fn enqueue_first(&mut self, index: u32) {
        if let Some(task) = self.tasks.get_mut(index as usize) {
            task.state = State::Backlog;
            self.backlog.entries.push_front((index, task.serial));
        }
    }

    fn waits(&self, index: u32, serial: u64) -> bool {
        self.tasks
            .get(index as usize)
            .is_some_and(|task| task.serial == serial && task.state == State::Backlog)
    }

    /// Those that wait, in order.
    pub(super) fn waiting(&self) -> Vec<u32> {
        let waiting = self.backlog.entries.iter().filter(|(index, serial)| self.waits(*index, *serial));
        waiting.map(|(index, _)| *index).collect()
    }

    /// Takes out those that wait, in order: there is a connection.
    pub(super) fn take_waiting(&mut self) -> Vec<u32> {
        let waiting = self.waiting();
        self.backlog = Backlog::default();
        waiting
    }

    /// A task that waited does not wait any more.
    pub(super) fn left_backlog(&mut self) {
        self.backlog.gone += 1;
        if self.backlog.gone > self.backlog.entries.len() / 2 {
            let mut entries = std::mem::take(&mut self.backlog.entries);
            entries.retain(|(index, serial)| self.waits(*index, *serial));
            self.backlog = Backlog { entries, gone: 0 };
        }
    }
}
