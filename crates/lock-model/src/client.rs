//! The client: the commands that it sends, and its reactions to answers and pushes. Follows "Rules of the client".

use crate::config::{Config, Owners};
use crate::state::{CallState, Cmd, Grant, Message, NOBODY, Phase, Reply, State};
use crate::view::View;

/// One client at work.
pub(crate) struct Actor<'a> {
    pub(crate) config: &'a Config,
    pub(crate) state: &'a mut State,
    pub(crate) client: u8,
}

impl Actor<'_> {
    fn view(&self) -> View<'_> {
        View { config: self.config, state: self.state, client: self.client }
    }

    fn send(&mut self, cmd: Cmd) {
        let client = &mut self.state.clients[self.client];
        if client.down {
            client.backlog.push(cmd);
        } else {
            self.state.conns[client.conn].wire.push(cmd);
        }
    }

    fn call(&mut self, call: u8) -> &mut CallState {
        &mut self.state.calls[call]
    }

    pub(crate) fn park(&mut self, call: u8) {
        let cmd = self.view().park_cmd(call);
        let state = self.call(call);
        state.phase = Phase::Waiting;
        state.busy = true;
        state.late = false;
        self.send(cmd);
    }

    /// The caller does not wait any longer.
    pub(crate) fn cancel(&mut self, call: u8) {
        self.call(call).cancelled = true;
        if !self.call(call).busy {
            self.drop_waiter(call);
        }
    }

    /// Removes a waiter that nobody waits for and that has no command under way.
    fn drop_waiter(&mut self, call: u8) {
        let CallState { at, in_doubt, .. } = self.state.calls[call];
        self.call(call).cancelled = true;
        if at > 0 {
            self.leave_if_last(self.config.call(call).key(at - 1), true);
        }
        let rolls_back = in_doubt && !self.config.mutants.cancelled_without_roll_back;
        if rolls_back || at > 1 {
            self.give_back(call);
        } else {
            *self.call(call) = CallState::over();
        }
    }

    fn leave_if_last(&mut self, key: u8, queue: bool) {
        if !self.view().has_waiter(key) {
            let pass = !self.view().is_claiming(key);
            self.send(Cmd::Leave { key, queue, pass });
        }
    }

    /// Gives back the locks of a call on which no job ever ran.
    fn give_back(&mut self, call: u8) {
        match self.config.owners {
            Owners::Execute => self.hand_over(call),
            Owners::Named | Owners::Star => {
                self.end(call);
                self.send(Cmd::RollBack { call });
            }
        }
    }

    fn end(&mut self, call: u8) {
        *self.call(call) = CallState { phase: Phase::Ending, ..CallState::default() };
    }

    /// The job is over.
    pub(crate) fn finish(&mut self, call: u8) {
        match self.config.owners {
            Owners::Execute => self.hand_over(call),
            Owners::Named | Owners::Star => {
                self.end(call);
                self.send(Cmd::Release { call, resent: false });
            }
        }
    }

    fn hand_over(&mut self, call: u8) {
        let CallState { phase, grant, .. } = self.state.calls[call];
        let grant = if matches!(phase, Phase::Early | Phase::Claiming) { grant } else { Grant::default() };
        self.end(call);
        self.send_hand_over(call, grant);
    }

    fn send_hand_over(&mut self, call: u8, grant: Grant) {
        let plan = self.config.call(call);
        let oldest = if plan.count() == 1 { self.view().waiters(plan.first).next() } else { None };
        let Some((ticket, next)) = oldest else {
            return self.send(Cmd::HandOver { call, grant, to: NOBODY, ticket: 0, after: 0 });
        };
        let after = self.view().ticket_beside(plan.first, next);
        let direct = self.config.call(next).count() == 1 && !self.call(next).busy;
        if direct {
            self.call(next).busy = true;
            self.call(next).late = false;
        }
        self.send(Cmd::HandOver { call, grant, to: if direct { next } else { NOBODY }, ticket, after });
    }

    /// Takes in the next message.
    pub(crate) fn receive(&mut self, message: Message) {
        match message {
            Message::Push { key, token, late } => {
                let pushed = &mut self.state.clients[self.client].pushed[key];
                if self.config.rules.pushes_rise && token <= *pushed {
                    return;
                }
                *pushed = token;
                self.use_grant(key, token, late);
            }
            Message::Answer(cmd, reply) => self.answer(cmd, reply),
        }
    }

    fn use_grant(&mut self, key: u8, token: u8, late: bool) {
        if self.view().park_decides(key) {
            return;
        }
        let Some((_, call)) = self.view().waiters(key).find(|(_, call)| !self.state.calls[*call].busy) else {
            if self.view().is_claiming(key) {
                self.state.clients[self.client].deferred[key] = true;
            } else {
                self.send(Cmd::Leave { key, queue: false, pass: true });
            }
            return;
        };
        if self.config.owners != Owners::Execute || self.config.call(call).count() > 1 {
            return self.park(call);
        }
        let leaving = self.config.rules.early_start_waits_for_leave
            && self
                .state
                .unanswered(self.client)
                .any(|cmd| matches!(cmd, Cmd::Leave { key: left, pass: true, .. } if left == key));
        let grant = Grant { conn: self.state.clients[self.client].conn, token };
        let state = self.call(call);
        state.grant = grant;
        state.busy = true;
        state.late = false;
        state.phase = Phase::Claiming;
        if !late && !leaving {
            self.begin(call, Phase::Early, [token, 0]);
        }
        self.send_claim(call);
    }

    fn send_claim(&mut self, call: u8) {
        let grant = self.call(call).grant;
        let next = self.view().ticket_beside(self.config.call(call).first, call);
        self.send(Cmd::Claim { call, grant, next });
    }

    /// The job begins.
    fn begin(&mut self, call: u8, phase: Phase, tokens: [u8; 2]) {
        let plan = self.config.call(call);
        for (key, token) in plan.keys().zip(tokens) {
            let begun = &mut self.state.ghost.begun[key];
            *begun = (*begun).max(token);
        }
        let state = self.call(call);
        *state = CallState { phase, tokens, busy: state.busy, grant: state.grant, ..CallState::default() };
    }

    fn answer(&mut self, cmd: Cmd, reply: Reply) {
        match cmd {
            Cmd::Park { call, .. } => self.park_answer(call, reply),
            Cmd::Claim { call, grant, .. } => {
                self.claim_answer(call, grant, reply);
                self.claim_settled(self.config.call(call).first);
            }
            Cmd::HandOver { call, grant, to, .. } => self.hand_over_answer(call, grant, to, reply),
            Cmd::Release { .. } | Cmd::RollBack { .. } if reply == Reply::NotRun => self.send(cmd),
            Cmd::Release { call, .. } | Cmd::RollBack { call } => *self.call(call) = CallState::over(),
            Cmd::Leave { key, queue, .. } => {
                if reply == Reply::NotRun {
                    self.leave_if_last(key, queue);
                }
            }
        }
    }

    fn park_answer(&mut self, call: u8, reply: Reply) {
        let state = self.call(call);
        state.busy = false;
        let cancelled = state.cancelled;
        match reply {
            Reply::Held(_) if cancelled => {
                state.in_doubt = false;
                self.give_back(call);
            }
            // The answer took longer than the lease.
            Reply::Held(_) if state.late => self.park(call),
            Reply::Held(tokens) => self.begin(call, Phase::Running, tokens),
            Reply::NotRun if !cancelled => self.park(call),
            Reply::NotRun => self.drop_waiter(call),
            other => {
                state.in_doubt = false;
                (state.at, state.ticket) = match other {
                    Reply::Parked { place, ticket } => (place + 1, ticket),
                    _ => (0, 0),
                };
                if cancelled {
                    self.drop_waiter(call);
                }
            }
        }
    }

    fn claim_answer(&mut self, call: u8, grant: Grant, reply: Reply) {
        let state = self.call(call);
        // The job has ended meanwhile, and its release named the grant. Or the claim is an older one.
        if state.grant != grant || !matches!(state.phase, Phase::Early | Phase::Claiming) {
            return;
        }
        let CallState { phase, cancelled, late, passed, .. } = *state;
        if phase == Phase::Claiming {
            state.phase = Phase::Waiting;
        }
        state.busy = false;
        match reply {
            Reply::Yes if phase == Phase::Early => {
                state.phase = Phase::Running;
                state.passed = passed;
            }
            Reply::Yes if cancelled => self.give_back(call),
            Reply::Yes if late => self.park(call),
            Reply::Yes => self.begin(call, Phase::Running, [grant.token, 0]),
            Reply::NotRun if phase == Phase::Early || !cancelled => {
                state.phase = phase;
                state.busy = true;
                self.send_claim(call);
            }
            _ if phase == Phase::Early => *state = CallState::over(),
            _ if cancelled => {
                self.drop_waiter(call);
                if reply == Reply::NotRun && self.view().has_waiter(self.config.call(call).first) {
                    self.use_grant(self.config.call(call).first, grant.token, true);
                }
            }
            _ => {}
        }
    }

    /// Passes on a grant that came without a waiter while a claim was not answered.
    fn claim_settled(&mut self, key: u8) {
        if self.state.clients[self.client].deferred[key] && !self.view().is_claiming(key) {
            self.state.clients[self.client].deferred[key] = false;
            self.leave_if_last(key, false);
        }
    }

    fn hand_over_answer(&mut self, call: u8, grant: Grant, to: u8, reply: Reply) {
        let key = self.config.call(call).first;
        if to != NOBODY {
            self.call(to).busy = false;
        }
        if reply == Reply::NotRun {
            if to != NOBODY && self.call(to).cancelled {
                self.drop_waiter(to);
            }
            return self.send_hand_over(call, grant);
        }
        *self.call(call) = CallState::over();
        match reply {
            Reply::Granted { token, late } => self.use_grant(key, token, late),
            Reply::Passed { .. } if self.call(to).cancelled => self.give_back(to),
            Reply::Passed { .. } if self.call(to).late => self.park(to),
            Reply::Passed { token } => self.begin(to, Phase::Running, [token, 0]),
            _ if to != NOBODY && self.call(to).cancelled => self.drop_waiter(to),
            _ => {}
        }
    }

    /// The connection is gone. The server may have executed the unanswered commands.
    pub(crate) fn disconnect(&mut self) {
        let unanswered: Vec<Cmd> = self.state.unanswered(self.client).collect();
        let conn = self.state.clients[self.client].conn;
        let client = &mut self.state.clients[self.client];
        client.down = true;
        client.backlog = unanswered.iter().copied().collect();
        client.deferred.iter_mut().for_each(|deferred| *deferred = false);
        self.state.conns[conn].cut = true;
        self.state.conns[conn].inbox.clear();
        for cmd in unanswered {
            match cmd {
                Cmd::Park { call, .. } => self.call(call).in_doubt = true,
                Cmd::HandOver { to, .. } if to != NOBODY => {
                    let state = self.call(to);
                    state.busy = false;
                    state.in_doubt = true;
                }
                _ => {}
            }
        }
    }

    /// There is a new connection, and with it a new client.
    pub(crate) fn reconnect(&mut self, conn: u8) {
        let client = &mut self.state.clients[self.client];
        let backlog = std::mem::take(&mut client.backlog);
        client.conn = conn;
        client.down = false;
        client.pushed.iter_mut().for_each(|token| *token = 0);
        for cmd in backlog.iter().copied() {
            match cmd {
                // Nobody waits in the new client's queues yet, so there is nothing to leave.
                Cmd::Park { .. } | Cmd::Leave { .. } => {}
                Cmd::Claim { call, grant, .. } => {
                    let CallState { phase, cancelled, grant: wanted, .. } = self.state.calls[call];
                    if wanted == grant && (phase == Phase::Early || phase == Phase::Claiming && !cancelled) {
                        self.send_claim(call);
                    } else if wanted == grant && phase == Phase::Claiming {
                        self.give_back(call);
                    }
                }
                Cmd::HandOver { call, grant, .. } => {
                    self.send(Cmd::HandOver { call, grant, to: NOBODY, ticket: 0, after: 0 });
                }
                Cmd::Release { call, .. } => self.send(Cmd::Release { call, resent: true }),
                Cmd::RollBack { .. } => self.send(cmd),
            }
        }
        let waiting: Vec<u8> = self
            .config
            .calls_of(self.client)
            .filter(|call| self.state.calls[*call].phase == Phase::Waiting)
            .collect();
        for call in waiting {
            if !self.call(call).cancelled {
                self.park(call);
            } else if self.config.mutants.cancelled_without_roll_back {
                *self.call(call) = CallState::over();
            } else {
                self.give_back(call);
            }
        }
    }
}
