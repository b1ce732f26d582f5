//! Who took locks away by hand, for the error of the job that held them.

use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// For how long it is known. The job is told within a second.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How many are known.
const MOST: usize = 1_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct FreedBy(BTreeMap<LockKey, Note>);

#[derive(Debug)]
struct Note {
    at: Instant,
    /// `None`: from whoever held it.
    owner: Option<Vec<u8>>,
    by: Arc<str>,
}

impl FreedBy {
    pub(super) fn note(&mut self, now: Instant, key: LockKey, owner: Option<&[u8]>, by: &Arc<str>) {
        if self.0.len() >= MOST {
            self.0.retain(|_, note| now < note.at + KNOWN_FOR);
        }
        if self.0.len() < MOST {
            self.0.insert(key, Note { at: now, owner: owner.map(<[u8]>::to_vec), by: Arc::clone(by) });
        }
    }

    pub(super) fn of(&self, now: Instant, keys: &[LockKey], owner: &Owner) -> Option<Arc<str>> {
        let of_owner = |note: &&Note| note.owner.as_deref().is_none_or(|named| named == owner.as_bytes());
        let known = keys.iter().filter_map(|key| self.0.get(key)).filter(of_owner);
        let known = known.filter(|note| now < note.at + KNOWN_FOR);
        known.max_by_key(|note| note.at).map(|note| Arc::clone(&note.by))
    }
}
