//! The end of leases and grants.

use crate::action::Protocol;
use crate::config::Owners;
use crate::state::{Grant, Lock, Message, Phase, Reply, State};

impl Protocol {
    /// The conditions for the end of a key's lease. `None`: it cannot end. `Some(true)`: its end is a fault, since its client is well.
    pub(crate) fn lapse(&self, state: &State, key: u8) -> Option<bool> {
        match state.data.keys[key].lock {
            Lock::Free | Lock::Foreign => None,
            Lock::Held { .. } if !self.0.leases => None,
            Lock::Held { call, .. } => Some(self.sharers(call).any(|call| {
                let client = &state.clients[self.0.call(call).client];
                let concerned = !matches!(state.calls[call].phase, Phase::Idle | Phase::Done);
                concerned && !client.crashed && !client.stopped
            })),
            Lock::Granted(grant) => {
                let client = &state.clients[self.client_of(grant.conn)];
                let believed = self.believer(state, key, grant).is_some();
                Some(
                    !client.crashed
                        && !client.stopped
                        && (believed || client.conn == grant.conn && !client.down),
                )
            }
        }
    }

    /// Every call that may believe in a hold. With names, these are all calls of the name.
    fn sharers(&self, holder: u8) -> impl Iterator<Item = u8> + use<'_> {
        let named = self.0.owners == Owners::Named;
        self.0.all_calls().filter(move |call| *call == holder || named && self.0.same_owner(*call, holder))
    }

    /// The call whose job runs on a grant.
    fn believer(&self, state: &State, key: u8, grant: Grant) -> Option<u8> {
        self.0.all_calls().find(|call| {
            state.believes(*call) && state.calls[*call].grant == grant && self.0.call(*call).first == key
        })
    }

    pub(crate) fn end_lease(&self, state: &mut State, key: u8) {
        let lock = state.data.keys[key].lock;
        state.data.keys[key].lock = Lock::Free;
        match lock {
            Lock::Held { call, .. } => {
                for call in self.sharers(call) {
                    let it = &mut state.calls[call];
                    match it.phase {
                        Phase::Early | Phase::Running => it.passed = true,
                        _ => it.late = it.busy,
                    }
                }
            }
            Lock::Granted(grant) => {
                if let Some(call) = self.believer(state, key, grant) {
                    state.calls[call].passed = true;
                }
                for message in state.conns[grant.conn].inbox.iter_mut() {
                    match message {
                        Message::Push { key: pushed, token, late }
                            if *pushed == key && *token == grant.token =>
                        {
                            *late = true;
                        }
                        Message::Answer(_, Reply::Granted { token, late }) if *token == grant.token => {
                            *late = true;
                        }
                        _ => {}
                    }
                }
                let client = self.client_of(grant.conn);
                if state.clients[client].stopped && state.clients[client].conn == grant.conn {
                    state.clients[client].lapsed[key] += 1;
                }
            }
            Lock::Free | Lock::Foreign => {}
        }
    }
}
