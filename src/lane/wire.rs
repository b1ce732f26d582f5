//! Moves Redis' bytes over a lane's socket, in plain text or through TLS. The socket does not block.

use crate::net::TlsSession;
use crate::sys::now;
use lock_core::Client;
use std::io::{self, ErrorKind, Read, Write};

/// Writes the client's output, until nothing is left (true) or the socket has no room (false).
pub(super) fn send(
    client: &mut Client,
    tls: Option<&mut TlsSession>,
    socket: &mut impl Write,
) -> io::Result<bool> {
    match tls {
        None => {
            while !client.transmit().is_empty() {
                match taken(socket.write(client.transmit()))? {
                    Some(count) => client.transmitted(count),
                    None => return Ok(false),
                }
            }
        }
        Some(tls) => {
            if !client.transmit().is_empty() {
                tls.seal(client.transmit())?;
                client.transmitted(usize::MAX);
            }
            while tls.wants_write() {
                if taken(tls.write_to(socket))?.is_none() {
                    return Ok(false);
                }
            }
        }
    }
    Ok(true)
}

/// The first byte of a TLS alert. No reply of Redis begins with it.
const TLS_ALERT: u8 = 21;
/// The beginning of a web server's answer.
const HTTP: &[u8] = b"HTTP/";
/// Most reads for bytes that a server sent before a write to it failed.
const MOST_LAST_READS: usize = 64;

/// Handles bytes that were read from the socket. The error is a line for people.
pub(super) fn receive(client: &mut Client, tls: Option<&mut TlsSession>, bytes: &[u8]) -> Result<(), String> {
    match tls {
        None if !client.has_heard() && bytes.first() == Some(&TLS_ALERT) => {
            return Err("the server speaks TLS here; use rediss:// or redisOptions.tls".to_owned());
        }
        None if !client.has_heard() && bytes.starts_with(HTTP) => {
            return Err("a web server answers here (HTTP), and not Redis; check host and port".to_owned());
        }
        None => client.handle_bytes(now(), bytes),
        Some(tls) => tls.receive(bytes, &mut |plain| client.handle_bytes(now(), plain))?,
    }
    Ok(())
}

/// Reads the bytes that a server sent before a write to it failed. They may contain the reason.
pub(super) fn last_words(client: &mut Client, mut tls: Option<&mut TlsSession>, socket: &mut impl Read) {
    let mut buffer = [0; 4 << 10];
    for _ in 0..MOST_LAST_READS {
        let Ok(count @ 1..) = socket.read(&mut buffer) else { return };
        let bytes = buffer.get(..count).unwrap_or_default();
        if receive(client, tls.as_deref_mut(), bytes).is_err() {
            return;
        }
    }
}

/// The reason for the end of a connection, and its likely cause.
pub(super) fn ended(client: &Client, tls: bool, reason: String) -> String {
    match (client.has_heard(), tls) {
        (true, _) => reason,
        // A server that expects TLS may close the connection without an answer.
        (false, false) => {
            format!("{reason}, without an answer; if the server speaks TLS here, use rediss://")
        }
        // A server with TLS 1.3 refuses a missing client certificate after the handshake.
        (false, true) if !reason.contains("tls.cert") => {
            format!("{reason}, without an answer; it may want a client certificate (tls.cert and tls.key)")
        }
        (false, true) => reason,
    }
}

/// How many bytes a socket took; `None` if it has no room.
fn taken(outcome: io::Result<usize>) -> io::Result<Option<usize>> {
    match outcome {
        Ok(0) => Err(io::Error::other("the connection takes no more")),
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Some(0)),
        Err(error) => Err(error),
    }
}
