//! One table of deadlines, one OS timer.

use crate::call_id::CallId;
use crate::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a deadline is for. An entry may be out of date: whoever takes it compares with the state it was set for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Time to connect again.
    Reconnect,
    /// Time to ask again whether the server has loaded its data.
    ReadyCheck,
    /// Time to ask whether a connection that owes answers is still alive.
    Silence,
    /// Time to ask again for what the server refused.
    AskAgain,
    /// Jobs ended whose callers were not told yet.
    Verify,
    /// A call's time limit.
    Limit(CallId),
    /// The time limit of a call's command.
    Command(CallId),
    /// A call's next attempt.
    Retry(CallId),
    /// The first in a line asks: its place and serial number.
    Line(u32, u64),
    /// A key's safety poll, with the serial number of its queue.
    Poll(u32, u64),
}

/// Deadlines in order. Entries of finished calls stay until their time or until they outnumber the living:
/// taking each out at once would cost every quick call a search.
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

    /// When the next entry is due, possibly one that has become meaningless.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Drops what `alive` no longer knows, once the table has doubled since the last time.
    pub(crate) fn sweep(&mut self, alive: impl Fn(Timer) -> bool) {
        if self.heap.len() < self.sweep_at.max(SMALLEST_SWEEP) {
            return;
        }
        self.heap.retain(|Reverse((_, timer))| alive(*timer));
        self.sweep_at = self.heap.len() * 2;
    }
}
