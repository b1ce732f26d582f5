//! One table of deadlines, one OS timer.

use crate::call_id::CallId;
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The purpose of a deadline. An entry may be out of date, so its reader compares it with the state for which it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// It is time to connect again.
    Reconnect,
    /// It is time to ask again whether the server has loaded its data.
    ReadyCheck,
    /// It is time to ask whether a connection that owes answers is still alive.
    Silence,
    /// It is time to ask again for a right that the server refused.
    AskAgain,
    /// Jobs have ended whose callers were not told yet.
    Verify,
    /// A call's time limit ends.
    Limit(CallId),
    /// The time limit of a call's command ends.
    Command(CallId),
    /// A call asks again.
    Retry(CallId),
    /// The first in a line asks. The line's place and serial number.
    Line(u32, u64),
    /// A key's safety poll, with the serial number of its queue.
    Poll(u32, u64),
}

/// The deadlines in order. Entries of finished calls stay until their time, or until they outnumber the others. Each quick call would
/// otherwise have to search for its entry.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Timer)>>,
    sweep_at: usize,
}

const SMALLEST_SWEEP: usize = 1_024;

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// Takes the next entry that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = self.heap.peek().is_some_and(|Reverse((at, _))| *at <= now);
        if due { self.heap.pop().map(|Reverse((_, timer))| timer) } else { None }
    }

    /// When the next entry is due, which may have become meaningless.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Drops the entries that `alive` does not know, if the table has doubled since the last time.
    pub(crate) fn sweep(&mut self, alive: impl Fn(Timer) -> bool) {
        if self.heap.len() < self.sweep_at.max(SMALLEST_SWEEP) {
            return;
        }
        self.heap.retain(|Reverse((_, timer))| alive(*timer));
        self.sweep_at = self.heap.len() * 2;
    }
}
