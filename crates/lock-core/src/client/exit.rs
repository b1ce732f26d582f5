//! The step at the end of a process. It shortens the leases of its locks, and gives back every lock that no caller was told of.

use super::Client;
use crate::calls::{By, Kind, Release, Renew, State};
use crate::commands::renew::Renewing;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::{EXIT_LEASE_MS, NewLease};
use crate::time::Instant;
use std::sync::Arc;

impl Client {
    /// Shortens the leases of `held`, and of everything that calls of `execute` have taken or may still take. The commands go out on this
    /// connection, so they come after the requests of those calls. Gives back what calls of `acquire` took without telling anybody, and
    /// takes this client out of every queue. True: there is something to send, and the step is done when no reply is expected. The time
    /// left is enough for a COMMIT that is under way, and others can wait for it. The client acquires nothing after this.
    pub fn shorten_for_exit(&mut self, now: Instant, held: Vec<NewLease>) -> bool {
        self.end_for_exit(now, held, Vec::new())
    }

    /// Does the same as `shorten_for_exit`. `taken`: locks of untold calls of `acquire` over several slots.
    pub(crate) fn end_for_exit(
        &mut self,
        now: Instant,
        held: Vec<NewLease>,
        taken: Vec<(Arc<[LockKey]>, Owner, AttemptId)>,
    ) -> bool {
        self.exiting = true;
        // Calls that are not sent yet acquire nothing any more.
        for id in self.outbox.withdraw_wishes() {
            self.calls.set_state(id, State::Pausing);
        }
        if !self.connection.is_ready() {
            return false;
        }
        let plain = self.connection.is_plain();
        let what = Renewing::ExactlyMs(EXIT_LEASE_MS);
        let mut renews: Vec<Renew> = (held.into_iter())
            .map(|held| {
                let tokens = (!held.owner.is_unique() && !plain).then_some(held.tokens);
                Renew { keys: held.keys, owner: held.owner, tokens, what }
            })
            .collect();
        let request = self.attempt();
        let mut rolled_back = Vec::new();
        let calls = self.calls.iter().filter_map(|(_, call)| call.may_have_taken());
        let theirs = calls.map(|acquire| (Arc::clone(&acquire.keys), acquire.owner.clone(), acquire.attempt));
        for (keys, owner, attempt) in theirs.chain(taken) {
            if owner.is_unique() {
                renews.push(Renew { keys, owner, tokens: None, what });
            } else if !plain {
                rolled_back.push(Release::automatic(now, keys, owner, By::Attempt(attempt), request, None));
            }
        }
        self.send_at_exit(now, renews.into_iter().map(Kind::Renew));
        self.send_at_exit(now, rolled_back.into_iter().map(Kind::Release));
        for key in self.waiters.waited_for() {
            self.leave(now, &key, true);
        }
        self.expects_reply()
    }

    /// The first command has the script's text. So the server executes it although this process cannot send it again.
    fn send_at_exit(&mut self, now: Instant, kinds: impl Iterator<Item = Kind>) {
        let mut whole = true;
        for kind in kinds {
            let id = self.insert(None, kind, None);
            self.send(now, id, std::mem::take(&mut whole));
        }
    }
}
