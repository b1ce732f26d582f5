//! The floor of the benchmark: SET and compare-and-delete from a compiled client on Node's own loop. It is no lock: no call waits, nothing
//! is renewed, and a broken connection ends it.
//!
//! It reads, writes and delivers results like the addon's lane on the loop (`src/lane/node_loop.rs`), with the same handles. So the
//! difference between it and the package is the cost of the lock.

#![deny(unsafe_code)]

mod lane;
#[allow(dead_code, unused_imports, reason = "the addon's own handles, of which the floor needs three")]
#[path = "../../../src/sys/mod.rs"]
mod sys;

use lane::Lane;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::{Env, Error};
use napi_derive::napi;
use std::rc::Rc;

/// A connection that sends two commands.
#[napi]
pub struct Floor {
    lane: Rc<Lane>,
}

#[napi]
#[allow(clippy::needless_pass_by_value, reason = "arguments come by value from JavaScript")]
impl Floor {
    /// Connects, and blocks until then. `on_answers` gets the number of commands that were answered as expected since its last call, in the
    /// order in which they were sent. It also gets the reason if no more replies will come.
    ///
    /// # Errors
    ///
    /// When nobody listens at `address` (`host:port`), or libuv cannot be found.
    #[napi(constructor)]
    pub fn new(
        env: Env,
        address: String,
        on_answers: Function<'_, FnArgs<(u32, Option<String>)>, ()>,
    ) -> napi::Result<Self> {
        let on_answers = on_answers.create_ref()?;
        let tell = move |env: &Env, count, failed| {
            let _ = on_answers.borrow_back(env).and_then(|function| function.call((count, failed).into()));
        };
        let lane = Lane::open(&env, &address, tell).map_err(Error::from_reason)?;
        Ok(Self { lane })
    }

    /// SET with NX and PX. Expects that the key was free.
    #[napi]
    pub fn take(&self, key: String, owner: String) {
        self.lane.send(&[b"SET", key.as_bytes(), owner.as_bytes(), b"NX", b"PX", b"60000"]);
    }

    /// Compare-and-delete by a script that Redis knows since the connect. Expects that the owner still had the key.
    #[napi]
    pub fn give_back(&self, key: String, owner: String) {
        self.lane.give_back(&key, &owner);
    }
}
