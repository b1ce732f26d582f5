//! The state that the JavaScript thread and the background thread share: the leases, a mailbox, and a waker.

use crate::net::{Connection, Trouble};
use crate::sys::{AsyncWaker, ThreadWaker, now};
use lock_core::{
    EXIT_LIMIT, EXIT_LIMIT_OF_RENEWALS, Instant, LeaseTable, LockKey, Mode, NodeId, Notice, Routes,
    SharedLeases, SlotRange, Waiting,
};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// Wakes the JavaScript thread.
pub(crate) enum Waker {
    /// By a libuv handle.
    Loop(AsyncWaker),
    /// By a threadsafe function.
    Thread(ThreadWaker),
}

/// A message to the JavaScript thread.
pub(crate) enum Inbound {
    /// The connection that was asked for in `epoch`, or the reason why there is none.
    Connected { node: NodeId, epoch: u64, outcome: Result<Connection, Trouble> },
    /// The cluster's table of slots, or the reason why it was not found.
    LookedUp { outcome: Result<Vec<SlotRange>, String> },
    /// Another server is the master now.
    Moved { reason: String },
    /// A notice for JavaScript.
    Notice(Notice),
    /// Which calls wait, for these keys or for any key? A process whose loop is stuck does not answer.
    WhoWaits { keys: Option<BTreeSet<LockKey>>, answer: oneshot::Sender<Vec<Waiting>> },
}

/// See the module. Every lock in here is held for a few instructions only.
pub(crate) struct Shared {
    leases: SharedLeases,
    inbox: Mutex<Vec<Inbound>>,
    waker: Mutex<Option<Waker>>,
    /// Wakes the renewal task.
    pub(crate) renewal: Notify,
    /// The main connection works, so the renewal may connect, too.
    pub(crate) reachable: AtomicBool,
    /// A command may name keys of one slot only.
    pub(crate) keeps_to_slots: AtomicBool,
    /// How calls wait for locks; `None`: there was no connection yet.
    mode: Mutex<Option<Mode>>,
    /// Wakes the task that answers questions of operators.
    pub(crate) census: Notify,
    /// The renewal has its connection or could get one: its last attempt did not fail. Where the server allows few connections,
    /// the renewal comes first.
    renewal_stands: AtomicBool,
    /// The server wants no password although one was given.
    pub(crate) password_unwanted: AtomicBool,
    /// In a cluster: which node has which slot.
    routes: Mutex<Arc<Routes>>,
    closed: AtomicBool,
    /// How many renewals of leases have failed.
    pub(crate) renewals_failed: AtomicU64,
    /// When the JavaScript thread was last asked for a sign of life, if it has not given one yet; else 0.
    asked_at: AtomicU64,
}

impl Shared {
    pub(crate) fn new() -> Self {
        Self {
            leases: SharedLeases::default(),
            inbox: Mutex::new(Vec::new()),
            waker: Mutex::new(None),
            renewal: Notify::new(),
            reachable: AtomicBool::new(false),
            keeps_to_slots: AtomicBool::new(false),
            mode: Mutex::default(),
            census: Notify::new(),
            renewal_stands: AtomicBool::new(false),
            password_unwanted: AtomicBool::new(false),
            routes: Mutex::default(),
            closed: AtomicBool::new(false),
            renewals_failed: AtomicU64::new(0),
            asked_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn leases(&self) -> MutexGuard<'_, LeaseTable> {
        self.leases.lock()
    }

    /// The leases, for the engine that registers them.
    pub(crate) fn share_leases(&self) -> SharedLeases {
        self.leases.clone()
    }

    /// Begins no more renewals, and blocks until none is under way, but only as long as the step at exit may wait for renewals.
    /// If Redis executed a renewal after the step, it would give a lock its full lease again, and nobody would hold that lock.
    /// Returns the time at which the step has to end.
    pub(crate) fn begin_exit(&self) -> Instant {
        let began_at = now();
        self.leases().end_renewals();
        while self.leases().is_renewing() && now() < began_at + EXIT_LIMIT_OF_RENEWALS {
            std::thread::sleep(Duration::from_millis(1));
        }
        began_at + EXIT_LIMIT
    }

    /// Notes the facts about a new main connection that the renewal needs.
    pub(crate) fn stands(&self, mode: Mode, keeps_to_slots: bool, password_unwanted: bool) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = Some(mode);
        self.keeps_to_slots.fetch_or(keeps_to_slots, Ordering::AcqRel);
        self.password_unwanted.store(password_unwanted, Ordering::Release);
        self.reachable.store(true, Ordering::Release);
        self.census.notify_one();
    }

    /// Notes how the renewal's last attempt to connect went.
    pub(crate) fn renewal_connects(&self, well: bool) {
        if self.renewal_stands.swap(well, Ordering::AcqRel) != well {
            self.census.notify_one();
        }
    }

    /// Whether there may be a connection for operators' questions.
    pub(crate) fn may_listen(&self) -> bool {
        self.mode() == Some(Mode::HandOff) && self.renewal_stands.load(Ordering::Acquire)
    }

    /// How calls wait for locks; `None`: there was no connection yet.
    pub(crate) fn mode(&self) -> Option<Mode> {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which node has which slot, as far as it is known.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_routes(&self, routes: Routes) {
        *self.routes.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }

    pub(crate) fn set_waker(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Puts something into the mailbox and wakes the JavaScript thread.
    pub(crate) fn send(&self, message: Inbound) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        self.wake();
    }

    pub(crate) fn wake(&self) {
        match self.waker.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(Waker::Loop(waker)) => waker.wake(),
            Some(Waker::Thread(waker)) => waker.wake(),
            None => {}
        }
    }

    /// Empties the mailbox. Only the JavaScript thread calls this, so a call is its sign of life. A notice that a hold is lost is
    /// dropped if the hold was released meanwhile.
    pub(crate) fn receive(&self) -> Vec<Inbound> {
        self.asked_at.store(0, Ordering::Release);
        let mut messages = std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        let leases = self.leases();
        messages.retain(|message| match message {
            Inbound::Notice(Notice::Lost { hold, .. }) => leases.held(*hold).is_some(),
            _ => true,
        });
        messages
    }

    /// Asks the JavaScript thread for a sign of life. Returns for how long it has owed one.
    pub(crate) fn stuck_for(&self) -> Duration {
        let now = now();
        let asked = self.asked_at.load(Ordering::Acquire);
        if asked == 0 {
            self.asked_at.store(now.as_nanos().max(1), Ordering::Release);
            self.wake();
            return Duration::ZERO;
        }
        now.since(Instant::from_nanos(asked))
    }

    /// Ends the renewal task.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.renewal.notify_one();
        self.census.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}
