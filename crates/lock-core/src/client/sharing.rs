//! Keys that callers fight for who do not wait in a queue: the official package, or an instance that may only poll. A client that
//! gives such a key back and takes it again in the same breath would starve them all, so after a while it leaves the key free for a
//! moment.

use super::{Client, Kind, State};
use crate::key::LockKey;
use crate::time::Instant;
use crate::timers::Timer;
use std::collections::BTreeMap;
use std::time::Duration;

/// For how long a client may have a key to itself, from hold to hold.
const STREAK: Duration = Duration::from_millis(100);
/// For how long it then leaves it free: several callers who ask every 200 ms (the official package's longest pause) may come in.
const REST: Duration = Duration::from_millis(25);
/// As long as the scripts remember that such a caller was seen.
const REMEMBERED: Duration = Duration::from_secs(30);
/// More keys than this are looked through for those that need not be known any more.
const MANY: usize = 64;

#[derive(Debug)]
struct Shared {
    /// A hold of this client is under way.
    held: bool,
    /// Since when the key went from hold to hold of this client.
    since: Option<Instant>,
    rests_until: Option<Instant>,
    seen_at: Instant,
}

/// The keys of a client that are shared in this way.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    keys: BTreeMap<LockKey, Shared>,
}

impl Sharing {
    /// A waiter was told that it has to poll for this key.
    pub(super) fn polled(&mut self, now: Instant, key: &LockKey) {
        if self.keys.len() > MANY {
            self.keys.retain(|_, shared| now < shared.seen_at + REMEMBERED);
        }
        let unknown = Shared { held: false, since: None, rests_until: None, seen_at: now };
        let shared = self.keys.entry(key.clone()).or_insert(unknown);
        shared.seen_at = now;
        if !shared.held {
            // Somebody else has it.
            shared.since = None;
        }
    }

    pub(super) fn held(&mut self, now: Instant, keys: &[LockKey]) {
        if self.keys.is_empty() {
            return;
        }
        for key in keys {
            if let Some(shared) = self.keys.get_mut(key) {
                shared.held = true;
                shared.since.get_or_insert(now);
            }
        }
    }

    pub(super) fn released(&mut self, now: Instant, keys: &[LockKey]) {
        if self.keys.is_empty() {
            return;
        }
        for key in keys {
            if let Some(shared) = self.keys.get_mut(key)
                && std::mem::take(&mut shared.held)
                && shared.since.is_some_and(|since| now >= since + STREAK)
                && now < shared.seen_at + REMEMBERED
            {
                shared.since = None;
                shared.rests_until = Some(now + REST);
            }
        }
    }

    /// Until when one of the keys is to be left alone.
    pub(super) fn rests_until(&self, now: Instant, keys: &[LockKey]) -> Option<Instant> {
        if self.keys.is_empty() {
            return None;
        }
        let rests = keys.iter().filter_map(|key| self.keys.get(key)?.rests_until);
        rests.max().filter(|until| now < *until)
    }
}

impl Client {
    /// A key that the task would ask for is left to others for a moment: it asks after that.
    pub(super) fn rests(&mut self, now: Instant, index: u32) -> bool {
        let Some(task) = self.tasks.get_mut(index as usize) else { return false };
        let Kind::Acquire(acquire) = &mut task.kind else { return false };
        if !acquire.waits() || acquire.place.is_some() {
            return false;
        }
        let Some(until) = self.sharing.rests_until(now, &acquire.keys) else { return false };
        task.state = State::Pausing;
        self.timers.set(until, Timer::Retry(index, task.serial));
        true
    }
}
