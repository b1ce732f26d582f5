//! The state that the JavaScript thread and the background thread share in this lane.

use crate::lane::background;
use crate::lane::shared::Shared;
use lock_core::Engine;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Pause before more results are delivered. Without a pause, a threadsafe function that is called again runs again before the
/// loop goes on.
const TELL_PAUSE: Duration = Duration::from_millis(1);

/// See the module.
pub(super) struct Core {
    pub(super) engine: Mutex<Engine>,
    /// The engine has new work.
    pub(super) work: Notify,
    /// Replies were handled. The step at exit waits for this.
    pub(super) progress: Condvar,
    /// More results are delivered after a pause.
    pub(super) pauses: AtomicBool,
    pub(super) shared: Arc<Shared>,
}

impl Core {
    pub(super) fn new(engine: Engine, shared: Arc<Shared>) -> Self {
        Self {
            engine: Mutex::new(engine),
            work: Notify::new(),
            progress: Condvar::new(),
            pauses: AtomicBool::new(false),
            shared,
        }
    }

    pub(super) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.engine().is_awaited()
    }

    /// Has the remaining results delivered after a pause.
    pub(super) fn pause_telling(self: &Arc<Self>) {
        self.pauses.store(true, Ordering::Release);
        let core = Arc::clone(self);
        let go_on = move || {
            core.pauses.store(false, Ordering::Release);
            core.shared.wake();
        };
        let later = go_on.clone();
        let started = background::spawn(async move {
            tokio::time::sleep(TELL_PAUSE).await;
            later();
        });
        if started.is_err() {
            go_on();
        }
    }
}
