//! The loop lane's socket: when it is written to.

use crate::net::describe;
use crate::sys::{Poll, Readiness, now};
use lock_core::Client;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;

/// A connected socket and its watcher; fields drop in this order, as libuv asks.
pub(super) struct Connection {
    poll: Poll,
    pub(super) socket: TcpStream,
    waits_for_room: bool,
    /// Nothing is written until something is read. See [`Self::write_alone`].
    corked: bool,
}

impl Connection {
    pub(super) fn new(poll: Poll, socket: TcpStream) -> Self {
        Self { poll, socket, waits_for_room: false, corked: false }
    }

    /// Takes in what the watcher saw. True when there is something to read.
    pub(super) fn is_ready(&mut self, readiness: Readiness) -> bool {
        if readiness.writable && self.waits_for_room {
            self.waits_for_room = false;
            self.poll.watch(false);
        }
        let reads = readiness.readable || readiness.failed;
        self.corked &= !reads;
        reads
    }

    /// Writes what there is, as far as there is room. The error is a line for people.
    pub(super) fn write(&mut self, client: &mut Client) -> Result<(), String> {
        if self.waits_for_room || self.corked {
            return Ok(());
        }
        client.handle_write(now());
        while !client.transmit().is_empty() {
            match self.socket.write(client.transmit()) {
                Ok(0) => return Err("the connection takes no more".to_owned()),
                Ok(count) => client.transmitted(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.waits_for_room = true;
                    self.poll.watch(true);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(describe(&error)),
            }
        }
        Ok(())
    }

    /// Writes a release for which others wait, now, and nothing after it until something is read. The same turn often
    /// brings the next wish of the same caller: Redis would find both, and carry out both before it tells anybody of
    /// the first.
    pub(super) fn write_alone(&mut self, client: &mut Client) -> Result<(), String> {
        self.corked = false;
        self.write(client)?;
        self.corked = !self.waits_for_room;
        Ok(())
    }
}
