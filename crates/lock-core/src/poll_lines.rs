//! The calls of this client that poll for a key because there is no queue in Redis: in the modes without one, and for keys with a polled
//! mark. Only the first in line asks, and the next one asks as soon as the lock is given back here. The scripts decide when such a key must
//! be left alone for others (`scripts/parts/turn.lua`).

use crate::call_id::CallId;
use crate::effects::Effects;
use crate::key::LockKey;
use crate::present::Present;
use crate::time::Instant;
use crate::timers::Timer;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// In hand-off mode: longest pause between two questions of the first in line, in its first second. A polling caller may give the key back
/// and take it again at once, many times, and only a question in between can win the key.
const BREAK_IN: Duration = Duration::from_millis(2);
/// How long the line asks with these short pauses. After it the pauses are longer.
const BREAK_IN_FOR: Duration = Duration::from_secs(1);
/// The longest pause after that. A call that has waited long must not ask less often than a call that has just come.
const PATIENT: Duration = Duration::from_millis(25);
/// When the line asks in any case, even if no answer and no release arrives.
const LOOK: Duration = Duration::from_millis(200);
/// How long a line counts as polled. The scripts remember it for as long.
const REMEMBERED: Duration = Duration::from_secs(30);
/// With more lines than this, the client looks for lines that it can forget.
const MANY: usize = 64;

#[derive(Debug)]
struct Line {
    key: LockKey,
    serial: u64,
    /// The waiting calls, in the order in which they came.
    waiters: VecDeque<CallId>,
    /// The call whose question is under way.
    asking: Option<CallId>,
    /// The first in line, and since when it is the first.
    first: Option<(CallId, Instant)>,
    armed_at: Option<Instant>,
    seen_at: Instant,
}

/// How long a call waits that was told to ask again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pause {
    /// The pause by the call's own rule.
    pub(crate) own: Duration,
    /// The connection is in hand-off mode.
    pub(crate) breaks_in: bool,
}

/// All lines of a client.
#[derive(Debug, Default)]
pub(crate) struct PollLines {
    slab: slab::Slab<Line>,
    by_key: BTreeMap<LockKey, u32>,
    serial: u64,
    /// With this many lines, the client looks for lines that it can forget.
    sweep_at: usize,
}

impl PollLines {
    fn find(&self, key: &LockKey) -> Option<&Line> {
        if self.by_key.is_empty() {
            return None;
        }
        self.by_key.get(key).and_then(|at| self.slab.get(*at as usize))
    }

    fn find_mut(&mut self, key: &LockKey) -> Option<(u32, &mut Line)> {
        if self.by_key.is_empty() {
            return None;
        }
        let at = *self.by_key.get(key)?;
        Some((at, self.slab.get_mut(at as usize)?))
    }

    /// Whether there is no line.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whether a caller polls for the key, or did a short while ago.
    pub(crate) fn is_polled(&self, now: Instant, key: &LockKey) -> bool {
        self.find(key).is_some_and(|line| now < line.seen_at + REMEMBERED)
    }

    /// Whether a timer's line is still there.
    pub(crate) fn knows(&self, at: u32, serial: u64) -> bool {
        self.slab.get(at as usize).is_some_and(|line| line.serial == serial)
    }

    fn enter(&mut self, now: Instant, key: &LockKey) -> Option<(u32, &mut Line)> {
        if !self.by_key.contains_key(key) {
            if self.slab.len() >= self.sweep_at.max(MANY) {
                let by_key = &mut self.by_key;
                self.slab.retain(|_, line| {
                    let needed =
                        !line.waiters.is_empty() || line.asking.is_some() || now < line.seen_at + REMEMBERED;
                    if !needed {
                        by_key.remove(&line.key);
                    }
                    needed
                });
                self.sweep_at = 2 * self.slab.len();
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
            };
            let at = u32::try_from(self.slab.insert(line)).unwrap_or(u32::MAX);
            self.by_key.insert(key.clone(), at);
        }
        self.find_mut(key)
    }

    /// The call got its keys, so it stands in no line any more.
    pub(crate) fn held(&mut self, keys: &[LockKey], call: CallId) {
        for key in keys {
            if let Some((_, line)) = self.find_mut(key) {
                line.asking.take_if(|asking| *asking == call);
            }
        }
    }

    /// Notes that a caller polls for the key from now on.
    pub(crate) fn is_polled_now(&mut self, now: Instant, key: &LockKey) {
        if let Some((_, line)) = self.enter(now, key) {
            line.seen_at = now;
        }
    }

    /// The call asked for `keys` and was told to ask again for `key`. A call that has asked goes to the front, and any other call to the
    /// end.
    pub(crate) fn line_up(
        &mut self,
        now: Instant,
        call: CallId,
        key: &LockKey,
        keys: &[LockKey],
        pause: Pause,
        fx: &mut Effects,
    ) {
        let Some((_, line)) = self.enter(now, key).present() else { return };
        line.seen_at = now;
        if line.asking.take_if(|asking| *asking == call).is_some() {
            line.waiters.push_front(call);
        } else {
            line.waiters.push_back(call);
            // The call asked for other keys too, and now waits here.
            for other in keys.iter().filter(|other| *other != key) {
                self.left(now, other, call, fx);
            }
        }
        let Some((at, line)) = self.find_mut(key).present() else { return };
        let first = line.waiters.front().copied();
        let since = match line.first {
            Some((known, since)) if Some(known) == first => since,
            _ => now,
        };
        line.first = first.map(|first| (first, since));
        let most = match now.since(since) {
            _ if !pause.breaks_in => pause.own,
            waited if waited < BREAK_IN_FOR => BREAK_IN,
            _ => PATIENT,
        };
        line.look_at(at, now + pause.own.min(most), fx);
    }

    /// The call does not ask for the key any more.
    pub(crate) fn left(&mut self, now: Instant, key: &LockKey, call: CallId, fx: &mut Effects) {
        if let Some((at, line)) = self.find_mut(key)
            && line.asking.take_if(|asking| *asking == call).is_some()
        {
            line.look_at(at, now, fx);
        }
    }

    /// The first of a call's keys for which other calls of this client polled before it. The call waits behind them. `asks`: the call's
    /// question may still be answered.
    pub(crate) fn busy_key<'a>(
        &self,
        call: CallId,
        keys: &'a [LockKey],
        asks: impl Fn(CallId) -> bool,
    ) -> Option<&'a LockKey> {
        let is_asking = |key: &LockKey| self.find(key).is_some_and(|line| line.asking == Some(call));
        let is_busy = |key: &&LockKey| {
            self.find(key).is_some_and(|line| line.asking.is_some_and(&asks) || !line.waiters.is_empty())
        };
        if keys.iter().any(is_asking) {
            return None;
        }
        keys.iter().find(is_busy)
    }

    /// The lock was given back here. Returns the call that asks next for the key. `waits`: the call still waits in the line.
    pub(crate) fn next(
        &mut self,
        now: Instant,
        key: &LockKey,
        asks: impl Fn(CallId) -> bool,
        waits: impl Fn(CallId) -> bool,
        fx: &mut Effects,
    ) -> Option<CallId> {
        self.find_mut(key).and_then(|(at, line)| line.next(at, now, asks, waits, fx))
    }

    /// The timer of a line is due. Returns the call that asks.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        (at, serial): (u32, u64),
        asks: impl Fn(CallId) -> bool,
        waits: impl Fn(CallId) -> bool,
        fx: &mut Effects,
    ) -> Option<CallId> {
        let line = self.slab.get_mut(at as usize).filter(|line| line.serial == serial)?;
        if line.armed_at.is_some_and(|armed| armed > now) {
            return None;
        }
        line.armed_at = None;
        line.next(at, now, asks, waits, fx)
    }
}

impl Line {
    fn look_at(&mut self, at: u32, when: Instant, fx: &mut Effects) {
        if self.armed_at.is_none_or(|armed| when < armed) {
            self.armed_at = Some(when);
            fx.arm(when, Timer::Line(at, self.serial));
        }
    }

    fn next(
        &mut self,
        at: u32,
        now: Instant,
        asks: impl Fn(CallId) -> bool,
        waits: impl Fn(CallId) -> bool,
        fx: &mut Effects,
    ) -> Option<CallId> {
        if self.asking.is_some_and(asks) {
            self.look_at(at, now + LOOK, fx);
            return None;
        }
        self.asking = None;
        let gone = self.waiters.iter().take_while(|waiter| !waits(**waiter)).count();
        self.waiters.drain(..gone);
        let first = self.waiters.pop_front()?;
        if self.first.is_none_or(|(known, _)| known != first) {
            self.first = Some((first, now));
        }
        self.asking = Some(first);
        self.look_at(at, now + LOOK, fx);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::{Pause, PollLines};
    use crate::call_id::CallId;
    use crate::effects::Effects;
    use crate::key::LockKey;
    use crate::time::Instant;
    use std::time::Duration;

    const NOW: Instant = Instant::from_nanos(1 << 40);
    const PAUSE: Pause = Pause { own: Duration::from_millis(5), breaks_in: true };

    fn call(index: u32) -> CallId {
        CallId { index, serial: u64::from(index) }
    }

    fn key() -> LockKey {
        LockKey::new(b"k".to_vec())
    }

    #[test]
    fn only_the_first_in_line_asks_and_one_that_asked_in_vain_stays_the_first() {
        let (mut lines, mut fx) = (PollLines::default(), Effects::default());
        let key = key();
        for index in 1..=2 {
            lines.line_up(NOW, call(index), &key, std::slice::from_ref(&key), PAUSE, &mut fx);
        }
        assert_eq!(lines.next(NOW, &key, |_| true, |_| true, &mut fx), Some(call(1)));
        assert_eq!(lines.next(NOW, &key, |_| true, |_| true, &mut fx), None, "the first asks already");
        lines.line_up(NOW, call(1), &key, std::slice::from_ref(&key), PAUSE, &mut fx);
        assert_eq!(lines.next(NOW, &key, |_| false, |_| true, &mut fx), Some(call(1)));
    }

    #[test]
    fn a_call_that_is_gone_does_not_hold_the_line_up() {
        let (mut lines, mut fx) = (PollLines::default(), Effects::default());
        let key = key();
        for index in 1..=3 {
            lines.line_up(NOW, call(index), &key, std::slice::from_ref(&key), PAUSE, &mut fx);
        }
        let next = lines.next(NOW, &key, |_| false, |waiter| waiter != call(1), &mut fx);
        assert_eq!(next, Some(call(2)));
        let next = lines.next(NOW, &key, |_| false, |_| true, &mut fx);
        assert_eq!(next, Some(call(3)), "its question is answered, or lost");
    }

    #[test]
    fn a_new_call_waits_behind_those_that_poll_for_one_of_its_keys() {
        let (mut lines, mut fx) = (PollLines::default(), Effects::default());
        let (key, other) = (key(), LockKey::new(b"other".to_vec()));
        lines.line_up(NOW, call(1), &key, std::slice::from_ref(&key), PAUSE, &mut fx);
        let keys = [other, key.clone()];
        assert_eq!(lines.busy_key(call(2), &keys, |_| true), Some(&key));
        assert_eq!(lines.next(NOW, &key, |_| true, |_| true, &mut fx), Some(call(1)));
        assert_eq!(lines.busy_key(call(1), &keys, |_| true), None, "it is its turn");
    }
}
