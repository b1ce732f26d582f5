//! The native half of `medusa-locking-redis`: it drives lock-core on Node's own loop, and renews leases on a separate thread.
//!
//! Import rule: `binding → lane → {sys, net}`; binding and lane → lock-core. Foreign calls and unsafe code live in `sys` and
//! nowhere else.

#![deny(unsafe_code)]

mod binding;
mod lane;
mod net;
mod sys;
