//! The loop lane's sockets, by node.

use super::socket::Connection;
use super::wire;
use crate::sys::now;
use lock_core::{Client, Instant, NodeId, Router};
use std::io::Read;

/// A way to write to a connection. The error says why the connection broke.
pub(super) type Write = fn(&mut Connection, &mut Client) -> Result<(), String>;

#[derive(Default)]
struct Place {
    connection: Option<Connection>,
    /// Counts the attempts to connect. The result of an earlier attempt is out of date.
    epoch: u64,
}

/// See the module.
#[derive(Default)]
pub(super) struct Sockets {
    places: Vec<Place>,
}

impl Sockets {
    pub(super) fn get(&mut self, node: NodeId) -> Option<&mut Connection> {
        self.places.get_mut(node as usize)?.connection.as_mut()
    }

    /// Begins an attempt to connect; returns its number.
    pub(super) fn begin(&mut self, node: NodeId) -> u64 {
        if self.places.len() <= node as usize {
            self.places.resize_with(node as usize + 1, Place::default);
        }
        let Some(place) = self.places.get_mut(node as usize) else { return 0 };
        place.epoch += 1;
        place.epoch
    }

    /// Whether this attempt to connect is the latest.
    pub(super) fn is_current(&self, node: NodeId, epoch: u64) -> bool {
        self.places.get(node as usize).is_some_and(|place| place.epoch == epoch)
    }

    pub(super) fn open(&mut self, node: NodeId, connection: Connection) {
        if let Some(place) = self.places.get_mut(node as usize) {
            place.connection = Some(connection);
        }
    }

    pub(super) fn close(&mut self, node: NodeId) {
        if let Some(place) = self.places.get_mut(node as usize) {
            place.connection = None;
            place.epoch += 1;
        }
    }

    pub(super) fn close_all(&mut self) {
        self.places.clear();
    }

    /// Writes to every connection. True if one broke, so that there is more to do.
    pub(super) fn write_all(&mut self, router: &mut Router) -> bool {
        let mut broke = false;
        for node in 0_u32..u32::try_from(self.places.len()).unwrap_or_default() {
            broke |= self.write(node, router, Connection::write);
        }
        broke
    }

    /// Whether [`Self::write_all`] left something that can be written now.
    pub(super) fn have_more(&self) -> bool {
        self.places.iter().filter_map(|place| place.connection.as_ref()).any(Connection::has_more)
    }

    /// Writes, and reads until no reply is owed or until `end`. Nothing else runs meanwhile.
    pub(super) fn finish(&mut self, node: NodeId, router: &mut Router, buffer: &mut [u8], end: Instant) {
        let Some(client) = router.client(node) else { return };
        while client.expects_reply() {
            let left = end.since(now());
            let Some(Connection { socket, tls, .. }) = self.get(node) else { return };
            if left.is_zero() || socket.set_nonblocking(false).is_err() {
                return;
            }
            let limits = (socket.set_write_timeout(Some(left)), socket.set_read_timeout(Some(left)));
            client.handle_write(now());
            if !matches!(limits, (Ok(()), Ok(())))
                || !matches!(wire::send(client, tls.as_deref_mut(), socket), Ok(true))
            {
                return;
            }
            let Ok(count @ 1..) = socket.read(buffer) else { return };
            let bytes = buffer.get(..count).unwrap_or_default();
            if wire::receive(client, tls.as_deref_mut(), bytes).is_err() {
                return;
            }
        }
    }

    /// Writes to one connection. True if it broke.
    pub(super) fn write(&mut self, node: NodeId, router: &mut Router, write: Write) -> bool {
        let Some(connection) = self.get(node) else { return false };
        let Some(client) = router.client(node) else { return false };
        let Err(reason) = write(connection, client) else { return false };
        wire::last_words(client, connection.tls.as_deref_mut(), &mut connection.socket);
        let reason = wire::ended(client, connection.tls.is_some(), reason);
        client.handle_disconnected(now(), &reason);
        self.close(node);
        true
    }
}
