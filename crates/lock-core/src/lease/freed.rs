//! Who took locks away by hand, for the error of the job that held them.

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
pub(super) struct FreedBy(BTreeMap<LockKey, (Instant, Arc<str>)>);

impl FreedBy {
    pub(super) fn note(&mut self, now: Instant, key: LockKey, by: &Arc<str>) {
        if self.0.len() >= MOST {
            self.0.retain(|_, (at, _)| now < *at + KNOWN_FOR);
        }
        if self.0.len() < MOST {
            self.0.insert(key, (now, Arc::clone(by)));
        }
    }

    pub(super) fn of(&self, now: Instant, keys: &[LockKey]) -> Option<Arc<str>> {
        let known = keys.iter().filter_map(|key| self.0.get(key)).filter(|(at, _)| now < *at + KNOWN_FOR);
        known.max_by_key(|(at, _)| *at).map(|(_, by)| Arc::clone(by))
    }
}
