//! One socket on Node's loop. The commands of one turn are sent in one write, before the loop waits or right after replies were delivered.

use crate::sys::{EventLoop, JsScope, Poll, Prepare, Readiness};
use lock_core::resp::{Parser, Value, append_command};
use napi::Env;
use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::rc::{Rc, Weak};

const COMPARE_AND_DELETE: &[u8] =
    b"if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
const READ_SIZE: usize = 64 << 10;

/// Delivers the number of answered commands, and the reason if no more replies will come.
type Tell = Box<dyn Fn(&Env, u32, Option<String>)>;

struct State {
    socket: TcpStream,
    parser: Parser,
    out: Vec<u8>,
    buffer: Vec<u8>,
    failed: Option<String>,
}

/// See the module.
pub(crate) struct Lane {
    state: RefCell<State>,
    handles: RefCell<Option<(Poll, Prepare)>>,
    scope: JsScope,
    tell: Tell,
    /// The hash of the compare-and-delete script.
    sha: Vec<u8>,
    /// Replies are being delivered. The commands of calls made now are sent when this ends.
    in_turn: Cell<bool>,
    /// The commands of this turn are sent before the loop waits.
    prepared: Cell<bool>,
}

impl Lane {
    pub(crate) fn open(
        env: &Env,
        address: &str,
        tell: impl Fn(&Env, u32, Option<String>) + 'static,
    ) -> Result<Rc<Self>, String> {
        let socket = TcpStream::connect(address).map_err(|error| error.to_string())?;
        socket.set_nodelay(true).map_err(|error| error.to_string())?;
        let mut state = State {
            socket,
            parser: Parser::default(),
            out: Vec::new(),
            buffer: vec![0; READ_SIZE],
            failed: None,
        };
        append_command(&mut state.out, &[b"SCRIPT", b"LOAD", COMPARE_AND_DELETE]);
        state.write();
        state.read();
        let Ok(Some(Value::Text(sha))) = state.parser.next_reply() else {
            return Err(state.failed.unwrap_or_else(|| "Redis did not take the script".to_owned()));
        };
        state.socket.set_nonblocking(true).map_err(|error| error.to_string())?;
        let this = Rc::new(Self {
            state: RefCell::new(state),
            handles: RefCell::new(None),
            scope: JsScope::new(env, "bench-floor")?,
            tell: Box::new(tell),
            sha,
            in_turn: Cell::new(false),
            prepared: Cell::new(false),
        });
        let on_end = this.on(|lane| drop(lane.handles.borrow_mut().take()));
        let event_loop = EventLoop::of(env, on_end)?;
        let on_socket = this.on(Self::on_socket);
        let poll = Poll::open(&event_loop, &this.state.borrow().socket, move |_: Readiness| on_socket())?;
        let prepare = Prepare::open(&event_loop, this.on(Self::on_prepare))?;
        *this.handles.borrow_mut() = Some((poll, prepare));
        Ok(this)
    }

    fn on(self: &Rc<Self>, body: fn(&Self)) -> impl Fn() + 'static {
        let me: Weak<Self> = Rc::downgrade(self);
        move || {
            if let Some(lane) = me.upgrade() {
                body(&lane);
            }
        }
    }

    /// Sends a command before the loop waits.
    pub(crate) fn send(&self, parts: &[&[u8]]) {
        append_command(&mut self.state.borrow_mut().out, parts);
        if self.in_turn.get() || self.prepared.replace(true) {
            return;
        }
        if let Some((_, prepare)) = &*self.handles.borrow() {
            prepare.start();
        }
    }

    /// Sends the compare-and-delete before the loop waits.
    pub(crate) fn give_back(&self, key: &str, owner: &str) {
        self.send(&[b"EVALSHA", &self.sha, b"1", key.as_bytes(), owner.as_bytes()]);
    }

    fn on_prepare(&self) {
        self.prepared.set(false);
        if let Some((_, prepare)) = &*self.handles.borrow() {
            prepare.stop();
        }
        self.state.borrow_mut().write();
    }

    fn on_socket(&self) {
        let (count, failed) = {
            let mut state = self.state.borrow_mut();
            state.read();
            (state.answered(), state.failed.take())
        };
        self.in_turn.set(true);
        self.scope.enter(|env| (self.tell)(env, count, failed));
        self.in_turn.set(false);
        self.state.borrow_mut().write();
    }
}

impl State {
    /// Writes everything. Replies are small and Redis keeps reading, so a wait for room is short.
    fn write(&mut self) {
        let mut left = self.out.as_slice();
        while !left.is_empty() && self.failed.is_none() {
            match self.socket.write(left) {
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => self.failed = Some(error.to_string()),
            }
        }
        self.out.clear();
    }

    fn read(&mut self) {
        match self.socket.read(&mut self.buffer) {
            Ok(0) => self.failed = Some("Redis closed the connection".to_owned()),
            Ok(count) => self.parser.feed(self.buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => self.failed = Some(error.to_string()),
        }
    }

    /// The number of commands that were answered as expected.
    fn answered(&mut self) -> u32 {
        let mut count = 0;
        loop {
            match self.parser.next_reply() {
                Ok(Some(Value::Text(_) | Value::Int(1))) => count += 1,
                Ok(None) => return count,
                other => {
                    self.failed = Some(format!("not the expected answer: {other:?}"));
                    return count;
                }
            }
        }
    }
}
