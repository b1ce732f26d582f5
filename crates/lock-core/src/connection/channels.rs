//! The channels on which clients hear from the scripts of others.

use crate::commands::push::{GRANTS, LOSSES};
use crate::ids::AttemptId;
use crate::key::{SIDE_KEY_MARK, tag_of};
use crate::resp::append_command;
use crate::slot_set::SlotSet;

/// The names under which a connection hears from the scripts of others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Channels {
    /// The client's id, which is this connection's.
    pub(super) client: AttemptId,
    /// The first digits of all owners and attempts of this process.
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

    /// Asks how many clients hear a message on the channel of grants. The scripts rely on the count of one per client.
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

/// The slots whose channels a connection hears. In a cluster only.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Slots whose channel is subscribed to, or is about to be.
    slots: SlotSet,
    /// Slots whose channel was refused or has ended, and was not opened since. The client heard of no grants there meanwhile.
    missed: SlotSet,
}

impl Heard {
    /// Whether the slot's channel is subscribed to, or will be.
    pub(super) fn has(&self, slot: u16) -> bool {
        self.slots.has(slot)
    }

    /// The channel is about to be subscribed to.
    pub(super) fn begin(&mut self, slot: u16) {
        self.slots.add(slot);
    }

    /// The channel was refused, or has ended.
    pub(super) fn end(&mut self, slot: u16) {
        self.slots.remove(slot);
        self.missed.add(slot);
    }

    /// The channel is subscribed to. True: grants may have been missed before.
    pub(super) fn opened(&mut self, slot: u16) -> bool {
        let missed = self.missed.has(slot);
        self.missed.remove(slot);
        missed
    }

    /// A new connection hears of nothing yet, and has missed nothing.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.missed.clear();
    }
}
