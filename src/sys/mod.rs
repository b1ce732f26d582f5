//! All foreign calls of the addon: libuv handles, raw Node-API, clocks. This folder knows nothing about locks.
#![allow(unsafe_code, reason = "this folder is where unsafe code lives")]

mod clock;
mod env_end;
mod event_loop;
mod handles;
mod js_scope;
mod shared_numbers;
mod thread_waker;
mod uv_api;

pub(crate) use clock::now;
pub(crate) use env_end::EnvEnd;
pub(crate) use event_loop::EventLoop;
pub(crate) use handles::{Async, AsyncWaker, Poll, Prepare, Readiness, Timer};
pub(crate) use js_scope::JsScope;
pub(crate) use shared_numbers::SharedNumbers;
pub(crate) use thread_waker::ThreadWaker;
