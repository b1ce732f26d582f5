//! Who of this client polls for a key, where nobody stands in a queue in Redis: the rungs without one, and keys for which somebody polls. Only
//! the first in line asks, and the next one asks as soon as the lock is given back here. The scripts decide when such a key is to be left alone for
//! others (`scripts/parts/turn.lua`).

use super::{Client, Kind, State};
use crate::key::LockKey;
use crate::time::Instant;
use crate::timers::Timer;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Longest pause between two questions of the first in line at first, where a queue would be to be had: whoever polls may give the key back
/// and take it again in one breath, many times, and only a question in between breaks in.
const BREAK_IN: Duration = Duration::from_millis(2);
/// For how long that is tried, and then with longer pauses.
const BREAK_IN_FOR: Duration = Duration::from_secs(1);
/// The longest pause then. Who waits for long must not ask less often than who has come just now.
const PATIENT: Duration = Duration::from_millis(25);
/// The shortest pause of a client that has had the key a short while ago: after the time for which the key is left alone, others come first.
const AFTER_TURN: Duration = Duration::from_millis(40);
/// Longer than a key is left alone for our own who poll.
const HAD_LATELY: Duration = Duration::from_millis(500);
/// When the line is looked at in any case: no answer and no release is relied on.
const LOOK: Duration = Duration::from_millis(200);
/// As long as the scripts remember that somebody polls.
const REMEMBERED: Duration = Duration::from_secs(30);
/// More keys than this are looked through for those that need not be known any more.
const MANY: usize = 64;

/// A task and its serial number.
type Waiter = (u32, u64);

#[derive(Debug)]
struct Line {
    key: LockKey,
    serial: u64,
    /// In the order in which they came.
    waiters: VecDeque<Waiter>,
    /// The one whose question is under way.
    asking: Option<Waiter>,
    /// The first in line, and since when it is.
    first: Option<(Waiter, Instant)>,
    armed_at: Option<Instant>,
    seen_at: Instant,
    /// When one of this client had the key.
    had_at: Option<Instant>,
}

/// All lines of a client.
#[derive(Debug, Default)]
pub(super) struct Lines {
    slab: slab::Slab<Line>,
    by_key: BTreeMap<LockKey, u32>,
    serial: u64,
}

impl Lines {
    fn find(&self, key: &LockKey) -> Option<&Line> {
        if self.by_key.is_empty() {
            return None;
        }
        self.by_key.get(key).and_then(|at| self.slab.get(*at as usize))
    }

    fn place(&self, key: &LockKey) -> Option<u32> {
        if self.by_key.is_empty() { None } else { self.by_key.get(key).copied() }
    }

    /// Whether somebody polls for the key, or did a short while ago.
    pub(super) fn is_polled(&self, now: Instant, key: &LockKey) -> bool {
        self.find(key).is_some_and(|line| now < line.seen_at + REMEMBERED)
    }

    /// Whether a timer's line is still there.
    pub(super) fn knows(&self, at: u32, serial: u64) -> bool {
        self.slab.get(at as usize).is_some_and(|line| line.serial == serial)
    }

    fn enter(&mut self, now: Instant, key: &LockKey) -> u32 {
        if let Some(at) = self.by_key.get(key) {
            return *at;
        }
        if self.slab.len() > MANY {
            let by_key = &mut self.by_key;
            self.slab.retain(|_, line| {
                let needed =
                    !line.waiters.is_empty() || line.asking.is_some() || now < line.seen_at + REMEMBERED;
                if !needed {
                    by_key.remove(&line.key);
                }
                needed
            });
        }
        self.serial += 1;
        let line = Line {
            key: key.clone(),
            serial: self.serial,
            waiters: VecDeque::new(),
            asking: None,
            first: None,
            armed_at: None,
            seen_at: now,
            had_at: None,
        };
        let at = u32::try_from(self.slab.insert(line)).unwrap_or(u32::MAX);
        self.by_key.insert(key.clone(), at);
        at
    }

    /// The task got its keys: it stands in no line any more.
    pub(super) fn held(&mut self, now: Instant, keys: &[LockKey], task: Waiter) {
        for key in keys {
            if let Some(at) = self.place(key)
                && let Some(line) = self.slab.get_mut(at as usize)
            {
                line.asking.take_if(|asking| *asking == task);
                line.had_at = Some(now);
            }
        }
    }
}

impl Client {
    /// Somebody polls for the key from now on.
    pub(super) fn is_polled_now(&mut self, now: Instant, key: &LockKey) {
        let at = self.lines.enter(now, key);
        if let Some(line) = self.lines.slab.get_mut(at as usize) {
            line.seen_at = now;
        }
    }

    /// The task was told to ask again for this key. Whoever has asked goes to the front, others to the end.
    pub(super) fn line_up(&mut self, now: Instant, index: u32, key: &LockKey) {
        let rule = &self.config.backoff;
        let jitter = self.ids.jitter();
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        task.state = State::Pausing;
        let waiter = (index, task.serial);
        let own_poll = acquire.own_poll;
        let mut pause = acquire.backoff.pause(rule, jitter);
        let keys = std::sync::Arc::clone(&acquire.keys);
        let at = self.lines.enter(now, key);
        let Some(line) = self.lines.slab.get_mut(at as usize) else { return };
        line.seen_at = now;
        if line.asking.take_if(|asking| *asking == waiter).is_some() {
            line.waiters.push_front(waiter);
        } else {
            line.waiters.push_back(waiter);
            // It asked for other keys, too, and waits here now.
            for other in keys.iter().filter(|other| *other != key) {
                self.left_line(now, other, waiter);
            }
        }
        let Some(line) = self.lines.slab.get_mut(at as usize) else { return };
        let first = line.waiters.front().copied();
        let since = match line.first {
            Some((known, since)) if Some(known) == first => since,
            _ => now,
        };
        line.first = first.map(|first| (first, since));
        let most = match now.since(since) {
            _ if !self.link.hands_off() => pause,
            waited if waited < BREAK_IN_FOR => BREAK_IN,
            _ => PATIENT,
        };
        pause = pause.min(most);
        if own_poll && line.had_at.is_some_and(|had_at| now < had_at + HAD_LATELY) {
            pause = pause.max(AFTER_TURN);
        }
        self.look_at_line(at, now + pause);
    }

    pub(super) fn left_line(&mut self, now: Instant, key: &LockKey, waiter: Waiter) {
        let Some(at) = self.lines.place(key) else { return };
        let Some(line) = self.lines.slab.get_mut(at as usize) else { return };
        if line.asking.take_if(|asking| *asking == waiter).is_some() {
            self.look_at_line(at, now);
        }
    }

    /// A task that is about to ask waits behind others of this client that poll for one of its keys. True when it does.
    pub(super) fn joins_line(&mut self, now: Instant, index: u32) -> bool {
        if self.lines.by_key.is_empty() {
            return false;
        }
        let Some(task) = self.tasks.get(index as usize) else { return false };
        let Kind::Acquire(acquire) = &task.kind else { return false };
        let waiter = (index, task.serial);
        if !acquire.waits() || acquire.place.is_some() {
            return false;
        }
        let is_busy = |key: &&LockKey| {
            self.lines.find(key).is_some_and(|line| {
                line.asking != Some(waiter)
                    && (line.asking.is_some_and(|asking| self.asks(asking)) || !line.waiters.is_empty())
            })
        };
        let is_asking = acquire
            .keys
            .iter()
            .any(|key| self.lines.find(key).is_some_and(|line| line.asking == Some(waiter)));
        let Some(key) = acquire.keys.iter().find(is_busy).filter(|_| !is_asking).cloned() else {
            return false;
        };
        self.begin_limit(now, index);
        self.line_up(now, index, &key);
        true
    }

    /// Whether the waiter's question may still be answered.
    fn asks(&self, (index, serial): Waiter) -> bool {
        self.tasks.get(index as usize).is_some_and(|task| {
            task.serial == serial
                && !matches!(task.state, State::Pausing | State::Parked)
                && matches!(task.kind, Kind::Acquire(_))
        })
    }

    fn look_at_line(&mut self, at: u32, when: Instant) {
        let Some(line) = self.lines.slab.get_mut(at as usize) else { return };
        if line.armed_at.is_none_or(|armed| when < armed) {
            line.armed_at = Some(when);
            self.timers.set(when, Timer::Line(at, line.serial));
        }
    }

    /// The lock was given back here: the next in line asks.
    pub(super) fn next_in_line(&mut self, now: Instant, keys: &[LockKey]) {
        for key in keys {
            if let Some(at) = self.lines.place(key) {
                self.ask_in_line(now, at);
            }
        }
    }

    pub(super) fn line_due(&mut self, now: Instant, at: u32, serial: u64) {
        if !self.lines.knows(at, serial) {
            return;
        }
        let Some(line) = self.lines.slab.get_mut(at as usize) else { return };
        if line.armed_at.is_some_and(|armed| armed > now) {
            return;
        }
        line.armed_at = None;
        self.ask_in_line(now, at);
    }

    fn ask_in_line(&mut self, now: Instant, at: u32) {
        let Some(line) = self.lines.slab.get(at as usize) else { return };
        if let Some(asking) = line.asking
            && self.asks(asking)
        {
            return self.look_at_line(at, now + LOOK);
        }
        let waits = |waiter: &Waiter| {
            let task = self.tasks.get(waiter.0 as usize);
            task.is_some_and(|task| task.serial == waiter.1 && task.state == State::Pausing)
        };
        let gone = line.waiters.iter().take_while(|waiter| !waits(waiter)).count();
        let Some(line) = self.lines.slab.get_mut(at as usize) else { return };
        line.asking = None;
        line.waiters.drain(..gone);
        let Some(first) = line.waiters.pop_front() else { return };
        if line.first.is_none_or(|(known, _)| known != first) {
            line.first = Some((first, now));
        }
        line.asking = Some(first);
        self.look_at_line(at, now + LOOK);
        self.submit(now, first.0);
    }
}
