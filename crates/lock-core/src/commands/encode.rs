//! The common parts of all script calls.

use crate::ids::AttemptId;
use crate::key::LockKey;
use crate::resp::{append_header, append_integer, append_text};
use crate::script::Script;
use crate::slot_set::SlotSet;
use std::time::Duration;

/// The properties of the connection that a command needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendContext<'a> {
    /// The script goes out with its text instead of its hash.
    pub(crate) whole: bool,
    /// The connection's name in the queues.
    pub(crate) client: &'a AttemptId,
    /// Slots whose counter this connection has synced with the server's time.
    pub(crate) synced: &'a SlotSet,
    /// In a cluster, a slot may go to another node and come back with the counter of a replica that lagged. This connection hears nothing
    /// of it.
    pub(crate) in_cluster: bool,
}

impl SendContext<'_> {
    /// Appends the head of a script call. The KEYS (`keys`) and ARGV (`args`) follow.
    pub(super) fn append_eval(&self, out: &mut Vec<u8>, script: Script, keys: usize, args: usize) {
        append_header(out, 3 + keys + args);
        if self.whole {
            append_text(out, b"EVAL");
            append_text(out, script.body().as_bytes());
        } else {
            append_text(out, b"EVALSHA");
            append_text(out, script.sha().as_bytes());
        }
        append_integer(out, keys as u64);
    }

    /// Whether the script must sync the counters with the server's time: a slot is used for the first time on this connection, or this is a
    /// cluster.
    pub(super) fn append_sync(&self, out: &mut Vec<u8>, keys: &[LockKey]) {
        append_flag(out, self.in_cluster || keys.iter().any(|key| !self.synced.has(key.slot())));
    }
}

/// Appends names of side keys. They are made in one buffer.
#[derive(Debug, Default)]
pub(super) struct SideKeys(Vec<u8>);

impl SideKeys {
    pub(super) fn append(&mut self, out: &mut Vec<u8>, name: impl Fn(&mut Vec<u8>)) {
        self.0.clear();
        name(&mut self.0);
        append_text(out, &self.0);
    }
}

/// Appends all locks, then their queues, then their slots' counters. So a script can name all keys of a kind by one command.
pub(super) fn append_keys_by_kind<'a>(keys: impl Iterator<Item = &'a LockKey> + Clone, out: &mut Vec<u8>) {
    let mut side = SideKeys::default();
    keys.clone().for_each(|key| append_text(out, key.name()));
    keys.clone().for_each(|key| side.append(out, |side| key.queue(side)));
    keys.for_each(|key| side.append(out, |side| key.counter(side)));
}

pub(super) fn append_flag(out: &mut Vec<u8>, flag: bool) {
    append_text(out, if flag { b"1" } else { b"0" });
}

/// A ticket, or nothing.
pub(super) fn append_ticket(out: &mut Vec<u8>, ticket: Option<u64>) {
    match ticket {
        Some(ticket) => append_integer(out, ticket),
        None => append_text(out, b""),
    }
}

/// A lease in ms; 0 for none.
pub(super) fn append_lease(out: &mut Vec<u8>, lease: Option<Duration>) {
    let ms = lease.map(|lease| u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).max(1));
    append_integer(out, ms.unwrap_or(0));
}
