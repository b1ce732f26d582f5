//! The native half of `medusa-locking-redis`: lock-core driven on Node's own loop, renewal on a thread of its own.
//!
//! Import rule: `binding → lane → {sys, net}`; binding and lane → lock-core. Foreign calls and unsafe code live
//! in `sys` and nowhere else.

#![deny(unsafe_code)]

mod binding;
mod lane;
mod net;
mod sys;
