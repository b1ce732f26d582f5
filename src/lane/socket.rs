//! The loop lane's socket, and the rules for writing to it.

use super::wire;
use crate::net::{TlsSession, describe};
use crate::sys::now;
use crate::sys::{Poll, Readiness};
use lock_core::Client;
use std::io::{ErrorKind, Read};
use std::time::Duration;

/// Size of the read buffer.
pub(super) const READ_SIZE: usize = 64 << 10;
/// Reads per wake-up, and how long they may take, so that one busy connection does not starve the rest of the loop. This matters
/// because a few bytes of a reply can lead to a new call.
const MOST_READS: usize = 4;
const LONGEST_READING: Duration = Duration::from_millis(10);

/// A connected socket and its watcher; fields drop in this order, as libuv asks.
pub(super) struct Connection {
    poll: Poll,
    pub(super) socket: socket2::Socket,
    pub(super) tls: Option<Box<TlsSession>>,
    waits_for_room: bool,
    /// The client has more to write than was written at once.
    has_more: bool,
    /// Nothing is written until something is read. See [`Self::write_alone`].
    corked: bool,
}

impl Connection {
    pub(super) fn new(poll: Poll, socket: socket2::Socket, tls: Option<Box<TlsSession>>) -> Self {
        Self { poll, socket, tls, waits_for_room: false, has_more: false, corked: false }
    }

    /// Handles what the watcher saw. True when there is something to read.
    pub(super) fn is_ready(&mut self, readiness: Readiness) -> bool {
        if readiness.writable && self.waits_for_room {
            self.waits_for_room = false;
            self.poll.watch(false);
        }
        let reads = readiness.readable || readiness.failed;
        self.corked &= !reads;
        reads
    }

    /// Reads the available bytes, a part of them or `all`, and handles them. The error says why the connection cannot go on.
    pub(super) fn read(&mut self, client: &mut Client, buffer: &mut [u8], all: bool) -> Result<(), String> {
        let end = now() + LONGEST_READING;
        let goes_on = |reads| all || (reads < MOST_READS && now() < end);
        for _ in (0..).take_while(|reads| goes_on(*reads)) {
            match self.socket.read(buffer) {
                Ok(0) => return Err("the server closed the connection".to_owned()),
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    wire::receive(client, self.tls.as_deref_mut(), bytes)?;
                    if count < buffer.len() && !all {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(describe(&error)),
                Err(_) if all => return Err("the connection failed".to_owned()),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Writes the output, as far as there is room. The error is a line for people.
    pub(super) fn write(&mut self, client: &mut Client) -> Result<(), String> {
        if self.waits_for_room || self.corked {
            return Ok(());
        }
        self.has_more = client.handle_write_of_turn(now());
        self.send(client)
    }

    /// Whether [`Self::write`] left something that can be written now.
    pub(super) fn has_more(&self) -> bool {
        self.has_more && !self.waits_for_room && !self.corked
    }

    fn send(&mut self, client: &mut Client) -> Result<(), String> {
        let sent = wire::send(client, self.tls.as_deref_mut(), &mut self.socket);
        self.waits_for_room = !sent.map_err(|error| describe(&error))?;
        if self.waits_for_room {
            self.poll.watch(true);
        }
        Ok(())
    }

    /// Writes a release for which others wait now, and nothing more until something is read. The same caller often asks for the
    /// lock again in the same turn. Redis would then find both commands together, and would execute both before it tells the next
    /// holder of the release.
    pub(super) fn write_alone(&mut self, client: &mut Client) -> Result<(), String> {
        if self.waits_for_room {
            return Ok(());
        }
        client.handle_urgent_write(now());
        let writes = !client.transmit().is_empty();
        self.send(client)?;
        self.corked = writes && !self.waits_for_room;
        Ok(())
    }
}
