//! Opens sockets as ioredis does: family, several addresses, local address, no delay, keep-alive, time limit; then TLS.

use super::endpoint::{Endpoint, SocketRules};
use super::happy_eyeballs::first_of;
use super::io_error::describe;
use super::socket::{Socket, Stream};
use super::tls::Tls;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

/// The most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 32;

/// How a connection is made.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) rules: &'a SocketRules,
    pub(super) tls: Option<&'a Tls>,
}

/// An open connection, after the handshake if there is one.
pub(super) enum Opened {
    Plain(Socket),
    Secured(Box<TlsStream<Socket>>),
}

impl Opened {
    pub(super) fn into_stream(self) -> Box<dyn Stream> {
        match self {
            Self::Plain(socket) => Box::new(socket),
            Self::Secured(stream) => stream,
        }
    }
}

/// Connects to a server whose address is known.
pub(super) async fn open(endpoint: &Endpoint, way: Way<'_>) -> Result<Opened, String> {
    let end = end_of(way.rules);
    let socket = reach(endpoint, way.rules, end).await?;
    let Some(tls) = way.tls else { return Ok(Opened::Plain(socket)) };
    secure(endpoint, tls, socket, end).await.map(|stream| Opened::Secured(Box::new(stream)))
}

/// The latest moment at which the connection must stand.
fn end_of(rules: &SocketRules) -> Option<Instant> {
    rules.connect_limit.and_then(|limit| Instant::now().checked_add(limit))
}

async fn reach(endpoint: &Endpoint, rules: &SocketRules, end: Option<Instant>) -> Result<Socket, String> {
    let late = || format!("connect ETIMEDOUT {endpoint}");
    before(end, late, open_socket(endpoint, rules)).await
}

async fn secure(
    endpoint: &Endpoint,
    tls: &Tls,
    socket: Socket,
    end: Option<Instant>,
) -> Result<TlsStream<Socket>, String> {
    // A server without TLS may take the beginning of a handshake for half a command, and then waits for the rest of the command.
    let late = || {
        format!("TLS with {endpoint} failed: the server did not answer in time; it may not speak TLS here")
    };
    before(end, late, tls.handshake(endpoint, socket)).await
}

async fn before<T>(
    end: Option<Instant>,
    late: impl FnOnce() -> String,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    let Some(end) = end else { return work.await };
    tokio::time::timeout_at(end, work).await.unwrap_or_else(|_| Err(late()))
}

async fn open_socket(endpoint: &Endpoint, rules: &SocketRules) -> Result<Socket, String> {
    match endpoint {
        Endpoint::Tcp { host, port } => open_tcp(host, *port, rules).await.map(Socket::Tcp),
        Endpoint::Unix(path) => open_unix(path).await,
    }
}

async fn open_tcp(host: &str, port: u16, rules: &SocketRules) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| {
        format!("the name \"{host}\" could not be resolved ({error}); check the host in redisUrl")
    })?;
    let addresses: Vec<_> =
        found.filter(|address| rules.family.admits(*address)).take(MOST_ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(format!("the name \"{host}\" has no address of the wanted family"));
    }
    let stream = first_of(addresses, |address| open_address(address, rules.local)).await?;
    prepare(&stream, rules).map_err(|error| describe(&error))?;
    Ok(stream)
}

async fn open_address(address: SocketAddr, local: Option<SocketAddr>) -> Result<TcpStream, String> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(|error| describe(&error))?;
    if let Some(local) = local {
        socket.bind(local).map_err(|error| format!("bind {} {local}", describe(&error)))?;
    }
    let stream = socket.connect(address).await;
    stream.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::ConnectionRefused => "; nothing listens there: start Redis, or check redisUrl",
            _ => "",
        };
        format!("connect {} {address}{advice}", describe(&error))
    })
}

#[cfg(unix)]
async fn open_unix(path: &Path) -> Result<Socket, String> {
    let stream = tokio::net::UnixStream::connect(path).await;
    stream.map(Socket::Unix).map_err(|error| format!("connect {} {}", describe(&error), path.display()))
}

#[cfg(not(unix))]
async fn open_unix(_path: &Path) -> Result<Socket, String> {
    Err("Unix sockets / named pipes are not supported on Windows".to_owned())
}

fn prepare(stream: &TcpStream, rules: &SocketRules) -> io::Result<()> {
    if rules.no_delay {
        stream.set_nodelay(true)?;
    }
    let Some(idle) = rules.keep_alive else { return Ok(()) };
    let keep_alive = socket2::TcpKeepalive::new().with_interval(std::time::Duration::from_secs(1));
    #[cfg(not(windows))]
    let keep_alive = keep_alive.with_retries(10);
    // Node counts in whole seconds, so a time below one second leaves the system's default.
    let keep_alive = if idle.as_secs() > 0 { keep_alive.with_time(idle) } else { keep_alive };
    socket2::SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}
