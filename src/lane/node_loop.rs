//! The preferred lane: the socket on Node's own libuv loop.
//!
//! The commands of one turn of the loop are sent in one write, before the loop waits or right after replies were handled. When
//! the loop finds replies, the lane reads them and settles their calls at once, in one callback scope. All code in this file runs
//! on the environment's thread.

use super::deliver::{Deliver, closed, internal};
use super::settings::Settings;
use super::shared::{Inbound, Shared, Waker};
use super::socket::{Connection, READ_SIZE};
use super::sockets::Sockets;
use super::{background, census, lookup, renewal, wire};
use crate::net::{self, Target, Trouble, describe};
use crate::sys::{Async, EventLoop, JsScope, Poll, Prepare, Readiness, Timer, now};
use lock_core::{Action, Engine, Error, FIRST, IdSource, Instant, NodeId};
use napi::Env;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

/// So many results are delivered before the commands that follow from them are written. Redis then works on the first commands
/// while JavaScript handles the next results.
const MOST_TOLD: usize = 64;
/// Longest turn. After it the rest of the loop runs, although undelivered results may be left. Without this limit a turn might
/// never end, because results lead to calls, and calls to results.
const LONGEST_TURN: Duration = Duration::from_millis(10);

struct Handles {
    prepare: Prepare,
    timer: Timer,
    wake: Async,
}

struct State {
    engine: Engine,
    sockets: Sockets,
    handles: Option<Handles>,
    armed: Option<Instant>,
    prepared: bool,
    referenced: bool,
    buffer: Vec<u8>,
}

/// See the module.
pub(crate) struct NodeLoop {
    me: Weak<Self>,
    state: RefCell<State>,
    event_loop: RefCell<Option<Rc<EventLoop>>>,
    scope: RefCell<Option<Rc<JsScope>>>,
    deliver: RefCell<Option<Deliver>>,
    shared: Arc<Shared>,
    settings: Settings,
    /// One of our callbacks is running. The commands of calls made now are sent when it ends.
    in_turn: Cell<bool>,
    /// The last turn was too long, and may have left results to deliver or commands to write.
    behind: Cell<bool>,
    /// The commands of this turn are sent when the loop has visited all sockets.
    gathers: Cell<bool>,
    /// The step at exit was taken. It is taken only once.
    exited: Cell<bool>,
}

impl NodeLoop {
    /// Opens the handles and starts the renewal. The lane connects when the client asks for it.
    pub(super) fn open(
        env: &Env,
        settings: Settings,
        seed: [u8; 24],
        deliver: Deliver,
    ) -> Result<Rc<Self>, String> {
        let shared = Arc::new(Shared::new());
        let engine = Engine::new(settings.client.clone(), seed, shared.share_leases());
        let scope = Rc::new(JsScope::new(env, "medusa-locking-redis")?);
        let this = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            state: RefCell::new(State {
                engine,
                sockets: Sockets::default(),
                handles: None,
                armed: None,
                prepared: false,
                referenced: false,
                buffer: vec![0; READ_SIZE],
            }),
            event_loop: RefCell::new(None),
            scope: RefCell::new(Some(scope)),
            deliver: RefCell::new(Some(deliver)),
            shared: Arc::clone(&shared),
            settings: settings.clone(),
            in_turn: Cell::new(false),
            behind: Cell::new(false),
            gathers: Cell::new(false),
            exited: Cell::new(false),
        });
        let me = this.me.clone();
        let event_loop = EventLoop::of(env, move || {
            if let Some(lane) = me.upgrade() {
                lane.exit_step();
                lane.close();
            }
        })?;
        *this.event_loop.borrow_mut() = Some(Rc::clone(&event_loop));
        let handles = Handles {
            prepare: Prepare::open(&event_loop, this.callback(Self::on_prepare))?,
            timer: Timer::open(&event_loop, this.callback(Self::on_timer))?,
            wake: Async::open(&event_loop, this.callback(Self::on_wake))?,
        };
        shared.set_waker(Waker::Loop(handles.wake.waker()));
        this.state.borrow_mut().handles = Some(handles);
        census::start(&shared, &settings, IdSource::new(seed).mark())?;
        renewal::start(shared, settings)?;
        Ok(this)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Lets `body` work on the engine, and makes sure that its commands are sent.
    pub(super) fn with<R>(&self, body: impl FnOnce(&mut Engine, Instant) -> R) -> Result<R, Error> {
        let mut guard = self.state.try_borrow_mut().map_err(|_| internal())?;
        let state = &mut *guard;
        if state.handles.is_none() {
            return Err(closed());
        }
        let result = body(&mut state.engine, now());
        if let Some(node) = state.engine.router().take_urgent() {
            state.sockets.write(node, state.engine.router(), Connection::write_alone);
        }
        let Some(handles) = &state.handles else { return Ok(result) };
        if !self.in_turn.get() && !state.prepared {
            state.prepared = true;
            handles.prepare.start();
        }
        // The result of a call that failed at once must still be delivered.
        if !state.referenced && state.engine.is_awaited() {
            state.referenced = true;
            handles.wake.set_referenced(true);
        }
        // This does not wait for the loop, which may be blocked for longer than a lease lasts.
        if state.engine.take_renewal_wake() {
            self.shared.renewal.notify_one();
        }
        Ok(result)
    }

    fn callback(&self, body: fn(&Self)) -> impl Fn() + 'static {
        let me = self.me.clone();
        move || {
            if let Some(lane) = me.upgrade() {
                lane.turn(body);
            }
        }
    }

    /// One callback from the loop: handles the event, then sends commands and delivers results until nothing is left or the turn
    /// is too long.
    fn turn(&self, take_in: impl FnOnce(&Self)) {
        self.in_turn.set(true);
        let end = now() + LONGEST_TURN;
        // A panic ends here: the calls fail, but the shop continues to run.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            take_in(self);
            loop {
                self.pump();
                self.behind.set(now() > end);
                if self.behind.get() || !(self.tell() || self.has_more()) {
                    break;
                }
            }
            if self.behind.get() {
                self.shared.wake();
            }
        }));
        self.in_turn.set(false);
        if outcome.is_err() {
            self.fail();
        }
    }

    fn on_prepare(&self) {
        let mut state = self.state.borrow_mut();
        state.prepared = false;
        if let Some(handles) = &state.handles {
            handles.prepare.stop();
        }
    }

    fn on_timer(&self) {
        let mut state = self.state.borrow_mut();
        state.armed = None;
        state.engine.router().handle_timeout(now());
    }

    fn on_wake(&self) {
        for message in self.shared.receive() {
            match message {
                Inbound::Notice(notice) => self.state.borrow_mut().engine.push(notice),
                Inbound::Connected { node, epoch, outcome } => {
                    if self.state.borrow().sockets.is_current(node, epoch) {
                        self.connected(node, outcome);
                    }
                }
                Inbound::LookedUp { outcome } => {
                    self.state.borrow_mut().engine.router().handle_map(now(), outcome);
                }
                Inbound::WhoWaits { keys, answer } => {
                    let _ = answer.send(self.state.borrow_mut().engine.waiting(keys.as_ref()));
                }
                Inbound::Moved { reason } => {
                    self.state.borrow_mut().engine.router().handle_moved(now(), &reason);
                }
            }
        }
    }

    fn connected(&self, node: NodeId, outcome: Result<net::Connection, Trouble>) {
        let connection = outcome.and_then(|connected| Ok(self.watch(node, connected)?));
        let state = &mut *self.state.borrow_mut();
        let Some(client) = state.engine.router().client(node) else { return };
        match connection {
            Ok(connection) => {
                if client.handle_connected(now()) {
                    state.sockets.open(node, connection);
                }
            }
            Err(trouble) => trouble.tell(now(), client),
        }
    }

    fn watch(&self, node: NodeId, connected: net::Connection) -> Result<Connection, String> {
        let socket = connected.socket.into_plain().map_err(|error| describe(&error))?;
        let event_loop = self.event_loop.borrow().clone().ok_or("the provider was shut down")?;
        let me = self.me.clone();
        let poll = Poll::open(&event_loop, &socket, move |readiness| {
            if let Some(lane) = me.upgrade() {
                // The nodes of a cluster answer at the same time, and each answer leads to commands for all of them.
                lane.gathers.set(node != FIRST);
                lane.turn(|lane| lane.on_socket(node, readiness));
                lane.gathers.set(false);
            }
        })?;
        Ok(Connection::new(poll, socket, connected.tls))
    }

    fn on_socket(&self, node: NodeId, readiness: Readiness) {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let untold = self.behind.get() && state.engine.has_notices();
        let Some(connection) = state.sockets.get(node) else { return };
        let Some(client) = state.engine.router().client(node) else { return };
        if !connection.is_ready(readiness) {
            return;
        }
        // After a failure the watcher has ended, so the rest must be read now.
        let failed = readiness.failed;
        // Notices that are not delivered yet go first. The watcher calls again.
        if untold && !failed {
            return;
        }
        if let Err(reason) = connection.read(client, &mut state.buffer, failed) {
            let reason = wire::ended(client, connection.tls.is_some(), reason);
            client.handle_disconnected(now(), &reason);
            state.sockets.close(node);
        }
    }

    /// Does what lock-core asks for: connects, writes, sets the timer, and decides whether the process may end.
    fn pump(&self) {
        let state = &mut *self.state.borrow_mut();
        loop {
            while let Some(action) = state.engine.next_action(now()) {
                match action {
                    Action::LookUp => {
                        lookup::begin(&self.shared, &self.settings, state.engine.router().known());
                    }
                    Action::Stands { mode, keeps_to_slots, password_unwanted } => {
                        self.shared.stands(mode, keeps_to_slots, password_unwanted);
                    }
                    Action::Route(routes) => self.shared.set_routes(routes),
                    Action::WakeRenewal => self.shared.renewal.notify_one(),
                    Action::Disconnect(node) => state.sockets.close(node),
                    Action::Connect(node) => {
                        state.sockets.close(node);
                        let target = self.settings.target_of(state.engine.router().address(node));
                        self.begin_connect(node, state.sockets.begin(node), target);
                    }
                }
            }
            let gathers = self.gathers.get() && !state.engine.take_claims_before_telling();
            if gathers || !state.sockets.write_all(state.engine.router()) {
                break;
            }
        }
        let Some(handles) = &state.handles else { return };
        if self.gathers.get() && !state.prepared {
            state.prepared = true;
            handles.prepare.start();
        }
        if let Some(at) = state.engine.router().poll_timeout()
            && state.armed.is_none_or(|armed| at < armed)
        {
            handles.timer.start(at.since(now()));
            state.armed = Some(at);
        }
        let needed = state.engine.is_awaited();
        if state.referenced != needed {
            state.referenced = needed;
            handles.wake.set_referenced(needed);
        }
    }

    fn begin_connect(&self, node: NodeId, epoch: u64, target: Target) {
        let shared = Arc::clone(&self.shared);
        let started = background::spawn(async move {
            let outcome = net::connect(&target).await;
            shared.send(Inbound::Connected { node, epoch, outcome });
        });
        if let Err(reason) = started {
            self.shared.send(Inbound::Connected { node, epoch, outcome: Err(reason.into()) });
        }
    }

    /// Whether a socket has more to write than it wrote at once.
    fn has_more(&self) -> bool {
        !self.gathers.get() && self.state.borrow().sockets.have_more()
    }

    /// Delivers the notices to JavaScript, and lets its microtasks run. True if there were notices.
    fn tell(&self) -> bool {
        let notices = self.state.borrow_mut().engine.take_notices(MOST_TOLD);
        if notices.is_empty() {
            return false;
        }
        let (scope, deliver) = (self.scope.borrow().clone(), self.deliver.borrow().clone());
        if let (Some(scope), Some(deliver)) = (scope, deliver) {
            scope.enter(|env| deliver(env, notices));
        }
        true
    }

    /// After a panic: closes this lane and fails all its calls.
    fn fail(&self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.engine.router().fail_all(&internal());
            while state.engine.next_action(now()).is_some() {}
        }
        let _ = catch_unwind(AssertUnwindSafe(|| self.tell()));
        self.close();
    }

    /// See [`super::Lane::exit_step`]. Blocks for at most its limit.
    pub(super) fn exit_step(&self) {
        if self.exited.replace(true) {
            return;
        }
        let Ok(mut guard) = self.state.try_borrow_mut() else { return };
        let state = &mut *guard;
        let end = self.shared.begin_exit();
        if !state.engine.begin_exit(now()) {
            return;
        }
        for node in state.engine.router().nodes() {
            state.sockets.finish(node, state.engine.router(), &mut state.buffer, end);
        }
    }

    /// Closes everything at once, without a notice.
    pub(super) fn close(&self) {
        self.shared.close();
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.sockets.close_all();
            state.handles = None;
        }
        self.deliver.borrow_mut().take();
        self.scope.borrow_mut().take();
        if let Some(event_loop) = self.event_loop.borrow_mut().take() {
            event_loop.finish();
        }
    }
}

impl Drop for NodeLoop {
    fn drop(&mut self) {
        self.close();
    }
}
