//! The lanes move bytes, time and results between Redis, lock-core and JavaScript.
//!
//! `node_loop` is the preferred lane: everything runs on Node's own loop. `thread` is the fallback for runtimes without such
//! a loop. Both drive lock-core's `Engine` and use `shared` (what other threads touch) and `renewal`
//! (the leases' own thread and connection).

pub(crate) mod background;
mod census;
mod deliver;
mod detector;
mod inspector;
mod lookup;
mod node_loop;
mod renewal;
mod renewal_call;
mod settings;
mod shared;
mod side;
mod socket;
mod sockets;
mod thread;
mod wire;

pub(crate) use deliver::Deliver;
pub(crate) use inspector::Inspector;
pub(crate) use node_loop::NodeLoop;
pub(crate) use settings::{Discovery, Settings};
pub(crate) use thread::ThreadLane;

use lock_core::{Engine, Error, HoldId, Instant, LeaseFacts, LeaseState, LockKey, Unrenewed};
use napi::Env;
use shared::Shared;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The interface of both lanes.
pub(crate) enum Lane {
    /// On Node's loop.
    Loop(Rc<NodeLoop>),
    /// On the background thread.
    Thread(Rc<ThreadLane>),
}

impl Lane {
    /// Opens the lane of this runtime.
    pub(crate) fn open(
        env: &Env,
        settings: Settings,
        on_thread: bool,
        deliver: Deliver,
    ) -> Result<Self, String> {
        let mut seed = [0; 24];
        getrandom::fill(&mut seed).map_err(|error| format!("the system gives no random numbers: {error}"))?;
        if on_thread {
            ThreadLane::open(env, settings, seed, deliver).map(Self::Thread)
        } else {
            NodeLoop::open(env, settings, seed, deliver).map(Self::Loop)
        }
    }

    /// Lets `body` work on the engine. Soon after, its commands are sent and its results are delivered.
    pub(crate) fn with<R>(
        &self,
        env: &Env,
        body: impl FnOnce(&mut Engine, Instant) -> R,
    ) -> Result<R, Error> {
        match self {
            Self::Loop(lane) => lane.with(body),
            Self::Thread(lane) => lane.with(env, body),
        }
    }

    /// How far the hold can be trusted at this moment.
    pub(crate) fn lease_state(&self, hold: HoldId) -> LeaseState {
        self.shared().leases().state(crate::sys::now(), hold)
    }

    /// Time until the hold's lease can lapse; `None`: it has no lease.
    pub(crate) fn remaining(&self, hold: HoldId) -> Option<Duration> {
        self.shared().leases().remaining(crate::sys::now(), hold)
    }

    /// The facts of the held locks: of these keys, or of all keys.
    pub(crate) fn lease_facts(&self, keys: Option<&BTreeSet<LockKey>>) -> Vec<LeaseFacts> {
        self.shared().leases().facts(crate::sys::now(), keys)
    }

    /// Why the hold's last renewal failed, if it did.
    pub(crate) fn unrenewed(&self, hold: HoldId) -> Option<Unrenewed> {
        self.shared().leases().unrenewed(hold).cloned()
    }

    /// How many renewals have failed.
    pub(crate) fn renewals_failed(&self) -> u64 {
        self.shared().renewals_failed.load(Ordering::Relaxed)
    }

    /// Reads something from a hold's record.
    pub(crate) fn inspect<R>(&self, hold: HoldId, read: impl FnOnce(&lock_core::NewLease) -> R) -> Option<R> {
        self.shared().leases().held(hold).map(read)
    }

    /// The step at exit, which has a time limit: it leaves 2 s to each lock that is still renewed.
    pub(crate) fn exit_step(&self) {
        match self {
            Self::Loop(lane) => lane.exit_step(),
            Self::Thread(lane) => lane.exit_step(),
        }
    }

    /// Closes connection, handles and renewal at once.
    pub(crate) fn close(&self) {
        match self {
            Self::Loop(lane) => lane.close(),
            Self::Thread(lane) => lane.close(),
        }
    }

    fn shared(&self) -> &Arc<Shared> {
        match self {
            Self::Loop(lane) => lane.shared(),
            Self::Thread(lane) => lane.shared(),
        }
    }
}
