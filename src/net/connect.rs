//! A connection to a target. Where Sentinels know its place, they are asked first.

use super::endpoint::Endpoint;
use super::open::{Opened, Way, open};
use super::session::TlsSession;
use super::socket::{Socket, Stream};
use super::target::{Place, Target, Trouble};

/// A connection for a lane: the socket, and the TLS session over it.
pub(crate) struct Connection {
    /// The socket.
    pub(crate) socket: Socket,
    /// The TLS session after its handshake; `None` in plain text.
    pub(crate) tls: Option<Box<TlsSession>>,
}

/// Connects for a lane. The trouble is a line for people, in Node's words where Node has words for it.
pub(crate) async fn connect(target: &Target) -> Result<Connection, Trouble> {
    connect_to(target).await.map_err(|trouble| trouble.clean(&target.secrets))
}

async fn connect_to(target: &Target) -> Result<Connection, Trouble> {
    let endpoint = find(target).await?;
    match open(&endpoint, way_to(target)).await? {
        Opened::Plain(socket) => Ok(Connection { socket, tls: None }),
        Opened::Secured(stream) => {
            let (socket, session) = stream.into_inner();
            Ok(Connection { socket, tls: Some(Box::new(TlsSession::new(session))) })
        }
    }
}

/// Connects for the renewal.
pub(crate) async fn connect_stream(target: &Target) -> Result<Box<dyn Stream>, Trouble> {
    let opened = async {
        let endpoint = find(target).await?;
        Ok(open(&endpoint, way_to(target)).await?.into_stream())
    };
    opened.await.map_err(|trouble: Trouble| trouble.clean(&target.secrets))
}

fn way_to(target: &Target) -> Way<'_> {
    Way { rules: &target.socket, tls: target.tls.as_ref() }
}

async fn find(target: &Target) -> Result<Endpoint, Trouble> {
    match &target.place {
        Place::At(endpoint) => Ok(endpoint.clone()),
        Place::Asked(sentinels) => {
            sentinels.find_master(&target.socket).await.map_err(|reason| Trouble { reason, unresolved: true })
        }
    }
}
