//! The channels on which clients hear from the scripts of others.

use crate::commands::push::{GRANTS, LOSSES};
use crate::ids::AttemptId;
use crate::key::{SIDE_KEY_MARK, tag_of};
use crate::resp::append_command;

/// The names under which a connection hears from the scripts of others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Channels {
    /// The client's id: this connection's.
    pub(super) client: AttemptId,
    /// How the owners and attempts of this process begin.
    pub(super) mark: [u8; 12],
}

impl Channels {
    pub(super) fn grants(&self) -> Vec<u8> {
        [GRANTS, &self.client].concat()
    }

    /// The channel of the slot on which a node of a cluster tells this client of grants.
    pub(super) fn grants_of(&self, slot: u16) -> Vec<u8> {
        [SIDE_KEY_MARK, tag_of(slot).as_bytes(), b"}c:", &self.client].concat()
    }

    /// Asks how many hear what is said on the channel of grants: the scripts rely on it that one client is counted as one.
    pub(super) fn count_receivers(&self, slot: Option<u16>, out: &mut Vec<u8>) {
        match slot {
            Some(slot) => append_command(out, &[b"SPUBLISH", &self.grants_of(slot), b""]),
            None => append_command(out, &[b"PUBLISH", &self.grants(), b""]),
        }
    }

    pub(super) fn losses(&self) -> Vec<u8> {
        [LOSSES, &self.mark].concat()
    }
}
