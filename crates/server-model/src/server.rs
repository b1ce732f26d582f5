//! The server: its data, and the commands of its other users.

use crate::call::Call;
use crate::reply::Reply;
use crate::sorted_set::SortedSet;
use crate::store::{Store, Value};
use crate::verbs::{self, Verb};

/// A Redis server. A clone is the replica at the moment when its primary failed.
///
/// `now_us` is everywhere the server's TIME in microseconds since 1970.
#[derive(Clone, Debug)]
pub struct Server {
    store: Store,
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}

impl Server {
    /// An empty server.
    #[must_use]
    pub const fn new() -> Self {
        Self { store: Store::new() }
    }

    /// Runs the script of a verb; `keys` and `args` are its KEYS and ARGV. Every PUBLISH goes to `publish` (channel, message), which answers
    /// how many subscribers received it.
    pub fn run(
        &mut self,
        now_us: u64,
        verb: Verb,
        keys: &[&[u8]],
        args: &[&[u8]],
        publish: &mut dyn FnMut(&[u8], &[u8]) -> u64,
    ) -> Reply {
        self.store.sweep(now_us / 1000);
        let mut call = Call { store: &mut self.store, now_us, keys, args, publish };
        verbs::run(verb, &mut call).unwrap_or_else(|fault| Reply::Error(fault.0.to_owned()))
    }

    /// GET; `None` also when the key holds no string.
    #[must_use]
    pub fn get(&self, now_us: u64, key: &[u8]) -> Option<&[u8]> {
        self.store.get(now_us / 1000, key).ok().flatten()
    }

    /// The sorted set of this name; `None` also when the key holds none.
    #[must_use]
    pub fn sorted(&self, now_us: u64, key: &[u8]) -> Option<&SortedSet> {
        self.store.sorted(now_us / 1000, key).ok().flatten()
    }

    /// PTTL in ms: -2 without the key, -1 without an expiry.
    #[must_use]
    pub fn pttl(&self, now_us: u64, key: &[u8]) -> i64 {
        self.store.pttl(now_us / 1000, key)
    }

    /// The names of all keys, in byte order.
    pub fn names(&self, now_us: u64) -> impl Iterator<Item = &[u8]> {
        self.store.entries(now_us / 1000).map(|(name, _)| name)
    }

    /// All keys, in byte order: name, value, and PTTL in ms (-1 without an expiry).
    pub fn entries(&self, now_us: u64) -> impl Iterator<Item = (&[u8], &Value, i64)> {
        let now_ms = now_us / 1000;
        self.store.entries(now_ms).map(move |(name, entry)| {
            let left = entry
                .last_ms
                .map_or(-1, |last| i64::try_from(last.saturating_sub(now_ms)).unwrap_or(i64::MAX));
            (name, &entry.value, left)
        })
    }

    /// SET, with PX when `lease_ms` is given (at least 1).
    pub fn set(&mut self, now_us: u64, key: &[u8], text: &[u8], lease_ms: Option<u64>) {
        self.store.put(
            key,
            Value::Text(text.to_vec()),
            lease_ms.map(|ms| (now_us / 1000).saturating_add(ms)),
        );
    }

    /// SET NX, with PX if `lease_ms` is given. The official package takes a lock this way.
    pub fn set_if_absent(&mut self, now_us: u64, key: &[u8], text: &[u8], lease_ms: Option<u64>) -> bool {
        let absent = self.store.entry(now_us / 1000, key).is_none();
        if absent {
            self.set(now_us, key, text, lease_ms);
        }
        absent
    }

    /// Deletes the key if it holds this text. The official package gives a lock back this way.
    pub fn delete_if(&mut self, now_us: u64, key: &[u8], text: &[u8]) -> bool {
        self.get(now_us, key) == Some(text) && self.delete(now_us, key)
    }

    /// DEL.
    pub fn delete(&mut self, now_us: u64, key: &[u8]) -> bool {
        self.store.delete(now_us / 1000, key)
    }

    /// PEXPIRE; zero or less deletes the key.
    pub fn expire(&mut self, now_us: u64, key: &[u8], ms: i64) -> bool {
        self.store.expire(now_us / 1000, key, ms)
    }

    /// ZADD of one member; false when the key holds a string.
    pub fn add(&mut self, now_us: u64, key: &[u8], member: &[u8], score: f64) -> bool {
        self.store.add(now_us / 1000, key, member, score, false).is_ok()
    }

    /// Takes these keys out, with their expiries: a slot that moves to another server.
    #[must_use]
    pub fn take_out(&mut self, moves: impl Fn(&[u8]) -> bool) -> Self {
        Self { store: self.store.take_out(moves) }
    }

    /// Takes in the data of another server, in place of its own. `ahead_ms`: by how much the clock here is ahead of the other's. Keys with
    /// an expiry keep the time that they have left (MIGRATE).
    pub fn take_in(&mut self, other: Self, ahead_ms: i64) {
        self.store.take_in(other.store, ahead_ms);
    }

    /// FLUSHALL.
    pub fn flush_all(&mut self) {
        self.store.clear();
    }
}
