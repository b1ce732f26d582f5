//! The effects of the steps.

use crate::action::{Action, Protocol};
use crate::client::Actor;
use crate::normal::normalize;
use crate::properties;
use crate::server::Script;
use crate::state::{CallState, Cmd, Conn, Lock, Message, Reply, State};
use stateright::{Model, Property};

impl Protocol {
    fn execute(&self, state: &mut State, conn: u8) -> Option<()> {
        let cmd: Cmd = state.conns[conn].wire.pop_first()?;
        let before = (state.faults.failovers > 0).then(|| state.data.clone());
        let reply = Script { config: &self.0, state, conn }.run(cmd);
        if let Some(before) = before.filter(|before| *before != state.data) {
            if state.history.len() == 2 {
                state.history.pop_first();
            }
            state.history.push(before);
        }
        let client = &mut state.clients[self.client_of(conn)];
        client.excused += u8::from(client.stopped);
        if !state.conns[conn].cut {
            state.conns[conn].inbox.push(Message::Answer(cmd, reply));
        }
        Some(())
    }

    fn fail_over(&self, state: &mut State, lost: u8) {
        let kept = state.history.len() - usize::from(lost);
        if let Some(data) = state.history.iter().nth(kept).cloned() {
            state.data = data;
        }
        for client in 0..self.0.clients {
            if !state.clients[client].crashed {
                Actor { config: &self.0, state, client }.disconnect();
            }
        }
        for conn in state.conns.iter_mut() {
            *conn = Conn { cut: true, ..Conn::default() };
        }
    }

    fn apply(&self, state: &mut State, action: Action) -> Option<()> {
        let config = &self.0;
        match action {
            Action::Start(call) | Action::Poll(call) => {
                Actor { config, client: config.call(call).client, state }.park(call);
            }
            Action::Cancel(call) => Actor { config, client: config.call(call).client, state }.cancel(call),
            Action::Finish(call) => Actor { config, client: config.call(call).client, state }.finish(call),
            Action::Deliver(client) => {
                let conn = state.clients[client].conn;
                let message = state.conns[conn].inbox.pop_first()?;
                Actor { config, state, client }.receive(message);
            }
            Action::Execute(conn) => self.execute(state, conn)?,
            Action::NoScript(conn) => {
                let cmd = state.conns[conn].wire.pop_first()?;
                state.conns[conn].inbox.push(Message::Answer(cmd, Reply::NotRun));
            }
            Action::Cut(client) => Actor { config, state, client }.disconnect(),
            Action::Close(conn) => state.conns[conn] = Conn { cut: true, ..Conn::default() },
            Action::Reconnect(client) => {
                let conn = state.clients[client].conn + config.clients;
                while state.conns.len() <= usize::from(conn) {
                    state.conns.push(Conn::default());
                }
                state.conns[conn].open = true;
                Actor { config, state, client }.reconnect(conn);
            }
            Action::Crash(client) => {
                let it = &mut state.clients[client];
                it.crashed = true;
                it.backlog.clear();
                let conn = &mut state.conns[it.conn];
                conn.cut = true;
                conn.inbox.clear();
                for call in config.calls_of(client) {
                    state.calls[call] = CallState::over();
                }
            }
            Action::Stop(client) => {
                let conn = state.clients[client].conn;
                let came_in_behind = state.data.keys.iter().any(|key| {
                    let granted = matches!(key.lock, Lock::Granted(grant) if grant.conn == conn);
                    granted && key.queue.iter().any(|(_, member)| *member == conn)
                });
                state.clients[client].stopped = true;
                state.clients[client].excused = u8::from(came_in_behind);
            }
            Action::Resume(client) => {
                state.clients[client].stopped = false;
                state.clients[client].lapsed.iter_mut().for_each(|lapsed| *lapsed = 0);
                state.clients[client].excused = 0;
            }
            Action::Lapse(key) => self.end_lease(state, key),
            Action::ForeignTake(key) => state.data.keys[key].lock = Lock::Foreign,
            Action::ForeignDelete(key) => state.data.keys[key].lock = Lock::Free,
            Action::PolledEnds(key) => state.data.keys[key].polled = false,
            Action::Flush => state.data = State::empty(config),
            Action::Failover(lost) => self.fail_over(state, lost),
            Action::Duplicate(client) => {
                let conn = state.clients[client].conn;
                let push = state.conns[conn].inbox.first().copied()?;
                state.conns[conn].inbox.push(push);
            }
        }
        Some(())
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.0)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.progress(state, actions);
        self.starts(state, actions);
        for client in (0..self.0.clients).filter(|client| state.clients[*client].stopped) {
            actions.push(Action::Resume(client));
        }
        self.faults(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.spend(&mut state, action);
        self.apply(&mut state, action)?;
        if state.faults.failovers == 0 {
            state.history.clear();
        }
        normalize(&mut state);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}
