//! The channels by which the scripts of one client tell another of grants and losses.

use crate::ids::AttemptId;

/// The names under which a connection hears from the scripts of others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Channels {
    /// The client's id: this connection's.
    pub(crate) client: AttemptId,
    /// How the owners and attempts of this process begin.
    pub(crate) mark: [u8; 12],
}

impl Channels {
    pub(crate) fn grants(&self) -> Vec<u8> {
        [GRANTS, &self.client].concat()
    }

    pub(crate) fn losses(&self) -> Vec<u8> {
        [LOSSES, &self.mark].concat()
    }
}

/// How the name of the channel begins on which a client hears of a grant.
pub(crate) const GRANTS: &[u8] = b"mlr!c:";
/// How the name of the channel begins on which a holder hears that a lock was taken away.
pub(crate) const LOSSES: &[u8] = b"mlr!o:";
