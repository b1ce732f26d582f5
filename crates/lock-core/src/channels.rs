//! The channels on which clients hear from the scripts of others.

use crate::ids::AttemptId;
use crate::key::{SIDE_KEY_MARK, tag_of};

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

    /// The channel of the slot on which a node of a cluster tells this client of grants.
    pub(crate) fn grants_of(&self, slot: u16) -> Vec<u8> {
        [SIDE_KEY_MARK, tag_of(slot).as_bytes(), b"}c:", &self.client].concat()
    }

    pub(crate) fn losses(&self) -> Vec<u8> {
        [LOSSES, &self.mark].concat()
    }
}

/// How the name of the channel begins on which a client hears of a grant.
pub(crate) const GRANTS: &[u8] = b"mlr!c:";
/// How the name of the channel begins on which a holder hears that a lock was taken away.
pub(crate) const LOSSES: &[u8] = b"mlr!o:";
