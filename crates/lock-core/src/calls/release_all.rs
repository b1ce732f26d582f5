//! A call that deletes the locks of a namespace. SCAN finds them, and a script compares and deletes them portion by portion.

use crate::key::{LockKey, SIDE_KEY_MARK};
use std::sync::Arc;

/// Keys that one SCAN looks at: at first, and at most.
const SCAN_COUNT: (u64, u64) = (16, 1_000);
/// Bytes of names that one SCAN should find and one script gets. Redis ends a connection with channels that owes more than 32 MB, and names
/// may be long.
const PORTION: usize = 1 << 20;
/// Locks that one script handles. A script of this size does not hold up other clients.
const BATCH: usize = 250;
/// The call fails after so many connections in a row that broke before the answer, because the call itself may break them.
pub(crate) const MOST_CUTS: u32 = 5;

#[derive(Debug)]
pub(crate) struct ReleaseAll {
    owner: Option<Arc<[u8]>>,
    cursor: Vec<u8>,
    /// The last SCAN has returned the end of the iteration.
    scanned: bool,
    found: Vec<LockKey>,
    freed: u64,
    /// Each script stays within one slot.
    by_slot: bool,
    moved: bool,
    /// How many keys the next SCAN looks at.
    count: u64,
    /// Connections in a row that broke before the answer.
    cuts: u32,
}

/// The next command of the call.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Scan { cursor: &'a [u8], count: u64 },
    Free { keys: &'a [LockKey], owner: Option<&'a [u8]> },
}

impl ReleaseAll {
    pub(crate) fn new(owner: Option<Arc<[u8]>>, by_slot: bool) -> Self {
        Self {
            owner,
            cursor: b"0".to_vec(),
            scanned: false,
            found: Vec::new(),
            freed: 0,
            by_slot,
            moved: false,
            count: SCAN_COUNT.0,
            cuts: 0,
        }
    }

    pub(crate) fn owner(&self) -> Option<Arc<[u8]>> {
        self.owner.clone()
    }

    /// How many locks were deleted until now.
    pub(crate) fn freed(&self) -> u64 {
        self.freed
    }

    /// Whether some of the found locks moved to another node.
    pub(crate) fn has_moved(&self) -> bool {
        self.moved
    }

    pub(crate) fn next_step(&self) -> Step<'_> {
        match self.batch() {
            [] => Step::Scan { cursor: &self.cursor, count: self.count },
            keys => Step::Free { keys, owner: self.owner.as_deref() },
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.scanned && self.found.is_empty()
    }

    /// A portion was compared and deleted.
    pub(crate) fn batch_freed(&mut self, freed: u64) {
        self.cuts = 0;
        self.freed += freed;
        self.drop_batch();
    }

    /// A SCAN found these names.
    pub(crate) fn take_found(&mut self, cursor: Vec<u8>, names: Vec<Vec<u8>>) {
        self.cuts = 0;
        self.scanned = cursor == b"0";
        self.cursor = cursor;
        let bytes: usize = names.iter().map(Vec::len).sum();
        if bytes > PORTION {
            let fits = self.count.saturating_mul(PORTION as u64) / bytes as u64;
            self.count = fits.max(1);
        } else if bytes < PORTION / 8 {
            // The count grows slowly. After a few short names, many names of a megabyte may follow by chance, and an answer with all of
            // them would end the connection.
            self.count = (self.count * 2).min(SCAN_COUNT.1);
        }
        let locks = names.into_iter().filter(|name| !name.starts_with(SIDE_KEY_MARK));
        self.found.extend(locks.map(LockKey::new));
        if self.by_slot {
            self.found.sort_unstable();
        }
    }

    /// The connection broke before the answer, which may have been too long. The next portion is smaller. True: this has happened too
    /// often.
    pub(crate) fn cut(&mut self) -> bool {
        self.cuts += 1;
        self.count = (self.count / 8).max(1);
        self.cuts >= MOST_CUTS
    }

    pub(crate) fn keeps_to_slots(&self) -> bool {
        self.by_slot
    }

    /// Makes each script stay within one slot from now on.
    pub(crate) fn keep_to_slots(&mut self) {
        self.by_slot = true;
        self.found.sort_unstable();
    }

    /// The slot of the last portion has moved, so the router has to ask other nodes for its locks.
    pub(crate) fn batch_moved(&mut self) {
        self.drop_batch();
        self.moved = true;
    }

    fn batch(&self) -> &[LockKey] {
        self.found.get(..self.batch_len()).unwrap_or_default()
    }

    fn drop_batch(&mut self) {
        let count = self.batch_len();
        self.found.drain(..count);
    }

    fn batch_len(&self) -> usize {
        let mut bytes = 0;
        let fits = self.found.iter().take(BATCH).take_while(|key| {
            bytes += key.name().len();
            bytes <= PORTION
        });
        let most = fits.count().max(1).min(self.found.len());
        match (self.by_slot, self.found.first()) {
            (true, Some(first)) => {
                self.found.iter().take(most).take_while(|key| key.slot() == first.slot()).count()
            }
            _ => most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_CUTS, ReleaseAll, Step};

    #[test]
    fn locks_that_scan_found_are_freed_before_the_next_scan() {
        let mut all = ReleaseAll::new(None, false);
        all.take_found(b"7".to_vec(), vec![b"a".to_vec(), b"mlr!{x}f".to_vec()]);
        assert!(matches!(all.next_step(), Step::Free { keys: [key], owner: None } if key.name() == b"a"));
        all.batch_freed(1);
        assert!(matches!(all.next_step(), Step::Scan { cursor: b"7", .. }));
        all.take_found(b"0".to_vec(), vec![]);
        assert_eq!((all.is_done(), all.freed()), (true, 1));
    }

    #[test]
    fn a_few_short_names_do_not_make_the_next_portion_much_larger() {
        let mut all = ReleaseAll::new(None, false);
        all.take_found(b"7".to_vec(), vec![b"mlr!{x}f".to_vec(); 16]);
        assert!(matches!(all.next_step(), Step::Scan { count: 32, .. }));
        all.take_found(b"8".to_vec(), vec![vec![b'm'; 1 << 20]; 32]);
        all.batch_freed(0);
        assert!(all.count <= 2, "{}", all.count);
    }

    #[test]
    fn a_portion_is_of_one_slot_where_slots_matter() {
        let mut all = ReleaseAll::new(None, true);
        all.take_found(b"0".to_vec(), vec![b"a".to_vec(), b"b".to_vec(), b"{a}2".to_vec()]);
        let sizes: Vec<usize> = std::iter::from_fn(|| {
            let Step::Free { keys, .. } = all.next_step() else { return None };
            let count = keys.len();
            all.batch_freed(0);
            Some(count)
        })
        .collect();
        assert_eq!(sizes.iter().sum::<usize>(), 3);
        assert!(sizes.contains(&2));
    }

    #[test]
    fn connections_that_break_make_the_portions_smaller_and_then_fail_the_call() {
        let mut all = ReleaseAll::new(None, false);
        let cuts: Vec<bool> = (0..MOST_CUTS).map(|_| all.cut()).collect();
        assert_eq!(cuts, [false, false, false, false, true]);
        assert!(matches!(all.next_step(), Step::Scan { count: 1, .. }));
    }
}
