//! Locks that failovers bring back. The replica that takes over has them; the lost master did not have them, or had them by a later hold.

use lock_core::LockKey;
use server_model::Server;
use std::collections::BTreeSet;

/// See the module.
#[derive(Debug)]
pub(crate) struct BroughtBack {
    /// They had been released.
    pub(crate) locks: BTreeSet<Lock>,
    /// The holder had them by a later hold: by another hold record.
    holds: BTreeSet<Lock>,
}

/// A lock and its holder.
pub(crate) type Lock = (Vec<u8>, Vec<u8>);

impl BroughtBack {
    /// `data` takes the place of the lost data.
    pub(crate) fn of(us: u64, lost: &Server, data: &Server) -> Self {
        let held = |name: &[u8]| Some((name.to_vec(), data.get(us, name)?.to_vec()));
        let stood = |(name, holder): &Lock| lost.get(us, name) == Some(holder);
        let (earlier, locks): (BTreeSet<_>, _) = data.names(us).filter_map(held).partition(stood);
        let has_changed = |(name, _): &Lock| {
            let record = LockKey::new(name.clone()).record_name();
            lost.get(us, &record) != data.get(us, &record)
        };
        Self { locks, holds: earlier.into_iter().filter(has_changed).collect() }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lock> {
        self.locks.iter().chain(&self.holds)
    }
}
