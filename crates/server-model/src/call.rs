//! One call of a script: its arguments, its moment, and the commands it may use.

use crate::reply::{LUA, MISSING_ARGUMENT, NOT_A_FLOAT, NOT_AN_INTEGER, Outcome};
use crate::store::{Store, number};

pub(crate) struct Call<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) now_us: u64,
    pub(crate) keys: &'a [&'a [u8]],
    pub(crate) args: &'a [&'a [u8]],
    pub(crate) publish: &'a mut dyn FnMut(&[u8], &[u8]) -> u64,
}

impl<'a> Call<'a> {
    /// `KEYS[at + 1]`, where a command needs it.
    pub(crate) fn key(&self, at: usize) -> Outcome<&'a [u8]> {
        self.keys.get(at).copied().ok_or(MISSING_ARGUMENT)
    }

    /// `ARGV[number]`; `None` when it was left out.
    pub(crate) fn arg(&self, number: usize) -> Option<&'a [u8]> {
        self.args.get(number.checked_sub(1)?).copied()
    }

    /// `ARGV[number]`, where a command needs it.
    pub(crate) fn needed(&self, number: usize) -> Outcome<&'a [u8]> {
        self.arg(number).ok_or(MISSING_ARGUMENT)
    }

    /// How many keys each lock has, as `ARGV[number]` says.
    pub(crate) fn stride(&self, argument: usize) -> Outcome<usize> {
        let stride = number(self.needed(argument)?).and_then(|stride| usize::try_from(stride).ok());
        stride.filter(|&stride| stride > 0).ok_or(LUA)
    }

    /// Whether `ARGV[number]` is the flag `1`.
    pub(crate) fn flag(&self, number: usize) -> bool {
        self.arg(number) == Some(b"1")
    }

    /// Whether `ARGV[number]` is there and not empty.
    pub(crate) fn given(&self, number: usize) -> Option<&'a [u8]> {
        self.arg(number).filter(|text| !text.is_empty())
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_us / 1000
    }

    pub(crate) fn get(&self, key: &[u8]) -> Outcome<Option<&[u8]>> {
        self.store.get(self.now_ms(), key)
    }

    /// Whether the key is there and holds this text.
    pub(crate) fn holds(&self, key: &[u8], text: &[u8]) -> Outcome<bool> {
        Ok(self.get(key)? == Some(text))
    }

    pub(crate) fn exists(&self, key: &[u8]) -> bool {
        self.store.entry(self.now_ms(), key).is_some()
    }

    pub(crate) fn pttl(&self, key: &[u8]) -> i64 {
        self.store.pttl(self.now_ms(), key)
    }

    /// SET; `px` is a time in ms as an argument gives it.
    pub(crate) fn set(&mut self, key: &[u8], text: &[u8], px: Option<&[u8]>) -> Outcome<()> {
        let px_ms = px.map(|px| number(px).ok_or(NOT_AN_INTEGER)).transpose()?;
        self.store.set(self.now_ms(), key, text, px_ms)
    }

    /// PERSIST.
    pub(crate) fn persist(&mut self, key: &[u8]) {
        self.store.persist(self.now_ms(), key);
    }

    /// SET KEEPTTL.
    pub(crate) fn set_keeping_expiry(&mut self, key: &[u8], text: &[u8]) {
        self.store.set_keeping_expiry(self.now_ms(), key, text);
    }

    /// SET NX PX.
    pub(crate) fn set_if_absent(&mut self, key: &[u8], text: &[u8], px: &[u8]) -> Outcome<bool> {
        if self.exists(key) {
            return Ok(false);
        }
        self.set(key, text, Some(px)).map(|()| true)
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> bool {
        self.store.delete(self.now_ms(), key)
    }

    /// PEXPIRE; `ms` is a time in ms as an argument gives it.
    pub(crate) fn expire(&mut self, key: &[u8], ms: &[u8]) -> Outcome<bool> {
        let ms = number(ms).ok_or(NOT_AN_INTEGER)?;
        Ok(self.store.expire(self.now_ms(), key, ms))
    }

    pub(crate) fn increment(&mut self, key: &[u8], by: i64) -> Outcome<i64> {
        self.store.increment(self.now_ms(), key, by)
    }

    /// ZADD; `score` as an argument gives it.
    pub(crate) fn add(&mut self, queue: &[u8], score: &[u8], member: &[u8]) -> Outcome<()> {
        self.store.add(self.now_ms(), queue, member, float(score)?, false)
    }

    /// ZADD LT.
    pub(crate) fn add_lower(&mut self, queue: &[u8], score: &[u8], member: &[u8]) -> Outcome<()> {
        self.store.add(self.now_ms(), queue, member, float(score)?, true)
    }

    pub(crate) fn score(&self, queue: &[u8], member: &[u8]) -> Outcome<Option<f64>> {
        Ok(self.store.sorted(self.now_ms(), queue)?.and_then(|set| set.score(member)))
    }

    /// The lowest score, which is a ticket.
    pub(crate) fn first_score(&self, queue: &[u8]) -> Outcome<Option<i64>> {
        #[expect(clippy::cast_possible_truncation, reason = "tickets are whole and below 2^53")]
        let ticket = |score: f64| score as i64;
        Ok(self
            .store
            .sorted(self.now_ms(), queue)?
            .and_then(|set| set.first())
            .map(|(_, score)| ticket(score)))
    }

    pub(crate) fn remove(&mut self, queue: &[u8], member: &[u8]) -> Outcome<bool> {
        self.store.remove(self.now_ms(), queue, member)
    }

    pub(crate) fn pop_first(&mut self, queue: &[u8]) -> Outcome<Option<Vec<u8>>> {
        self.store.pop_first(self.now_ms(), queue)
    }
}

fn float(text: &[u8]) -> Outcome<f64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(NOT_A_FLOAT)
}
