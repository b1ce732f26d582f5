//! The output of a client's machines: deadlines and events.

use crate::requests::{Event, LogLevel};
use crate::time::Instant;
use crate::timers::{Timer, Timers};
use std::collections::VecDeque;

/// Every machine writes to it, and the lane reads it.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    timers: Timers,
    events: VecDeque<Event>,
}

impl Effects {
    /// Sets a timer. The client asks the timer's owner at `at`.
    pub(crate) fn arm(&mut self, at: Instant, timer: Timer) {
        self.timers.set(at, timer);
    }

    /// The next timer that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        self.timers.take_due(now)
    }

    /// When the next timer is due, which may have become meaningless.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Forgets timers whose owners are gone, if there are many.
    pub(crate) fn sweep(&mut self, alive: impl Fn(Timer) -> bool) {
        self.timers.sweep(alive);
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.events.push_back(event);
    }

    pub(crate) fn log(&mut self, level: LogLevel, message: impl Into<String>) {
        self.tell(Event::Log { level, message: message.into() });
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }
}
