//! The operators who took locks away by hand, for the errors of the jobs that held them.

use crate::ids::Owner;
use crate::key::LockKey;
use crate::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// How long an operator's name is kept. The job is told within a second.
const KNOWN_FOR: Duration = Duration::from_secs(60);
/// How many such notes are kept.
const MOST: usize = 1_000;

/// See the module. The latest notes are last.
#[derive(Debug, Default)]
pub(super) struct FreedBy(VecDeque<Note>);

#[derive(Debug)]
struct Note {
    at: Instant,
    key: LockKey,
    /// The owner whose lock was taken away. `None`: any holder's.
    owner: Option<Vec<u8>>,
    by: Arc<str>,
}

impl FreedBy {
    pub(super) fn note(&mut self, now: Instant, key: LockKey, owner: Option<&[u8]>, by: &Arc<str>) {
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Note { at: now, key, owner: owner.map(<[u8]>::to_vec), by: Arc::clone(by) });
    }

    /// The operator who took one of these keys away from `owner`, who asked for them at `since`.
    pub(super) fn of(
        &self,
        now: Instant,
        keys: &[LockKey],
        owner: &Owner,
        since: Instant,
    ) -> Option<Arc<str>> {
        let recent = self.0.iter().rev().take_while(|note| now < note.at + KNOWN_FOR && note.at >= since);
        let mut of_owner =
            recent.filter(|note| note.owner.as_deref().is_none_or(|named| named == owner.as_bytes()));
        of_owner.find(|note| keys.contains(&note.key)).map(|note| Arc::clone(&note.by))
    }
}
