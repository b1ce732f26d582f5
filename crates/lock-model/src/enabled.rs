//! The steps that a state allows.

use crate::action::{Action, Protocol};
use crate::config::Faults;
use crate::server::Script;
use crate::state::{Lock, Message, Phase, Reply, State};

/// Most connections of one client in one run.
const CONNECTIONS: u8 = 3;

impl Protocol {
    /// Whether a poll now would change anything if it was answered at once.
    fn poll_leads_on(&self, state: &State, call: u8) -> bool {
        let client = self.0.call(call).client;
        let conn = state.clients[client].conn;
        if !state.conns[conn].wire.is_empty() || !state.conns[conn].inbox.is_empty() {
            return false;
        }
        let cmd = self.view(state, client).park_cmd(call);
        let mut after = state.clone();
        let reply = Script { config: &self.0, state: &mut after, conn }.run(cmd);
        after.data != state.data
            || match reply {
                Reply::Refused => state.calls[call].at > 0,
                Reply::Parked { .. } => state.calls[call].at == 0,
                _ => true,
            }
    }

    /// The steps that happen sooner or later without any fault.
    pub fn progress(&self, state: &State, actions: &mut Vec<Action>) {
        for client in 0..self.0.clients {
            let it = &state.clients[client];
            if it.crashed || it.stopped {
                continue;
            }
            if it.down {
                if self.0.late_commands || !state.conns[it.conn].open {
                    actions.push(Action::Reconnect(client));
                }
            } else if !state.conns[it.conn].inbox.is_empty() {
                actions.push(Action::Deliver(client));
            }
        }
        for (number, conn) in (0_u8..).zip(state.conns.iter()).filter(|(_, conn)| conn.open) {
            if !conn.wire.is_empty() {
                actions.push(Action::Execute(number));
            }
            if conn.cut {
                actions.push(Action::Close(number));
            }
        }
        for call in self.0.all_calls() {
            let it = &state.clients[self.0.call(call).client];
            if it.crashed || it.stopped {
                continue;
            }
            if matches!(state.calls[call].phase, Phase::Early | Phase::Running) {
                actions.push(Action::Finish(call));
            }
            if self.may_poll(state, call) && self.poll_leads_on(state, call) {
                actions.push(Action::Poll(call));
            }
        }
        for key in 0..self.0.keys {
            if self.lapse(state, key) == Some(false) {
                actions.push(Action::Lapse(key));
            }
            if state.data.keys[key].lock == Lock::Foreign {
                actions.push(Action::ForeignDelete(key));
            } else if state.data.keys[key].polled {
                actions.push(Action::PolledEnds(key));
            }
        }
    }

    fn may_poll(&self, state: &State, call: u8) -> bool {
        let client = self.0.call(call).client;
        if self.0.mutants.no_poll || state.clients[client].down || state.calls[call].phase != Phase::Waiting {
            return false;
        }
        self.view(state, client).may_poll(call)
    }

    pub(crate) fn starts(&self, state: &State, actions: &mut Vec<Action>) {
        for call in self.0.all_calls() {
            if state.calls[call].phase == Phase::Idle {
                let it = &state.clients[self.0.call(call).client];
                if !(it.crashed || it.stopped || it.down) {
                    actions.push(Action::Start(call));
                }
                if self.0.ordered {
                    return;
                }
            }
        }
    }

    pub(crate) fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        let left = state.faults;
        if left.polls > 0 {
            let calls = self.0.all_calls().filter(|call| {
                !state.clients[self.0.call(*call).client].stopped && self.may_poll(state, *call)
            });
            actions.extend(calls.map(Action::Poll));
        }
        if left.total == 0 || state.calls.iter().all(|call| call.phase == Phase::Done) {
            return;
        }
        for client in 0..self.0.clients {
            let it = &state.clients[client];
            let has_work = self
                .0
                .calls_of(client)
                .any(|call| !matches!(state.calls[call].phase, Phase::Idle | Phase::Done));
            if it.crashed || it.stopped {
                continue;
            }
            if has_work && left.crashes > 0 {
                actions.push(Action::Crash(client));
            }
            if it.down {
                continue;
            }
            if has_work && left.cuts > 0 && it.conn + self.0.clients < CONNECTIONS * self.0.clients {
                actions.push(Action::Cut(client));
            }
            if has_work && left.stops > 0 {
                actions.push(Action::Stop(client));
            }
            if left.noscripts > 0 && !state.conns[it.conn].wire.is_empty() {
                actions.push(Action::NoScript(it.conn));
            }
            if left.duplicates > 0 && matches!(state.conns[it.conn].inbox.first(), Some(Message::Push { .. }))
            {
                actions.push(Action::Duplicate(client));
            }
        }
        for call in self.0.all_calls().filter(|_| left.cancels > 0) {
            let it = &state.calls[call];
            let waits = matches!(it.phase, Phase::Waiting | Phase::Claiming) && !it.cancelled;
            let client = &state.clients[self.0.call(call).client];
            if waits && !client.stopped && !client.down {
                actions.push(Action::Cancel(call));
            }
        }
        for key in 0..self.0.keys {
            if left.lapses > 0 && self.lapse(state, key) == Some(true) {
                actions.push(Action::Lapse(key));
            }
            if left.foreigners > 0 && state.data.keys[key].lock == Lock::Free {
                actions.push(Action::ForeignTake(key));
            }
        }
        if left.flushes > 0 {
            actions.push(Action::Flush);
        }
        if left.failovers > 0 {
            actions.extend((1_u8..).take(state.history.len()).map(Action::Failover));
        }
    }

    /// Removes a fault from those that may still happen.
    pub(crate) fn spend(&self, state: &mut State, action: Action) {
        let progress = match action {
            Action::Lapse(key) => self.lapse(state, key) == Some(false),
            Action::Poll(call) => state.faults.polls == 0 || self.poll_leads_on(state, call),
            _ => false,
        };
        let left: &mut Faults = &mut state.faults;
        let kind = match action {
            _ if progress => return,
            Action::Poll(_) => {
                left.polls -= 1;
                return;
            }
            Action::Cancel(_) => &mut left.cancels,
            Action::NoScript(_) => &mut left.noscripts,
            Action::Cut(_) => &mut left.cuts,
            Action::Crash(_) => &mut left.crashes,
            Action::Stop(_) => &mut left.stops,
            Action::Lapse(_) => &mut left.lapses,
            Action::ForeignTake(_) => &mut left.foreigners,
            Action::Flush => &mut left.flushes,
            Action::Failover(_) => &mut left.failovers,
            Action::Duplicate(_) => &mut left.duplicates,
            _ => return,
        };
        *kind -= 1;
        left.total -= 1;
        // A kind cannot happen more often than all kinds together. Its count is cut to that, so that equal states look equal.
        let total = left.total;
        for kind in [
            &mut left.cuts,
            &mut left.crashes,
            &mut left.stops,
            &mut left.cancels,
            &mut left.lapses,
            &mut left.foreigners,
            &mut left.flushes,
            &mut left.failovers,
            &mut left.noscripts,
            &mut left.duplicates,
        ] {
            *kind = (*kind).min(total);
        }
    }
}
