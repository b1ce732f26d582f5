//! A client's knowledge of itself: its waiters and its commands under way.

use crate::config::Config;
use crate::state::{CallState, Cmd, Phase, State};

/// A look at one client.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) config: &'a Config,
    pub(crate) state: &'a State,
    pub(crate) client: u8,
}

impl View<'_> {
    pub(crate) fn is_parked_at(&self, call: u8, key: u8) -> bool {
        let state = &self.state.calls[call];
        state.phase == Phase::Waiting
            && state.at > 0
            && !state.cancelled
            && self.config.call(call).key(state.at - 1) == key
    }

    /// The client's waiters for a key whose park was answered, the oldest first, as ticket and call.
    pub(crate) fn waiters(&self, key: u8) -> impl Iterator<Item = (u8, u8)> + use<> {
        let mut found: [Option<(u8, u8)>; 5] = [None; 5];
        for (slot, call) in found.iter_mut().zip(self.config.calls_of(self.client)) {
            *slot = self.is_parked_at(call, key).then(|| (self.state.calls[call].ticket, call));
        }
        found.sort_unstable();
        found.into_iter().flatten()
    }

    /// The ticket of the oldest waiter beside one. 0: there is none.
    pub(crate) fn ticket_beside(&self, key: u8, call: u8) -> u8 {
        self.waiters(key).find(|(_, other)| *other != call).map_or(0, |(ticket, _)| ticket)
    }

    /// Whether a claim of a key is not answered: a job may be running on its grant.
    pub(crate) fn is_claiming(&self, key: u8) -> bool {
        self.state
            .unanswered(self.client)
            .any(|cmd| matches!(cmd, Cmd::Claim { call, .. } if self.config.call(call).first == key))
    }

    /// Whether a call asks by itself: the oldest waiter for a key, or a call that was told to poll.
    pub(crate) fn may_poll(&self, call: u8) -> bool {
        let state = &self.state.calls[call];
        let asks = state.phase == Phase::Waiting && !state.busy && !state.cancelled;
        asks && (state.at == 0 || self.is_oldest(call))
    }

    pub(crate) fn is_oldest(&self, call: u8) -> bool {
        let at = self.state.calls[call].at;
        at > 0
            && self.waiters(self.config.call(call).key(at - 1)).next().is_some_and(|(_, first)| first == call)
    }

    pub(crate) fn park_cmd(&self, call: u8) -> Cmd {
        let CallState { at, ticket, .. } = self.state.calls[call];
        if at == 0 {
            return Cmd::Park { call, at, ticket: 0, oldest: false, next: 0 };
        }
        let key = self.config.call(call).key(at - 1);
        let may_take_over = self.config.mutants.oldest_flag_during_claim || !self.is_claiming(key);
        let oldest = self.is_oldest(call) && may_take_over;
        Cmd::Park { call, at, ticket, oldest, next: self.ticket_beside(key, call) }
    }

    /// Whether the client has a waiter for a key, or a call whose first park is not answered.
    pub(crate) fn has_waiter(&self, key: u8) -> bool {
        self.config.calls_of(self.client).any(|call| {
            let state = &self.state.calls[call];
            let asking = state.phase == Phase::Waiting && state.at == 0 && state.busy && !state.cancelled;
            self.is_parked_at(call, key)
                || (asking && self.config.call(call).keys().any(|wanted| wanted == key))
        })
    }

    /// Whether a command under way may take over a grant of a key.
    pub(crate) fn park_decides(&self, key: u8) -> bool {
        self.state.unanswered(self.client).any(|cmd| match cmd {
            Cmd::Park { call, at, oldest: true, .. } => {
                let known = self.config.rules.cancelled_park_decides || self.is_oldest(call);
                known && self.config.call(call).key(at - 1) == key
            }
            _ => false,
        })
    }
}
