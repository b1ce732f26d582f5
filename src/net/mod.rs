//! From a typed target to a connection that stands, TLS included. Runs on the background thread: resolving,
//! connecting and handshakes take time.

mod connect;
mod happy_eyeballs;
mod session;
mod socket;
mod target;
mod tls;
mod verify;

pub(crate) use connect::{Connection, Stream, connect, connect_stream, describe};
pub(crate) use session::TlsSession;
pub(crate) use socket::Socket;
pub(crate) use target::{Endpoint, Family, SocketRules, Target};
pub(crate) use tls::{Tls, TlsOptions, Trust};
