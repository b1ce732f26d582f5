//! The table of leases, shared by two threads: the callers' thread and the renewal's.

use super::LeaseTable;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One table of leases for everybody who holds a clone. Each lock of the mutex lasts a few instructions only.
#[derive(Clone, Debug, Default)]
pub struct SharedLeases(Arc<Mutex<LeaseTable>>);

impl SharedLeases {
    /// The table.
    pub fn lock(&self) -> MutexGuard<'_, LeaseTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
