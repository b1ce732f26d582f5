//! Locks of `acquire` that nobody looks after. They are noted only so that an operator can see whose they are.

use super::NewLease;
use super::facts::LeaseFacts;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How many locks are noted. A shop that locks without an end and never releases must not fill its memory.
const MOST: usize = 10_000;

#[derive(Debug)]
struct Note {
    serial: u64,
    owner: Arc<[u8]>,
    token: Option<u64>,
    label: Option<Arc<str>>,
    since: Instant,
    lease: Option<Duration>,
    sent_at: Instant,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Noted {
    by_key: BTreeMap<LockKey, Note>,
    /// The notes in their order. An entry is void if its note has another serial number.
    order: VecDeque<(u64, LockKey)>,
    serial: u64,
}

impl Noted {
    pub(super) fn note(&mut self, held: &NewLease) {
        let Owner::Named(owner) = &held.owner else { return };
        // If a call has too many keys, only the last ones are noted.
        for (at, key) in held.keys.iter().enumerate().rev().take(MOST) {
            self.serial += 1;
            // An owner that extends its lock has held it since it first took it.
            let known = self.by_key.get(key).filter(|note| note.owner == *owner && !note.is_over(held.since));
            let (since, label) = known.map_or((held.since, None), |note| (note.since, note.label.clone()));
            let note = Note {
                serial: self.serial,
                owner: Arc::clone(owner),
                token: held.tokens.get(at).copied(),
                label: held.label.clone().or(label),
                since,
                lease: held.lease,
                sent_at: held.sent_at,
            };
            self.by_key.insert(key.clone(), note);
            self.order.push_back((self.serial, key.clone()));
        }
        while self.by_key.len() > MOST || self.order.len() > 2 * MOST {
            let Some((serial, key)) = self.order.pop_front() else { return };
            if self.by_key.get(&key).is_some_and(|note| note.serial == serial) {
                self.by_key.remove(&key);
            }
        }
    }

    /// Whether the owner of a hold took one of its keys again later.
    pub(super) fn has_later(&self, now: Instant, held: &NewLease) -> bool {
        let mut notes = held.keys.iter().filter_map(|key| self.by_key.get(key));
        notes.any(|note| {
            *note.owner == *held.owner.as_bytes() && note.sent_at >= held.sent_at && !note.is_over(now)
        })
    }

    /// The owner gives back these keys, or all.
    pub(super) fn forget(&mut self, owner: &[u8], keys: Option<&[LockKey]>) {
        match keys {
            Some(keys) => {
                for key in keys {
                    if self.by_key.get(key).is_some_and(|note| *note.owner == *owner) {
                        self.by_key.remove(key);
                    }
                }
            }
            None => self.by_key.retain(|_, note| *note.owner != *owner),
        }
    }

    pub(super) fn facts<'a>(
        &'a self,
        now: Instant,
        keys: Option<&'a BTreeSet<LockKey>>,
    ) -> impl Iterator<Item = LeaseFacts> + 'a {
        let asked = move |key: &LockKey| keys.is_none_or(|keys| keys.contains(key));
        self.by_key.iter().filter(move |(key, note)| asked(key) && !note.is_over(now)).map(
            move |(key, note)| LeaseFacts {
                key: key.clone(),
                owner: Owner::Named(Arc::clone(&note.owner)),
                token: note.token,
                label: note.label.clone(),
                since: note.since,
                lease: note.lease,
                left: note.lease.map(|lease| (note.sent_at + lease).since(now)),
                state: None,
            },
        )
    }
}

impl Note {
    fn is_over(&self, now: Instant) -> bool {
        self.lease.is_some_and(|lease| now >= self.sent_at + lease)
    }
}
