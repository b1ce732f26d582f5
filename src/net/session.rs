//! TLS between a socket's bytes and Redis' bytes, after the handshake. A session has no socket: a lane moves the bytes.

use super::tls_error::explain;
use rustls::ClientConnection;
use std::io::{self, Read, Write};

const PIECE: usize = 16 << 10;

/// One connection's session.
pub(crate) struct TlsSession {
    connection: ClientConnection,
    buffer: Vec<u8>,
}

impl TlsSession {
    /// Takes over a session whose handshake is done.
    pub(super) fn new(mut connection: ClientConnection) -> Self {
        // The output needs no limit here: the number of calls under way limits it, and a lane encrypts only if the socket has
        // room.
        connection.set_buffer_limit(None);
        Self { connection, buffer: vec![0; PIECE] }
    }

    /// Decrypts bytes of the socket and hands the plain bytes to `take`. The error is a line for people.
    pub(crate) fn receive(&mut self, mut sealed: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        loop {
            // One call takes at most what fits into rustls' buffer.
            self.connection.read_tls(&mut sealed).map_err(|error| error.to_string())?;
            let state = self.connection.process_new_packets().map_err(|error| explain(&error))?;
            let (mut left, closed) = (state.plaintext_bytes_to_read(), state.peer_has_closed());
            while left > 0 {
                let count =
                    self.connection.reader().read(&mut self.buffer).map_err(|error| error.to_string())?;
                take(self.buffer.get(..count).unwrap_or_default());
                left = left.saturating_sub(count.max(1));
            }
            if closed {
                return Err("the server closed the connection".to_owned());
            }
            if sealed.is_empty() {
                return Ok(());
            }
        }
    }

    /// Encrypts bytes; [`Self::write_to`] sends them.
    pub(crate) fn seal(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.connection.writer().write_all(bytes)
    }

    /// Whether there are encrypted bytes to send.
    pub(crate) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Sends encrypted bytes, as many as the socket takes.
    pub(crate) fn write_to(&mut self, socket: &mut dyn Write) -> io::Result<usize> {
        self.connection.write_tls(socket)
    }
}
