//! The steps of a run, and the protocol that takes them.

use crate::config::Config;
use crate::state::State;
use crate::view::View;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A call begins.
    Start(u8),
    /// The caller of a call gives up.
    Cancel(u8),
    /// A job ends.
    Finish(u8),
    /// A waiter asks by itself.
    Poll(u8),
    /// A client takes in its next message.
    Deliver(u8),
    /// The server executes the next command of a connection.
    Execute(u8),
    /// The server does not know the script of the next command of a connection.
    NoScript(u8),
    /// A client's connection is cut; the server has not noticed.
    Cut(u8),
    /// The server notices that a connection is gone.
    Close(u8),
    /// A client has a new connection.
    Reconnect(u8),
    /// A process dies; the server has not noticed.
    Crash(u8),
    /// A process stands still.
    Stop(u8),
    /// A process that stood still goes on.
    Resume(u8),
    /// A key's value reaches the end of its lease. Every client that believed in it has seen its own deadline pass.
    Lapse(u8),
    /// The official package takes a free key.
    ForeignTake(u8),
    /// The official package deletes its key.
    ForeignDelete(u8),
    /// The mark "everybody polls" ends.
    PolledEnds(u8),
    /// FLUSHALL.
    Flush,
    /// A failover that loses this many writes.
    Failover(u8),
    /// The next message of a client, which is a push, will come again.
    Duplicate(u8),
}

/// The protocol under one configuration.
#[derive(Clone, Debug)]
pub struct Protocol(pub Config);

impl Protocol {
    pub(crate) fn view<'a>(&'a self, state: &'a State, client: u8) -> View<'a> {
        View { config: &self.0, state, client }
    }

    pub(crate) fn client_of(&self, conn: u8) -> u8 {
        conn % self.0.clients
    }
}
