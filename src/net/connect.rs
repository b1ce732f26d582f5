//! Connections as ioredis makes them: family, several addresses, local address, no delay, keep-alive, time limit.

use super::happy_eyeballs::first_of;
use super::session::TlsSession;
use super::socket::Socket;
use super::target::{Endpoint, Place, SocketRules, Target, Trouble};
use super::tls::Tls;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_rustls::client::TlsStream;

/// Most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 32;

/// A connection for a lane: the socket, and what stands between its bytes and Redis'.
pub(crate) struct Connection {
    /// The socket.
    pub(crate) socket: Socket,
    /// Its TLS session, handshake done; `None` in plain text.
    pub(crate) tls: Option<Box<TlsSession>>,
}

/// A connection as one stream, for a client that drives it itself.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects for a lane. The trouble is a line for people, in Node's words where it has some.
pub(crate) async fn connect(target: &Target) -> Result<Connection, Trouble> {
    connect_to(target).await.map_err(|trouble| trouble.clean(&target.secrets))
}

async fn connect_to(target: &Target) -> Result<Connection, Trouble> {
    let endpoint = find(target).await?;
    let Way { rules, tls } = Way::of(target);
    let end = rules.end();
    let socket = reach(&endpoint, rules, end).await?;
    let Some(tls) = tls else { return Ok(Connection { socket, tls: None }) };
    let (socket, session) = secure(&endpoint, tls, socket, end).await?.into_inner();
    Ok(Connection { socket, tls: Some(Box::new(TlsSession::new(session))) })
}

/// Connects for the renewal.
pub(crate) async fn connect_stream(target: &Target) -> Result<Box<dyn Stream>, Trouble> {
    let opened = async {
        let endpoint = find(target).await?;
        Ok(open_stream(&endpoint, Way::of(target)).await?)
    };
    opened.await.map_err(|trouble: Trouble| trouble.clean(&target.secrets))
}

/// How a connection is made, wherever to.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub(super) rules: &'a SocketRules,
    pub(super) tls: Option<&'a Tls>,
}

impl<'a> Way<'a> {
    fn of(target: &'a Target) -> Self {
        Self { rules: &target.socket, tls: target.tls.as_ref() }
    }
}

/// Connects to a server whose place is known.
pub(super) async fn open_stream(endpoint: &Endpoint, way: Way<'_>) -> Result<Box<dyn Stream>, String> {
    let end = way.rules.end();
    let socket = reach(endpoint, way.rules, end).await?;
    let Some(tls) = way.tls else { return Ok(Box::new(socket)) };
    Ok(Box::new(secure(endpoint, tls, socket, end).await?))
}

async fn find(target: &Target) -> Result<Endpoint, Trouble> {
    match &target.place {
        Place::At(endpoint) => Ok(endpoint.clone()),
        Place::Asked(sentinels) => {
            sentinels.find_master(&target.socket).await.map_err(|reason| Trouble { reason, unresolved: true })
        }
    }
}

impl SocketRules {
    /// When connecting has taken too long.
    fn end(&self) -> Option<Instant> {
        self.connect_limit.and_then(|limit| Instant::now().checked_add(limit))
    }
}

async fn reach(endpoint: &Endpoint, rules: &SocketRules, end: Option<Instant>) -> Result<Socket, String> {
    let late = || format!("connect ETIMEDOUT {endpoint}");
    before(end, late, open(endpoint, rules)).await
}

async fn secure(
    endpoint: &Endpoint,
    tls: &Tls,
    socket: Socket,
    end: Option<Instant>,
) -> Result<TlsStream<Socket>, String> {
    // A server that takes the beginning of a handshake for half a command waits for the rest of it.
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

async fn open(endpoint: &Endpoint, rules: &SocketRules) -> Result<Socket, String> {
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
    // Node counts in whole seconds; less than one leaves the system's own time.
    let keep_alive = if idle.as_secs() > 0 { keep_alive.with_time(idle) } else { keep_alive };
    socket2::SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

/// An error's name as Node has it, or its text.
pub(crate) fn describe(error: &io::Error) -> String {
    let name = match error.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::PermissionDenied => "EACCES",
        _ => return error.to_string(),
    };
    name.to_owned()
}
