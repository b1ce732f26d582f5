//! Connections: the messages on their way in both directions, and the order of their arrival.

use crate::process::Process;
use crate::world::{Happening, MS, World};
use lock_core::resp::{Parser, Value};
use lock_core::{Instant, NodeId, Script};
use std::collections::VecDeque;

/// A command as its parts.
pub(crate) type Command = Vec<Vec<u8>>;

/// One connection of a process to the server. Each direction keeps the order of sending.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    pub(crate) process: usize,
    /// The node, for the process and for the world.
    pub(crate) node: NodeId,
    pub(crate) server: usize,
    /// When it was made, in ns.
    pub(crate) made_at: u64,
    pub(crate) to_server: VecDeque<Command>,
    pub(crate) to_client: VecDeque<Vec<u8>>,
    /// The arrival of the last message in each direction, in ns.
    pub(crate) server_at: u64,
    pub(crate) client_at: u64,
    /// Nothing comes before this time, in ns.
    pub(crate) held_up_until: u64,
    /// The server still reads it, and counts it as a receiver.
    pub(crate) open_at_server: bool,
    pub(crate) open_at_client: bool,
    /// ASKING came just before.
    asking: bool,
}

impl Connection {
    fn new(process: usize, node: NodeId, server: usize, made_at: u64) -> Self {
        Self { process, node, server, made_at, open_at_server: true, open_at_client: true, ..Self::default() }
    }
}

impl World {
    /// A connection that a client asked for is made.
    pub(crate) fn connected(&mut self, process: usize, node: NodeId, epoch: u64) -> Result<(), String> {
        let now = self.instant();
        let next = self.connections.len();
        let is_last = |one: &&mut Process| one.connecting.get(&node) == Some(&epoch);
        let Some(one) = self.processes.get_mut(process).filter(is_last) else { return Ok(()) };
        if one.away_until() > self.now {
            let until = one.away_until();
            self.at(until, Happening::Connected { process, node, epoch });
            return Ok(());
        }
        one.connecting.remove(&node);
        let server = self.servers.listening(one.engine.router().address(node));
        let Some(client) = one.client(node) else { return Ok(()) };
        if let Some(server) = server {
            if !client.handle_connected(now) {
                return Ok(());
            }
            one.connections.insert(node, next);
            self.connections.push(Connection::new(process, node, server, self.now));
        } else {
            client.handle_disconnected(now, "refused");
        }
        self.drain(process)
    }

    /// One of the connections of a process.
    pub(crate) fn connection_of(&mut self, process: usize) -> Option<usize> {
        let own: Vec<usize> = self.processes.get(process)?.connections.values().copied().collect();
        if own.len() > 1 { self.rng.choice(own) } else { own.first().copied() }
    }

    /// The client has closed its connection.
    pub(crate) fn drop_connection(&mut self, process: usize, node: NodeId) {
        let Some(one) = self.processes.get_mut(process) else { return };
        one.connecting.remove(&node);
        let Some(at) = one.connections.remove(&node) else { return };
        self.cut(at);
        if let Some(connection) = self.connections.get_mut(at) {
            connection.open_at_client = false;
        }
    }

    /// A connection breaks. The server executes the commands on their way up to some point, and goes on counting the connection as a
    /// receiver for a while. No more answers arrive.
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
        let Some(&Connection { process, node, .. }) = self.connections.get(at) else { return Ok(()) };
        let is_there = |one: &&mut Process| one.connections.get(&node) == Some(&at);
        let Some(one) = self.processes.get_mut(process).filter(is_there) else { return Ok(()) };
        if one.away_until() > self.now {
            let until = one.away_until();
            self.at(until, Happening::ClosedAtClient(at));
            return Ok(());
        }
        one.connections.remove(&node);
        if let Some(client) = one.client(node) {
            client.handle_disconnected(now, "cut");
        }
        self.drain(process)
    }

    pub(crate) fn arrive_at_server(&mut self, at: usize) {
        let us = self.connections.get(at).map_or(0, |one| self.us_of(one.server));
        let Some(connection) = self.connections.get_mut(at) else { return };
        let Some(command) = connection.to_server.pop_front().filter(|_| connection.open_at_server) else {
            return;
        };
        let server = connection.server;
        let asked = std::mem::replace(&mut connection.asking, command == [b"ASKING"]);
        let (reply, pushes) = match self.servers.refusal(server, &command, asked, us) {
            Some(refusal) => (refusal, Vec::new()),
            None => self.servers.at(server).execute(us, at, &command),
        };
        let server = self.servers.at(server);
        for killed in std::mem::take(&mut server.killed) {
            server.forget(us, killed);
            if let Some(connection) = self.connections.get_mut(killed) {
                connection.open_at_server = false;
            }
        }
        let taken_away = std::mem::take(&mut server.taken_away);
        self.taken_away(taken_away);
        let own_first = self.plan.push_first;
        self.note(|| {
            format!("{at} > {} < {}", show(&command), String::from_utf8_lossy(&reply).replace("\r\n", " "))
        });
        let (own, others): (Vec<_>, Vec<_>) = pushes.into_iter().partition(|(to, _)| *to == at);
        if own_first {
            own.iter().for_each(|(to, push)| self.send_to_client(*to, push.clone()));
        }
        if !reply.is_empty() {
            self.send_to_client(at, reply);
        }
        if !own_first {
            own.iter().for_each(|(to, push)| self.send_to_client(*to, push.clone()));
        }
        others.into_iter().for_each(|(to, push)| self.send_to_client(to, push));
    }

    pub(crate) fn send_to_client(&mut self, to: usize, bytes: Vec<u8>) {
        let at = self.now + self.latency();
        let Some(connection) = self.connections.get_mut(to) else { return };
        connection.client_at = connection.client_at.max(at).max(connection.held_up_until);
        connection.to_client.push_back(bytes);
        let at = connection.client_at;
        self.at(at, Happening::ToClient(to));
    }

    pub(crate) fn arrive_at_client(&mut self, at: usize) -> Result<(), String> {
        let Some(connection) = self.connections.get_mut(at) else { return Ok(()) };
        let (process, node) = (connection.process, connection.node);
        let now = Instant::from_nanos(self.now);
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        let is_there = one.connections.get(&node) == Some(&at);
        if one.away_until() > self.now && is_there {
            let until = one.away_until();
            self.at(until, Happening::ToClient(at));
            return Ok(());
        }
        let Some(bytes) = connection.to_client.pop_front() else { return Ok(()) };
        if connection.open_at_client
            && is_there
            && let Some(client) = one.client(node)
        {
            client.handle_bytes(now, &bytes);
            if one.exits_next {
                self.begin_exit(process);
            }
            return self.drain(process);
        }
        Ok(())
    }

    /// Sends the bytes that the client has written.
    pub(crate) fn flush(&mut self, process: usize) {
        let Some(one) = self.processes.get_mut(process) else { return };
        // If a job blocks the thread, everything waits for its end.
        if one.stalled_until > self.now {
            return;
        }
        for node in one.engine.router().nodes() {
            self.flush_to(process, node);
        }
    }

    fn flush_to(&mut self, process: usize, node: NodeId) {
        let now = Instant::from_nanos(self.now);
        let Some(one) = self.processes.get_mut(process) else { return };
        let to = one.connections.get(&node).copied();
        let Some(client) = one.client(node) else { return };
        client.handle_write(now);
        if client.transmit().is_empty() {
            return;
        }
        let mut parser = Parser::default();
        parser.feed(client.transmit());
        client.transmitted(usize::MAX);
        let Some(to) = to else { return };
        while let Ok(Some(Value::Array(parts))) = parser.next_reply() {
            let command = parts.into_iter().filter_map(|part| match part {
                Value::Text(text) => Some(text),
                _ => None,
            });
            let command: Command = command.collect();
            self.sent.add(&self.now.to_le_bytes());
            for part in &command {
                // The text of a script may change while its meaning stays the same.
                self.sent.add(lock_core_name(part).map_or(part, str::as_bytes));
                self.sent.add(b"\n");
            }
            let at = self.now + self.latency();
            let Some(connection) = self.connections.get_mut(to) else { return };
            connection.server_at = connection.server_at.max(at).max(connection.held_up_until);
            connection.to_server.push_back(command);
            let at = connection.server_at;
            self.at(at, Happening::ToServer(to));
        }
    }
}

fn show(command: &[Vec<u8>]) -> String {
    let names = command.iter().map(|part| match lock_core_name(part) {
        Some(name) => name.to_owned(),
        None => String::from_utf8_lossy(part.get(..part.len().min(50)).unwrap_or_default()).into_owned(),
    });
    names.collect::<Vec<_>>().join(" ")
}

fn lock_core_name(part: &[u8]) -> Option<&'static str> {
    Script::of(part).map(Script::name)
}
