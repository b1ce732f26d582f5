//! The table as two threads share it: the one of the callers, and the renewal's.

use super::LeaseTable;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One table of leases for all who hold a clone. Every lock of it is held for a few instructions only.
#[derive(Clone, Debug, Default)]
pub struct SharedLeases(Arc<Mutex<LeaseTable>>);

impl SharedLeases {
    /// The table.
    pub fn lock(&self) -> MutexGuard<'_, LeaseTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
