//! Connections as ioredis makes them: family, several addresses, local address, no delay, keep-alive, time limit.

use super::happy_eyeballs::first_of;
use super::session::TlsSession;
use super::socket::Socket;
use super::target::{Endpoint, SocketRules, Target};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

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

/// Connects for a lane. The error is a line for people, in Node's words where it has some.
pub(crate) async fn connect(target: &Target) -> Result<Connection, String> {
    limited(target, async {
        let socket = open(&target.endpoint, &target.socket).await?;
        let Some(tls) = &target.tls else { return Ok(Connection { socket, tls: None }) };
        let (socket, session) = tls.handshake(&target.endpoint, socket).await?.into_inner();
        Ok(Connection { socket, tls: Some(Box::new(TlsSession::new(session))) })
    })
    .await
}

/// Connects for the renewal.
pub(crate) async fn connect_stream(target: &Target) -> Result<Box<dyn Stream>, String> {
    limited(target, async {
        let socket = open(&target.endpoint, &target.socket).await?;
        let Some(tls) = &target.tls else { return Ok(Box::new(socket) as Box<dyn Stream>) };
        let stream = tls.handshake(&target.endpoint, socket).await?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    })
    .await
}

async fn limited<T>(target: &Target, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let Some(limit) = target.socket.connect_limit else { return work.await };
    match tokio::time::timeout(limit, work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("connect ETIMEDOUT {}", target.endpoint)),
    }
}

async fn open(endpoint: &Endpoint, rules: &SocketRules) -> Result<Socket, String> {
    match endpoint {
        Endpoint::Tcp { host, port } => open_tcp(host, *port, rules).await.map(Socket::Tcp),
        Endpoint::Unix(path) => open_unix(path).await,
    }
}

async fn open_tcp(host: &str, port: u16, rules: &SocketRules) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let found = found.map_err(|error| format!("the name \"{host}\" could not be resolved: {error}"))?;
    let addresses: Vec<_> = found.filter(|address| rules.family.admits(*address)).collect();
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
    stream.map_err(|error| format!("connect {} {address}", describe(&error)))
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
