//! What moves bytes, time and results between Redis, lock-core and JavaScript.
//!
//! `node_loop` is the lane of choice: everything on Node's own loop. `thread` is the fallback where that loop is
//! not to be had. Both drive lock-core's `Engine` and use `shared` (what other threads touch) and `renewal`
//! (the leases' own thread and connection).

mod background;
mod detector;
mod lookup;
mod node_loop;
mod renewal;
mod renewal_call;
mod shared;
mod side;
mod socket;
mod sockets;
mod thread;
mod wire;

pub(crate) use node_loop::NodeLoop;
pub(crate) use thread::ThreadLane;

use crate::net::{Endpoint, Target};
use lock_core::{ClientConfig, Code, Engine, Error, HoldId, Instant, LeaseState, NodeAddress, Notice};
use napi::Env;
use shared::Shared;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Everything a lane is told at its start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where Redis is. In a cluster: how its nodes are reached.
    pub(crate) target: Target,
    /// How a cluster's nodes are found.
    pub(crate) discovery: Option<Discovery>,
    /// The client's own settings.
    pub(crate) client: ClientConfig,
    /// A JavaScript thread that was stuck for longer is renewed for no more.
    pub(crate) maximum_stall: Duration,
}

impl Settings {
    /// Where a node is; the only server without an address.
    fn target_of(&self, address: Option<&NodeAddress>) -> Target {
        address.map_or_else(
            || self.target.clone(),
            |address| self.target.at(address.host.to_string(), address.port),
        )
    }

    /// Where a node is that the cluster names `host:port`.
    fn address(&self, named: &str) -> NodeAddress {
        let known = self.client.cluster.as_ref().and_then(|rules| rules.addresses.get(named).cloned());
        known.unwrap_or_else(|| {
            let (host, port) = named.rsplit_once(':').unwrap_or((named, ""));
            NodeAddress { host: host.into(), port: port.parse().unwrap_or_default() }
        })
    }
}

/// How a cluster's nodes are found.
#[derive(Clone, Debug)]
pub(crate) struct Discovery {
    /// Nodes to ask as long as no other is known, and after all others.
    pub(crate) start: Vec<Endpoint>,
    /// Longest time that one node may take to say which has which slot.
    pub(crate) limit: Duration,
    /// A cluster that says of itself that it has failed is not used at the start.
    pub(crate) ready_check: bool,
}

/// Brings results to JavaScript; called on its thread, inside a callback scope.
pub(crate) type Deliver = Rc<dyn Fn(&Env, Vec<Notice>)>;

/// How long the step at exit may take.
const EXIT_LIMIT: Duration = Duration::from_millis(200);

/// The two lanes behind one face.
pub(crate) enum Lane {
    /// On Node's loop.
    Loop(Rc<NodeLoop>),
    /// On the background thread.
    Thread(Rc<ThreadLane>),
}

impl Lane {
    /// Opens the lane that fits.
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

    /// Lets `body` work on the engine; what follows from it is sent and told soon after.
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

    /// How far the hold can be trusted, at this very moment.
    pub(crate) fn lease_state(&self, hold: HoldId) -> LeaseState {
        self.shared().leases().state(crate::sys::now(), hold)
    }

    /// Time until the hold's lease can lapse; `None`: it has no end.
    pub(crate) fn remaining(&self, hold: HoldId) -> Option<Duration> {
        self.shared().leases().remaining(crate::sys::now(), hold)
    }

    /// Reads something from a hold's record.
    pub(crate) fn inspect<R>(&self, hold: HoldId, read: impl FnOnce(&lock_core::NewLease) -> R) -> Option<R> {
        self.shared().leases().held(hold).map(read)
    }

    /// The bounded step at exit: what `execute` still holds is left with 2 s.
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

/// A call after the lane was closed.
fn closed() -> Error {
    Error::new(Code::Closed, "The locking provider was shut down; it takes no more calls.")
}

/// A call that met a fault of ours.
fn internal() -> Error {
    Error::new(Code::Internal, "A fault in medusa-locking-redis; the provider stops. Please report it.")
}
