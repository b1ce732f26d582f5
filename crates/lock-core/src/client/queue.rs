//! Who of this client waits for which key: the near half of a key's queue, whose far half in Redis has one
//! entry for all of them.

use crate::key::LockKey;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A grant to this client that none of its waiters has taken over yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    /// The token in its text.
    pub(super) token: u64,
    /// Everybody else who waited then has this ticket or a later one; `None` where it was not told.
    pub(super) horizon: Option<u64>,
    /// Until when it stands for certain.
    pub(super) until: Instant,
}

/// The waiters of one key. Kept for as long as there is one, or a command about them is not answered.
#[derive(Debug)]
pub(super) struct KeyQueue {
    pub(super) key: LockKey,
    serial: u64,
    /// Ticket and task of every waiter whose park was answered.
    waiters: BTreeSet<(u64, u32)>,
    /// When the last command was sent whose answer said that no grant of the key was made to this client.
    pub(super) seen_at: Instant,
    /// When the oldest waiter asks for itself, whatever was heard until then.
    pub(super) poll_at: Instant,
    pub(super) armed_at: Option<Instant>,
    /// Parks that are not answered and may take a grant over.
    pub(super) deciding: u32,
    /// Claims that are not answered: a job may be running on a grant.
    pub(super) claiming: u32,
    /// Leaves that are not answered.
    pub(super) leaving: u32,
    pub(super) granted: Option<Granted>,
}

impl KeyQueue {
    pub(super) fn oldest(&self) -> Option<u32> {
        self.waiters.first().map(|(_, task)| *task)
    }

    /// Ticket and task of the oldest waiter.
    pub(super) fn first(&self) -> Option<(u64, u32)> {
        self.waiters.first().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    /// Nothing is under way that decides on a grant, but for so many claims.
    pub(super) fn is_quiet(&self, claims: u32) -> bool {
        self.deciding == 0 && self.claiming == claims && self.leaving == 0 && self.granted.is_none()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = u32> {
        self.waiters.iter().map(|(_, task)| *task)
    }

    pub(super) fn has(&self, ticket: u64, task: u32) -> bool {
        self.waiters.contains(&(ticket, task))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, u32)> {
        self.waiters.iter().copied()
    }

    /// The ticket of the oldest waiter other than `task`.
    pub(super) fn ticket_beside(&self, task: u32) -> Option<u64> {
        self.waiters.iter().find(|(_, other)| *other != task).map(|(ticket, _)| *ticket)
    }

    pub(super) fn insert(&mut self, ticket: u64, task: u32) {
        self.waiters.insert((ticket, task));
    }

    pub(super) fn remove(&mut self, ticket: u64, task: u32) {
        self.waiters.remove(&(ticket, task));
    }

    fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.deciding == 0 && self.claiming == 0 && self.leaving == 0
    }
}

/// For how long a key counts as busy after a call had to wait for it.
const BUSY_FOR: Duration = Duration::from_millis(100);
/// More keys than this are looked through for those that are busy no more.
const MANY: usize = 64;

/// All queues of one connection.
#[derive(Debug, Default)]
pub(super) struct Queues {
    slab: slab::Slab<KeyQueue>,
    by_key: BTreeMap<LockKey, u32>,
    serial: u64,
    /// When a call last had to wait for a key.
    busy: BTreeMap<LockKey, Instant>,
}

impl Queues {
    /// A call has to wait for the key.
    pub(super) fn set_busy(&mut self, now: Instant, key: &LockKey) {
        if self.busy.len() > MANY {
            self.busy.retain(|_, at| now < *at + BUSY_FOR);
        }
        match self.busy.get_mut(key) {
            Some(at) => *at = now,
            None => drop(self.busy.insert(key.clone(), now)),
        }
    }

    /// Whether the next call for the key will probably have to wait, too: asking for a free key first would cost it a round trip.
    pub(super) fn is_busy(&self, now: Instant, key: &LockKey) -> bool {
        !self.busy.is_empty() && self.busy.get(key).is_some_and(|at| now < *at + BUSY_FOR)
    }

    pub(super) fn find(&self, key: &LockKey) -> Option<&KeyQueue> {
        self.by_key.get(key).and_then(|at| self.slab.get(*at as usize))
    }

    pub(super) fn find_mut(&mut self, key: &LockKey) -> Option<&mut KeyQueue> {
        self.by_key.get(key).and_then(|at| self.slab.get_mut(*at as usize))
    }

    /// The key's queue, which is made if there is none, with its place and serial number.
    pub(super) fn enter(&mut self, key: &LockKey) -> (u32, u64, Option<&mut KeyQueue>) {
        let at = match self.by_key.get(key) {
            Some(at) => *at,
            None => {
                self.serial += 1;
                let queue = KeyQueue {
                    key: key.clone(),
                    serial: self.serial,
                    waiters: BTreeSet::new(),
                    seen_at: Instant::from_nanos(0),
                    poll_at: Instant::FAR_FUTURE,
                    armed_at: None,
                    deciding: 0,
                    claiming: 0,
                    leaving: 0,
                    granted: None,
                };
                let at = u32::try_from(self.slab.insert(queue)).unwrap_or(u32::MAX);
                self.by_key.insert(key.clone(), at);
                at
            }
        };
        let queue = self.slab.get_mut(at as usize);
        (at, queue.as_ref().map_or(0, |queue| queue.serial), queue)
    }

    /// The queue of a timer, unless it is another by now.
    pub(super) fn at(&mut self, at: u32, serial: u64) -> Option<&mut KeyQueue> {
        self.slab.get_mut(at as usize).filter(|queue| queue.serial == serial)
    }

    /// Whether a timer's queue is still there.
    pub(super) fn knows(&self, at: u32, serial: u64) -> bool {
        self.slab.get(at as usize).is_some_and(|queue| queue.serial == serial)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &KeyQueue> {
        self.slab.iter().map(|(_, queue)| queue)
    }

    /// Forgets the key's queue if nothing is left of it.
    pub(super) fn tidy(&mut self, key: &LockKey) {
        if self.find(key).is_some_and(KeyQueue::is_idle)
            && let Some(at) = self.by_key.remove(key)
        {
            self.slab.remove(at as usize);
        }
    }

    /// Every queue that has a waiter.
    pub(super) fn waited_for(&self) -> Vec<LockKey> {
        self.slab.iter().filter(|(_, queue)| !queue.is_empty()).map(|(_, queue)| queue.key.clone()).collect()
    }

    /// Forgets everything: the connection is gone, and the client with it.
    pub(super) fn clear(&mut self) {
        self.slab.clear();
        self.by_key.clear();
    }
}
