//! The last step of a process that ends while its jobs hold locks: nobody will renew or release them.

use super::replies::append_eval;
use super::{Client, Kind, State};
use crate::ids::Owner;
use crate::key::LockKey;
use crate::lease::EXIT_LEASE_MS;
use crate::resp::{append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use std::sync::Arc;

/// Leave so little of a lock that nobody waits long for it, and enough for a COMMIT that is under way.
#[derive(Debug)]
pub(super) struct Shorten {
    keys: Arc<[LockKey]>,
    owner: Owner,
}

impl Shorten {
    pub(super) fn encode(&self, whole: bool, out: &mut Vec<u8>) {
        append_eval(out, Script::Renew, whole, self.keys.len(), self.keys.len() * 2);
        self.keys.iter().for_each(|key| append_text(out, key.name()));
        for _ in self.keys.iter() {
            append_text(out, self.owner.as_bytes());
            append_integer(out, EXIT_LEASE_MS);
        }
    }
}

impl Client {
    /// Shortens what `held` names and every `execute` lock whose request is under way, on this connection and
    /// so after those requests. True when there is something to send; it is done when no reply is expected.
    pub fn shorten_for_exit(&mut self, now: Instant, held: Vec<(Arc<[LockKey]>, Owner)>) -> bool {
        if !self.link.is_ready() {
            return false;
        }
        let mut all = held;
        all.extend(self.tasks.iter().filter_map(|(_, task)| match &task.kind {
            Kind::Acquire(acquire) if task.state == State::InFlight && acquire.owner.is_unique() => {
                Some((Arc::clone(&acquire.keys), acquire.owner.clone()))
            }
            _ => None,
        }));
        for (keys, owner) in all {
            self.add(now, None, Kind::Shorten(Shorten { keys, owner }), None);
        }
        self.expects_reply()
    }
}
