//! Where Redis is and how it is reached, as typed values.

use super::endpoint::{Endpoint, SocketRules};
use super::sentinel::Sentinels;
use super::tls::Tls;
use lock_core::{Client, Instant, Secrets};
use std::sync::Arc;

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A fixed address.
    At(Endpoint),
    /// The address that these Sentinels name, asked before every connection.
    Asked(Arc<Sentinels>),
}

/// Most characters of a reason. A certificate may list many names.
const LONGEST_REASON: usize = 800;

/// Why there is no connection.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    /// A line for people, without secrets.
    pub(crate) reason: String,
    /// No Sentinel could say where the master is.
    pub(crate) unresolved: bool,
}

impl Trouble {
    /// The same trouble without secrets. A server may name an address that contains one.
    pub(super) fn clean(self, secrets: &Secrets) -> Self {
        Self { reason: secrets.clean_up_to(&self.reason, LONGEST_REASON), ..self }
    }

    /// Tells the client that asked for the connection.
    pub(crate) fn tell(&self, now: Instant, client: &mut Client) {
        if self.unresolved {
            client.handle_unresolved(now, &self.reason);
        } else {
            client.handle_disconnected(now, &self.reason);
        }
    }
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self { reason, unresolved: false }
    }
}

/// Everything that connecting needs.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The server.
    pub(crate) place: Place,
    /// How sockets are made.
    pub(crate) socket: SocketRules,
    /// TLS; `None`: plain text.
    pub(crate) tls: Option<Tls>,
    /// Texts that must not be shown when the server repeats them.
    pub(crate) secrets: Secrets,
}

impl Target {
    /// Another server that is reached in the same way.
    pub(crate) fn at(&self, host: String, port: u16) -> Self {
        Self { place: Place::At(Endpoint::Tcp { host, port }), ..self.clone() }
    }
}
