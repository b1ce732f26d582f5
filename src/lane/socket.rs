//! The loop lane's socket, and when it is written to.

use super::wire;
use crate::net::{TlsSession, describe};
use crate::sys::now;
use crate::sys::{Poll, Readiness};
use lock_core::Client;

/// A connected socket and its watcher; fields drop in this order, as libuv asks.
pub(super) struct Connection {
    poll: Poll,
    pub(super) socket: socket2::Socket,
    pub(super) tls: Option<Box<TlsSession>>,
    waits_for_room: bool,
    /// Nothing is written until something is read. See [`Self::write_alone`].
    corked: bool,
}

impl Connection {
    pub(super) fn new(poll: Poll, socket: socket2::Socket, tls: Option<Box<TlsSession>>) -> Self {
        Self { poll, socket, tls, waits_for_room: false, corked: false }
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

    /// Writes the output, as far as there is room. The error is a line for people.
    pub(super) fn write(&mut self, client: &mut Client) -> Result<(), String> {
        if self.waits_for_room || self.corked {
            return Ok(());
        }
        client.handle_write(now());
        self.send(client)
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
    /// lock again in the same turn. Redis would find both commands, and execute both before it tells the next holder of the
    /// release.
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
