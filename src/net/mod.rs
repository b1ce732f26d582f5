//! From a typed target to a connection that stands, TLS included. Runs on the background thread: resolving,
//! connecting and handshakes take time.

mod connect;
mod conversation;
mod happy_eyeballs;
mod sentinel;
mod session;
mod socket;
mod talk;
mod target;
mod tls;
mod verify;

pub(crate) use connect::{Connection, connect, connect_stream, describe};
pub(crate) use sentinel::{Detection, Known, Sentinel, Sentinels};
pub(crate) use session::TlsSession;
pub(crate) use socket::Socket;
pub(crate) use talk::{Failure, Talk};
pub(crate) use target::{Endpoint, Family, Place, SocketRules, Target, Trouble};
pub(crate) use tls::{Tls, TlsOptions, Trust};
