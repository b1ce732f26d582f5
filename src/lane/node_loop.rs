//! The lane of choice: the socket on Node's own libuv loop.
//!
//! Commands of one turn of the loop leave in one write (before the loop waits, or right after replies were
//! handled); replies are read where the loop finds them, and their calls settled there, in one callback scope.
//! Everything in here runs on the environment's thread.

use super::background;
use super::engine::{Action, Engine};
use super::renewal;
use super::shared::{Inbound, Shared, Waker};
use super::socket::Connection;
use super::{Deliver, EXIT_LIMIT, Settings, closed, internal, wire};
use crate::net::{self, Target, Trouble, describe};
use crate::sys::{Async, EventLoop, JsScope, Poll, Prepare, Readiness, Timer, now};
use lock_core::{Client, Error, Instant};
use napi::Env;
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;

const READ_SIZE: usize = 64 << 10;
/// Reads per wake-up, so that one busy connection does not starve the rest of the loop.
const MOST_READS: usize = 16;
/// Results told before what follows from them is written: so Redis works on the first while JavaScript takes in the next.
const MOST_TOLD: usize = 64;

struct Handles {
    prepare: Prepare,
    timer: Timer,
    wake: Async,
}

struct State {
    engine: Engine,
    connection: Option<Connection>,
    handles: Option<Handles>,
    /// Counts connects: an answer to an earlier one is out of date.
    epoch: u64,
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
    target: Target,
    /// A callback of ours is running: what calls add now is sent when it ends.
    in_turn: Cell<bool>,
    /// The step at exit is taken once, whoever asks first.
    exited: Cell<bool>,
}

impl NodeLoop {
    /// Opens the handles and starts the renewal; connecting begins with the client's first wish.
    pub(super) fn open(
        env: &Env,
        settings: Settings,
        seed: [u8; 24],
        deliver: Deliver,
    ) -> Result<Rc<Self>, String> {
        let shared = Arc::new(Shared::new());
        let engine = Engine::new(settings.client.clone(), seed, Arc::clone(&shared));
        let scope = Rc::new(JsScope::new(env, "medusa-locking-redis")?);
        let this = Rc::new_cyclic(|me: &Weak<Self>| Self {
            me: me.clone(),
            state: RefCell::new(State {
                engine,
                connection: None,
                handles: None,
                epoch: 0,
                armed: None,
                prepared: false,
                referenced: false,
                buffer: vec![0; READ_SIZE],
            }),
            event_loop: RefCell::new(None),
            scope: RefCell::new(Some(scope)),
            deliver: RefCell::new(Some(deliver)),
            shared: Arc::clone(&shared),
            target: settings.target.clone(),
            in_turn: Cell::new(false),
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
        renewal::start(shared, settings)?;
        Ok(this)
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Lets `body` work on the engine and makes sure that what it asks for is sent.
    pub(super) fn with<R>(&self, body: impl FnOnce(&mut Engine, Instant) -> R) -> Result<R, Error> {
        let mut guard = self.state.try_borrow_mut().map_err(|_| internal())?;
        let state = &mut *guard;
        if state.handles.is_none() {
            return Err(closed());
        }
        let result = body(&mut state.engine, now());
        if state.engine.client.take_urgent() {
            write(state, Connection::write_alone);
        }
        let Some(handles) = &state.handles else { return Ok(result) };
        if !self.in_turn.get() && !state.prepared {
            state.prepared = true;
            handles.prepare.start();
        }
        // A call that failed at once is still to be told.
        if !state.referenced && (state.engine.client.has_callers() || state.engine.client.has_events()) {
            state.referenced = true;
            handles.wake.set_referenced(true);
        }
        if state.engine.has_notices() {
            handles.wake.waker().wake();
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

    /// One callback from the loop: takes in what happened, then sends and tells until nothing is left. A panic
    /// ends here: the calls fail, the shop goes on.
    fn turn(&self, take_in: impl FnOnce(&Self)) {
        self.in_turn.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            take_in(self);
            loop {
                self.pump();
                if !self.tell() {
                    break;
                }
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
        state.engine.client.handle_timeout(now());
    }

    fn on_wake(&self) {
        for message in self.shared.receive() {
            match message {
                Inbound::Notice(notice) => self.state.borrow_mut().engine.push(notice),
                Inbound::Connected { epoch, outcome } => {
                    if self.state.borrow().epoch == epoch {
                        self.connected(outcome);
                    }
                }
                Inbound::Moved { reason } => {
                    self.state.borrow_mut().engine.client.handle_moved(now(), &reason);
                }
            }
        }
    }

    fn connected(&self, outcome: Result<net::Connection, Trouble>) {
        let connection = outcome.and_then(|connected| Ok(self.watch(connected)?));
        let mut state = self.state.borrow_mut();
        match connection {
            Ok(connection) => {
                state.connection = Some(connection);
                state.engine.client.handle_connected(now());
            }
            Err(trouble) => state.engine.not_connected(&trouble),
        }
    }

    fn watch(&self, connected: net::Connection) -> Result<Connection, String> {
        let socket = connected.socket.into_plain().map_err(|error| describe(&error))?;
        let event_loop = self.event_loop.borrow().clone().ok_or("the provider was shut down")?;
        let me = self.me.clone();
        let poll = Poll::open(&event_loop, &socket, move |readiness| {
            if let Some(lane) = me.upgrade() {
                lane.turn(|lane| lane.on_socket(readiness));
            }
        })?;
        Ok(Connection::new(poll, socket, connected.tls))
    }

    fn on_socket(&self, readiness: Readiness) {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let Some(connection) = &mut state.connection else { return };
        if !connection.is_ready(readiness) {
            return;
        }
        for _ in 0..MOST_READS {
            let reason = match connection.socket.read(&mut state.buffer) {
                Ok(0) => "the server closed the connection".to_owned(),
                Ok(count) => {
                    let bytes = state.buffer.get(..count).unwrap_or_default();
                    match wire::receive(&mut state.engine.client, connection.tls.as_deref_mut(), bytes) {
                        Ok(()) if count < READ_SIZE => return,
                        Ok(()) => continue,
                        Err(reason) => reason,
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => describe(&error),
            };
            let reason = wire::ended(&state.engine.client, connection.tls.is_some(), reason);
            state.connection = None;
            return state.engine.client.handle_disconnected(now(), &reason);
        }
    }

    /// Does what lock-core asks for: connect, write, set the timer; and settles whether the loop may end.
    fn pump(&self) {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        loop {
            while let Some(action) = state.engine.next_action() {
                state.connection = None;
                if let Action::Connect = action {
                    state.epoch += 1;
                    self.begin_connect(state.epoch);
                }
            }
            if !write(state, Connection::write) {
                break;
            }
        }
        let Some(handles) = &state.handles else { return };
        if let Some(at) = state.engine.client.poll_timeout()
            && state.armed.is_none_or(|armed| at < armed)
        {
            handles.timer.start(at.since(now()));
            state.armed = Some(at);
        }
        let needed = state.engine.client.has_callers();
        if state.referenced != needed {
            state.referenced = needed;
            handles.wake.set_referenced(needed);
        }
    }

    fn begin_connect(&self, epoch: u64) {
        let (shared, target) = (Arc::clone(&self.shared), self.target.clone());
        let started = background::spawn(async move {
            let outcome = net::connect(&target).await;
            shared.send(Inbound::Connected { epoch, outcome });
        });
        if let Err(reason) = started {
            self.shared.send(Inbound::Connected { epoch, outcome: Err(reason.into()) });
        }
    }

    /// Brings what there is to tell to JavaScript, and lets its microtasks run. True when there was something.
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

    /// After a panic: this lane works no more, and nobody waits for it.
    fn fail(&self) {
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.engine.client.fail_all(&internal());
            while state.engine.next_action().is_some() {}
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
        if !state.engine.begin_exit() {
            return;
        }
        let end = now() + EXIT_LIMIT;
        while state.engine.client.expects_reply() {
            let left = end.since(now());
            let Some(connection) = &mut state.connection else { return };
            if left.is_zero() || connection.socket.set_nonblocking(false).is_err() {
                return;
            }
            let limits = (
                connection.socket.set_write_timeout(Some(left)),
                connection.socket.set_read_timeout(Some(left)),
            );
            if !matches!(limits, (Ok(()), Ok(()))) {
                return;
            }
            let (client, tls) = (&mut state.engine.client, &mut connection.tls);
            if !matches!(wire::send(client, tls.as_deref_mut(), &mut connection.socket), Ok(true)) {
                return;
            }
            let Ok(count @ 1..) = connection.socket.read(&mut state.buffer) else { return };
            let bytes = state.buffer.get(..count).unwrap_or_default();
            if wire::receive(client, tls.as_deref_mut(), bytes).is_err() {
                return;
            }
        }
    }

    /// Closes everything at once; nobody is told.
    pub(super) fn close(&self) {
        self.shared.close();
        if let Ok(mut state) = self.state.try_borrow_mut() {
            state.connection = None;
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

/// Has the connection write. True when it broke, so that there is more to do.
fn write(state: &mut State, write: fn(&mut Connection, &mut Client) -> Result<(), String>) -> bool {
    let Some(connection) = &mut state.connection else { return false };
    let Err(reason) = write(connection, &mut state.engine.client) else { return false };
    state.connection = None;
    state.engine.client.handle_disconnected(now(), &reason);
    true
}
