//! Which leases are of which named owner and key. An owner may hold a key by several leases at once.

use crate::key::LockKey;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Places of leases, by owner and key.
#[derive(Debug, Default)]
pub(super) struct Named {
    owners: HashMap<Arc<[u8]>, BTreeMap<LockKey, Vec<usize>>>,
}

impl Named {
    pub(super) fn insert(&mut self, owner: &Arc<[u8]>, keys: &[LockKey], place: usize) {
        let of_owner = self.owners.entry(Arc::clone(owner)).or_default();
        for key in keys {
            of_owner.entry(key.clone()).or_default().push(place);
        }
    }

    pub(super) fn remove(&mut self, owner: &[u8], keys: &[LockKey], place: usize) {
        let Some(of_owner) = self.owners.get_mut(owner) else { return };
        for key in keys {
            if let Some(places) = of_owner.get_mut(key) {
                places.retain(|other| *other != place);
                if places.is_empty() {
                    of_owner.remove(key);
                }
            }
        }
        if of_owner.is_empty() {
            self.owners.remove(owner);
        }
    }

    /// The leases of the owner on any of `keys`, or all of them; each once.
    pub(super) fn places(&self, owner: &[u8], keys: Option<&[LockKey]>) -> Vec<usize> {
        let Some(of_owner) = self.owners.get(owner) else { return Vec::new() };
        let mut places: Vec<usize> = match keys {
            Some(keys) => keys.iter().filter_map(|key| of_owner.get(key)).flatten().copied().collect(),
            None => of_owner.values().flatten().copied().collect(),
        };
        places.sort_unstable();
        places.dedup();
        places
    }
}
