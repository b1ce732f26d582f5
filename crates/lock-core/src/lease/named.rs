//! The leases by named owner and by key. An owner may hold a key by several leases at once.

use crate::key::LockKey;
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// How long the table knows that an owner gave a key back. No answer to an acquire takes as long.
const GIVEN_BACK_FOR: Duration = Duration::from_secs(60);
/// With more owners than this, the table looks for owners that it can forget.
const MANY: usize = 1_024;

/// An owner, and the place of one of its leases.
type OfOwner = (Arc<[u8]>, usize);

/// Places of leases, by owner and by key.
#[derive(Debug, Default)]
pub(super) struct Named {
    owners: HashMap<Arc<[u8]>, BTreeSet<usize>>,
    keys: BTreeMap<LockKey, Vec<OfOwner>>,
    /// When each owner last gave a key back.
    given_back: HashMap<Arc<[u8]>, Instant>,
    /// With this many owners, the table looks for those that it can forget.
    sweep_at: usize,
}

impl Named {
    pub(super) fn insert(&mut self, owner: &Arc<[u8]>, keys: &[LockKey], place: usize) {
        self.owners.entry(Arc::clone(owner)).or_default().insert(place);
        for key in keys {
            self.keys.entry(key.clone()).or_default().push((Arc::clone(owner), place));
        }
    }

    /// The lease is not on these keys any more. `all`: it is on none.
    pub(super) fn remove(&mut self, owner: &[u8], keys: &[LockKey], place: usize, all: bool) {
        for key in keys {
            if let Some(places) = self.keys.get_mut(key) {
                places.retain(|(_, other)| *other != place);
                if places.is_empty() {
                    self.keys.remove(key);
                }
            }
        }
        if all && let Some(places) = self.owners.get_mut(owner) {
            places.remove(&place);
            if places.is_empty() {
                self.owners.remove(owner);
            }
        }
    }

    /// The owner's leases on any of `keys`, or all of them. Each is returned once.
    pub(super) fn places(&self, owner: &[u8], keys: Option<&[LockKey]>) -> Vec<usize> {
        let Some(keys) = keys else {
            return self.owners.get(owner).into_iter().flatten().copied().collect();
        };
        let of_keys = keys.iter().filter_map(|key| self.keys.get(key)).flatten();
        let mut places: Vec<usize> =
            of_keys.filter(|(other, _)| **other == *owner).map(|(_, place)| *place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The leases on a key, of all owners.
    pub(super) fn on_key(&self, key: &LockKey) -> impl Iterator<Item = usize> + '_ {
        self.keys.get(key).into_iter().flatten().map(|(_, place)| *place)
    }

    /// The owner gives a key back.
    pub(super) fn gives_back(&mut self, now: Instant, owner: &[u8]) {
        if self.given_back.len() >= self.sweep_at.max(MANY) {
            self.given_back.retain(|_, at| now < *at + GIVEN_BACK_FOR);
            self.sweep_at = self.given_back.len() * 2;
        }
        match self.given_back.get_mut(owner) {
            Some(at) => *at = now,
            None => drop(self.given_back.insert(owner.into(), now)),
        }
    }

    /// Whether the owner has given a key back since then.
    pub(super) fn gave_back_since(&self, since: Instant, owner: &[u8]) -> bool {
        !self.given_back.is_empty() && self.given_back.get(owner).is_some_and(|at| *at >= since)
    }
}
