//! The keyspace, and the commands that the scripts call.

use std::collections::BTreeMap;

use crate::reply::{BAD_EXPIRY, NOT_AN_INTEGER, Outcome, WRONG_TYPE};
use crate::sorted_set::SortedSet;

/// The value of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(Vec<u8>),
    /// A sorted set, never empty.
    Sorted(SortedSet),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    /// The last millisecond since 1970 in which the key exists.
    pub(crate) last_ms: Option<u64>,
}

impl Entry {
    fn lives(&self, now_ms: u64) -> bool {
        self.last_ms.is_none_or(|last| now_ms <= last)
    }
}

/// With fewer entries than this, nothing is swept.
const SMALL: usize = 1024;

/// The keys. Expired ones count as absent, and are removed when there are many.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    data: BTreeMap<Vec<u8>, Entry>,
    sweep_at: usize,
}

impl Store {
    pub(crate) const fn new() -> Self {
        Self { data: BTreeMap::new(), sweep_at: SMALL }
    }

    pub(crate) fn clear(&mut self) {
        self.data.clear();
    }

    pub(crate) fn take_out(&mut self, moves: impl Fn(&[u8]) -> bool) -> Self {
        let (gone, stay) = std::mem::take(&mut self.data).into_iter().partition(|(key, _)| moves(key));
        self.data = stay;
        Self { data: gone, sweep_at: SMALL }
    }

    pub(crate) fn take_in(&mut self, other: Self, ahead_ms: i64) {
        self.data.extend(other.data.into_iter().map(|(key, mut entry)| {
            entry.last_ms = entry.last_ms.map(|last| last.saturating_add_signed(ahead_ms));
            (key, entry)
        }));
    }

    /// Expired keys that nobody looks at again would pile up in a long simulation.
    pub(crate) fn sweep(&mut self, now_ms: u64) {
        if self.data.len() >= self.sweep_at {
            self.data.retain(|_, entry| entry.lives(now_ms));
            self.sweep_at = SMALL.max(2 * self.data.len());
        }
    }

    pub(crate) fn entries(&self, now_ms: u64) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.data
            .iter()
            .filter(move |(_, entry)| entry.lives(now_ms))
            .map(|(key, entry)| (key.as_slice(), entry))
    }

    pub(crate) fn entry(&self, now_ms: u64, key: &[u8]) -> Option<&Entry> {
        self.data.get(key).filter(|entry| entry.lives(now_ms))
    }

    fn entry_mut(&mut self, now_ms: u64, key: &[u8]) -> Option<&mut Entry> {
        self.data.get_mut(key).filter(|entry| entry.lives(now_ms))
    }

    fn sorted_mut(&mut self, now_ms: u64, key: &[u8]) -> Outcome<Option<&mut SortedSet>> {
        match self.entry_mut(now_ms, key).map(|entry| &mut entry.value) {
            None => Ok(None),
            Some(Value::Sorted(set)) => Ok(Some(set)),
            Some(Value::Text(_)) => Err(WRONG_TYPE),
        }
    }

    /// GET.
    pub(crate) fn get(&self, now_ms: u64, key: &[u8]) -> Outcome<Option<&[u8]>> {
        match self.entry(now_ms, key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Sorted(_)) => Err(WRONG_TYPE),
        }
    }

    /// The sorted set, for ZSCORE and ZRANGE.
    pub(crate) fn sorted(&self, now_ms: u64, key: &[u8]) -> Outcome<Option<&SortedSet>> {
        match self.entry(now_ms, key).map(|entry| &entry.value) {
            None => Ok(None),
            Some(Value::Sorted(set)) => Ok(Some(set)),
            Some(Value::Text(_)) => Err(WRONG_TYPE),
        }
    }

    /// PTTL: -2 without the key, -1 without an expiry.
    pub(crate) fn pttl(&self, now_ms: u64, key: &[u8]) -> i64 {
        match self.entry(now_ms, key).map(|entry| entry.last_ms) {
            None => -2,
            Some(None) => -1,
            Some(Some(last)) => i64::try_from(last.saturating_sub(now_ms)).unwrap_or(i64::MAX),
        }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Value, last_ms: Option<u64>) {
        if let Some(entry) = self.data.get_mut(key) {
            *entry = Entry { value, last_ms };
        } else {
            self.data.insert(key.to_vec(), Entry { value, last_ms });
        }
    }

    /// PERSIST.
    pub(crate) fn persist(&mut self, now_ms: u64, key: &[u8]) {
        if let Some(value) = self.entry(now_ms, key).map(|entry| entry.value.clone()) {
            self.put(key, value, None);
        }
    }

    /// SET KEEPTTL.
    pub(crate) fn set_keeping_expiry(&mut self, now_ms: u64, key: &[u8], text: &[u8]) {
        let last_ms = self.entry(now_ms, key).and_then(|entry| entry.last_ms);
        self.put(key, Value::Text(text.to_vec()), last_ms);
    }

    /// SET, with PX when `px_ms` is given.
    pub(crate) fn set(&mut self, now_ms: u64, key: &[u8], text: &[u8], px_ms: Option<i64>) -> Outcome<()> {
        let last_ms = match px_ms {
            None => None,
            Some(ms) if ms > 0 => Some(now_ms.saturating_add(ms.unsigned_abs())),
            Some(_) => return Err(BAD_EXPIRY),
        };
        if let Some(Entry { value: Value::Text(old), last_ms: old_last }) = self.data.get_mut(key) {
            old.clear();
            old.extend_from_slice(text);
            *old_last = last_ms;
        } else {
            self.put(key, Value::Text(text.to_vec()), last_ms);
        }
        Ok(())
    }

    /// DEL.
    pub(crate) fn delete(&mut self, now_ms: u64, key: &[u8]) -> bool {
        self.data.remove(key).is_some_and(|entry| entry.lives(now_ms))
    }

    /// PEXPIRE: a time that is over deletes the key.
    pub(crate) fn expire(&mut self, now_ms: u64, key: &[u8], ms: i64) -> bool {
        let Some(entry) = self.entry_mut(now_ms, key) else { return false };
        if ms > 0 {
            entry.last_ms = Some(now_ms.saturating_add(ms.unsigned_abs()));
        } else {
            self.data.remove(key);
        }
        true
    }

    /// INCRBY.
    pub(crate) fn increment(&mut self, now_ms: u64, key: &[u8], by: i64) -> Outcome<i64> {
        let Some(entry) = self.entry_mut(now_ms, key) else {
            self.put(key, Value::Text(by.to_string().into_bytes()), None);
            return Ok(by);
        };
        let Value::Text(text) = &mut entry.value else { return Err(WRONG_TYPE) };
        let number = number(text).and_then(|number| number.checked_add(by)).ok_or(NOT_AN_INTEGER)?;
        text.clear();
        text.extend_from_slice(number.to_string().as_bytes());
        Ok(number)
    }

    /// ZADD, with LT when `only_lower`.
    pub(crate) fn add(
        &mut self,
        now_ms: u64,
        key: &[u8],
        member: &[u8],
        score: f64,
        only_lower: bool,
    ) -> Outcome<()> {
        match self.sorted_mut(now_ms, key)? {
            Some(set) if only_lower => set.put_lower(member, score),
            Some(set) => set.put(member, score),
            None => {
                let mut set = SortedSet::default();
                set.put(member, score);
                self.put(key, Value::Sorted(set), None);
            }
        }
        Ok(())
    }

    /// ZREM.
    pub(crate) fn remove(&mut self, now_ms: u64, key: &[u8], member: &[u8]) -> Outcome<bool> {
        let Some(set) = self.sorted_mut(now_ms, key)? else { return Ok(false) };
        let removed = set.remove(member);
        if set.is_empty() {
            self.data.remove(key);
        }
        Ok(removed)
    }

    /// ZPOPMIN.
    pub(crate) fn pop_first(&mut self, now_ms: u64, key: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let Some(set) = self.sorted_mut(now_ms, key)? else { return Ok(None) };
        let first = set.pop_first();
        if set.is_empty() {
            self.data.remove(key);
        }
        Ok(first.map(|(member, _)| member))
    }
}

/// An integer as commands and `tonumber` take it.
pub(crate) fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
