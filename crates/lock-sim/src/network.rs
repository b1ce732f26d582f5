//! Connections: what is on its way, in either direction, and in which order it arrives.

use crate::world::{Happening, MS, World};
use std::collections::VecDeque;

/// A command as its parts.
pub(crate) type Command = Vec<Vec<u8>>;

/// One connection of a process to the server. In each direction everything arrives in the order in which it was sent.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) process: usize,
    pub(crate) to_server: VecDeque<Command>,
    pub(crate) to_client: VecDeque<Vec<u8>>,
    /// When the last of either direction arrives, in ns.
    pub(crate) server_at: u64,
    pub(crate) client_at: u64,
    /// Nothing comes before this time, in ns.
    pub(crate) held_up_until: u64,
    /// The server still reads it, and counts it as a receiver.
    pub(crate) open_at_server: bool,
    pub(crate) open_at_client: bool,
}

impl Connection {
    pub(crate) fn new(process: usize) -> Self {
        Self { process, open_at_server: true, open_at_client: true, ..Self::default() }
    }
}

impl World {
    /// A connection that was asked for stands.
    pub(crate) fn connected(&mut self, process: usize, epoch: u64) -> Result<(), String> {
        let now = self.instant();
        let next = self.connections.len();
        let Some(one) = self.processes.get_mut(process).filter(|one| one.epoch == epoch) else {
            return Ok(());
        };
        if one.away_until() > self.now {
            let until = one.away_until();
            self.at(until, Happening::Connected { process, epoch });
            return Ok(());
        }
        one.connection = Some(next);
        one.client.handle_connected(now);
        self.connections.push(Connection::new(process));
        self.drain(process)
    }

    /// The client has closed its connection.
    pub(crate) fn drop_connection(&mut self, process: usize) {
        let Some(at) = self.processes.get_mut(process).and_then(|one| one.connection.take()) else { return };
        self.cut(at);
        if let Some(connection) = self.connections.get_mut(at) {
            connection.open_at_client = false;
        }
    }

    /// A connection breaks. What is on its way to the server is executed up to some point; the server goes on counting it as a
    /// receiver for a while, and no answer comes through any more.
    pub(crate) fn cut(&mut self, at: usize) {
        let keep =
            self.connections.get(at).map_or(0, |connection| self.rng.usize(0..=connection.to_server.len()));
        let notices = self.rng.u64(0..2_000) * MS;
        let Some(connection) = self.connections.get_mut(at) else { return };
        connection.to_server.truncate(keep);
        connection.to_client.clear();
        connection.open_at_client = false;
        let server_at = connection.server_at.max(self.now) + notices;
        self.at(server_at, Happening::ClosedAtServer(at));
    }

    pub(crate) fn closed_at_client(&mut self, at: usize) -> Result<(), String> {
        let now = self.instant();
        let Some(process) = self.connections.get(at).map(|connection| connection.process) else {
            return Ok(());
        };
        let Some(one) = self.processes.get_mut(process).filter(|one| one.connection == Some(at)) else {
            return Ok(());
        };
        if one.away_until() > self.now {
            let until = one.away_until();
            self.at(until, Happening::ClosedAtClient(at));
            return Ok(());
        }
        one.connection = None;
        one.client.handle_disconnected(now, "cut");
        self.drain(process)
    }
}
