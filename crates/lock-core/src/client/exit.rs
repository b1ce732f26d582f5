//! What is said about locks that are held, for nobody who waits: the last step of a process that ends while its jobs hold locks, which
//! nobody will renew or release; and that an attempt which joined a hold is there to stay.

use super::encoding::{append_eval, append_side};
use super::requests::Hold;
use super::{Client, Kind, State};
use crate::ids::Owner;
use crate::key::LockKey;
use crate::lease::{EXIT_LEASE_MS, NewLease};
use crate::resp::{append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use std::sync::Arc;

/// Leaves so little of a lock that nobody waits long for it, and enough for a COMMIT that is under way; or makes a joined hold's end sure.
#[derive(Debug)]
pub(super) struct Upkeep {
    keys: Arc<[LockKey]>,
    owner: Owner,
    /// What tells a named owner's hold from others of the same name, per key. One that others share is left as it is.
    tokens: Option<Box<[u64]>>,
    /// The attempt joined what its owner held before; else the process ends.
    joined: bool,
}

impl Upkeep {
    pub(super) fn encode(&self, whole: bool, out: &mut Vec<u8>) {
        let (count, stride) = (self.keys.len(), if self.tokens.is_some() { 2 } else { 1 });
        append_eval(out, Script::Renew, whole, count * stride, 1 + count * (stride + 1));
        let mut side = Vec::new();
        for key in self.keys.iter() {
            append_text(out, key.name());
            if self.tokens.is_some() {
                append_side(out, &mut side, |side| key.record(side));
            }
        }
        append_integer(out, stride as u64);
        for at in 0..count {
            append_text(out, self.owner.as_bytes());
            if self.joined {
                append_text(out, b"=");
            } else {
                append_integer(out, EXIT_LEASE_MS);
            }
            if let Some(tokens) = &self.tokens {
                append_integer(out, tokens.get(at).copied().unwrap_or_default());
            }
        }
    }
}

impl Client {
    /// An attempt that joined what its owner held before was told that it holds: it will not be undone any more.
    pub(super) fn confirm_join(&mut self, now: Instant, hold: &Hold) {
        let (keys, owner) = (Arc::clone(&hold.keys), hold.owner.clone());
        let tokens = Some(hold.tokens.clone());
        self.add(now, None, Kind::Upkeep(Upkeep { keys, owner, tokens, joined: true }), None);
    }

    /// Shortens what `held` names and every `execute` lock whose request is under way, on this connection and
    /// so after those requests, and takes this client out of every queue. True when there is something to send; it is done when no reply is expected.
    pub fn shorten_for_exit(&mut self, now: Instant, held: Vec<NewLease>) -> bool {
        if !self.link.is_ready() {
            return false;
        }
        // Their grants are over as soon; a claim would bring the whole lease.
        self.unsent.clear();
        let plain = self.link.is_plain();
        let mut all: Vec<Upkeep> = (held.into_iter())
            .map(|held| {
                let tokens = (!held.owner.is_unique() && !plain).then_some(held.tokens);
                Upkeep { keys: held.keys, owner: held.owner, tokens, joined: false }
            })
            .collect();
        all.extend(self.tasks.iter().filter_map(|(_, task)| match &task.kind {
            Kind::Acquire(acquire)
                if matches!(task.state, State::InFlight | State::Offered | State::Unacknowledged)
                    && acquire.owner.is_unique() =>
            {
                Some(Upkeep {
                    keys: Arc::clone(&acquire.keys),
                    owner: acquire.owner.clone(),
                    tokens: None,
                    joined: false,
                })
            }
            _ => None,
        }));
        // The first brings the script's text along: what is written once is carried out, though this process may be gone.
        let mut whole = true;
        for shorten in all {
            let index = self.insert(None, Kind::Upkeep(shorten), None);
            self.send(now, index, std::mem::take(&mut whole));
        }
        for key in self.queues.waited_for() {
            self.leave(now, &key, true);
        }
        self.expects_reply()
    }
}
