//! From a typed target to an open connection, TLS included. All of this runs on the background thread, since resolving,
//! connecting and handshakes take time.

mod connect;
mod conversation;
mod endpoint;
mod happy_eyeballs;
mod io_error;
mod open;
mod sentinel;
mod session;
mod socket;
mod talk;
mod target;
mod tls;
mod tls_error;
mod verify;

pub(crate) use connect::{Connection, connect, connect_stream};
pub(crate) use endpoint::{Endpoint, Family, SocketRules};
pub(crate) use io_error::describe;
pub(crate) use sentinel::{Detection, Known, Sentinel, Sentinels};
pub(crate) use session::TlsSession;
pub(crate) use socket::Socket;
pub(crate) use talk::{Failure, Talk};
pub(crate) use target::{Place, Target, Trouble};
pub(crate) use tls::{Tls, TlsOptions};
pub(crate) use verify::Trust;
