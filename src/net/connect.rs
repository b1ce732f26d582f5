//! TCP connections as ioredis makes them: family, one address after the other, no delay, keep-alive, 10 s.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// ioredis' default `connectTimeout`.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// All.
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// Where Redis is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Host name or address.
    pub(crate) host: String,
    /// TCP port.
    pub(crate) port: u16,
    /// Which addresses are used.
    pub(crate) family: Family,
}

/// Connects; the error is a line for people, in Node's words where it has some.
pub(crate) async fn connect(target: &Target) -> Result<std::net::TcpStream, String> {
    match tokio::time::timeout(CONNECT_LIMIT, connect_unlimited(target)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("connect ETIMEDOUT {}:{}", target.host, target.port)),
    }
}

async fn connect_unlimited(target: &Target) -> Result<std::net::TcpStream, String> {
    let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let found =
        found.map_err(|error| format!("the name \"{}\" could not be resolved: {error}", target.host))?;
    let wanted = |address: &SocketAddr| match target.family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let mut last = format!("the name \"{}\" has no address of the wanted family", target.host);
    for address in found.filter(wanted) {
        match tokio::net::TcpStream::connect(address).await.and_then(prepare) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("connect {} {address}", describe(&error)),
        }
    }
    Err(last)
}

fn prepare(stream: tokio::net::TcpStream) -> io::Result<std::net::TcpStream> {
    let stream = stream.into_std()?;
    stream.set_nodelay(true)?;
    let keep_alive = socket2::TcpKeepalive::new().with_interval(Duration::from_secs(1));
    #[cfg(not(windows))]
    let keep_alive = keep_alive.with_retries(10);
    socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive)?;
    Ok(stream)
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
        _ => return error.to_string(),
    };
    name.to_owned()
}
