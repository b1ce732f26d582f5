//! The server: the effect of each verb on Redis, in one instant each. Follows `crates/lock-core/src/scripts`.

use crate::config::{Config, Owners};
use crate::state::{Cmd, Grant, Lock, Message, NOBODY, Phase, Reply, State};

/// A verb at work.
pub(crate) struct Script<'a> {
    pub(crate) config: &'a Config,
    pub(crate) state: &'a mut State,
    /// The asking connection.
    pub(crate) conn: u8,
}

/// The relation of a key to an attempt that asks for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Attempt,
    Owner,
    Open,
    Blocked,
}

/// An attempt's place in a record that names several.
const fn bit(call: u8) -> u8 {
    1 << call
}

impl Script<'_> {
    pub(crate) fn run(&mut self, cmd: Cmd) -> Reply {
        if self.config.rules.first_command_raises {
            self.raise();
        }
        match cmd {
            Cmd::Park { call, at, ticket, oldest, next } => {
                let reply = self.park(call, at, ticket, oldest, next);
                if self.config.rules.unused_grant_is_passed_on && oldest {
                    self.leave(self.config.call(call).key(at - 1), false, true);
                }
                reply
            }
            Cmd::Claim { call, grant, next } => self.claim(call, grant, next),
            Cmd::HandOver { call, grant, to, ticket, after } => {
                self.hand_over(call, grant, to, ticket, after)
            }
            Cmd::Release { call, resent } => self.release(call, resent),
            Cmd::RollBack { call } => self.roll_back(call),
            Cmd::Leave { key, queue, pass } => self.leave(key, queue, pass),
        }
    }

    /// The server's TIME is above every number given before.
    fn raise(&mut self) {
        if !self.state.conns[self.conn].raised {
            self.state.conns[self.conn].raised = true;
            self.state.data.counter = self.state.data.counter.max(self.state.ghost.high);
        }
    }

    fn next_token(&mut self) -> u8 {
        let high = &mut self.state.ghost.high;
        let counter = &mut self.state.data.counter;
        *counter = if *counter == 0 { *high } else { *counter } + 1;
        *high = (*high).max(*counter);
        *counter
    }

    /// A token for the next holder of a key.
    fn token_for(&mut self, key: u8) -> u8 {
        let token = self.next_token();
        self.judge(key, token);
        token
    }

    /// Records whether a token is too low.
    fn judge(&mut self, key: u8, token: u8) {
        if token <= self.state.ghost.begun[key] {
            self.state.ghost.token_fell = true;
        }
    }

    fn lock(&self, key: u8) -> Lock {
        self.state.data.keys[key].lock
    }

    fn set(&mut self, key: u8, lock: Lock) {
        self.state.data.keys[key].lock = lock;
    }

    fn head(&self, key: u8) -> Option<(u8, u8)> {
        self.state.data.keys[key].queue.first().copied()
    }

    fn enter(&mut self, key: u8, ticket: u8, only_lower: bool) {
        if ticket == 0 {
            return;
        }
        let conn = self.conn;
        let queue = &mut self.state.data.keys[key].queue;
        match queue.iter_mut().find(|(_, member)| *member == conn) {
            Some(entry) if only_lower => entry.0 = entry.0.min(ticket),
            Some(entry) => entry.0 = ticket,
            None => queue.push((ticket, conn)),
        }
        queue.sort_by_number(|(ticket, _)| *ticket);
    }

    fn exit(&mut self, key: u8) {
        let conn = self.conn;
        self.state.data.keys[key].queue.retain(|(_, member)| *member != conn);
    }

    /// Gives a lock to the first client in its queue that lives. Returns the token if that client is `me`.
    fn grant_next(&mut self, key: u8, me: bool) -> Option<u8> {
        let mut token = 0;
        while let Some((_, head)) = self.state.data.keys[key].queue.pop_first() {
            if token == 0 {
                token = self.next_token();
            }
            self.set(key, Lock::Granted(Grant { conn: head, token }));
            if me && head == self.conn {
                self.judge(key, token);
                return Some(token);
            }
            let conn = &mut self.state.conns[head];
            if conn.open {
                if !conn.cut {
                    conn.inbox.push(Message::Push { key, token, late: false });
                }
                self.judge(key, token);
                return None;
            }
            if self.config.mutants.publish_without_liveness {
                self.state.ghost.granted_to_gone = true;
                return None;
            }
        }
        self.set(key, Lock::Free);
        None
    }

    fn relation(&mut self, call: u8, key: u8, oldest: bool) -> Relation {
        let polled = self.state.data.keys[key].polled;
        if self.lock(key) == Lock::Free
            && let Some((_, head)) = self.head(key)
            && !(oldest && head == self.conn)
            && !polled
            && !self.config.mutants.barging
        {
            self.grant_next(key, oldest);
        }
        match self.lock(key) {
            Lock::Free => Relation::Open,
            Lock::Held { call: holder, also, .. } if holder == call || also & bit(call) != 0 => {
                Relation::Attempt
            }
            Lock::Held { call: holder, .. }
                if self.config.owners == Owners::Named && self.config.same_owner(holder, call) =>
            {
                Relation::Owner
            }
            Lock::Granted(grant) if oldest && grant.conn == self.conn => Relation::Open,
            Lock::Held { .. } | Lock::Granted(_) | Lock::Foreign => Relation::Blocked,
        }
    }

    fn park(&mut self, call: u8, at: u8, ticket: u8, oldest: bool, next: u8) -> Reply {
        self.raise_if_needed(call, at);
        let plan = self.config.call(call);
        let mut mine = [Relation::Blocked; 2];
        let mut blocked = None;
        for (place, (key, relation)) in (0_u8..).zip(plan.keys().zip(&mut mine)) {
            if blocked.is_some() {
                if matches!(self.lock(key), Lock::Held { call: holder, .. } if holder == call) {
                    *relation = Relation::Attempt;
                }
                continue;
            }
            *relation = self.relation(call, key, oldest && at == place + 1);
            if *relation == Relation::Blocked {
                blocked = Some(place);
            }
        }
        let mine = |place: u8| mine.get(usize::from(place)).copied().unwrap_or(Relation::Blocked);
        let Some(place) = blocked else {
            return self.take(call, at, ticket, next, mine);
        };
        let here = plan.key(place);
        if self.lock(here) == Lock::Foreign {
            self.state.data.keys[here].polled = true;
        }
        if self.state.data.keys[here].polled {
            if at > 0 {
                self.exit(plan.key(at - 1));
            }
            self.give_back(call, 0, mine);
            return Reply::Refused;
        }
        let stays = at == place + 1;
        let ticket = if stays { ticket } else { self.next_token() };
        if at > 0 && !stays {
            self.leave_queue(plan.key(at - 1), ticket, next);
        }
        for earlier in (0..place).filter(|earlier| mine(*earlier) == Relation::Open) {
            let token = self.token_for(plan.key(earlier));
            self.set(plan.key(earlier), Lock::Held { call, token, also: 0 });
        }
        self.enter(here, ticket, true);
        self.give_back(call, place + 1, mine);

        Reply::Parked { place, ticket }
    }

    /// By the protocol's text, only a park that gives a token or a ticket raises the counter.
    fn raise_if_needed(&mut self, call: u8, at: u8) {
        let free =
            self.config.call(call).keys().all(|key| self.lock(key) == Lock::Free && self.head(key).is_none());
        if at == 0 || free {
            self.raise();
        }
    }

    fn leave_queue(&mut self, key: u8, ticket: u8, next: u8) {
        if next > 0 {
            self.enter(key, next, false);
        } else if let conn = self.conn
            && self.state.data.keys[key]
                .queue
                .iter()
                .any(|(score, member)| *member == conn && *score <= ticket)
        {
            // A later waiter, whose park is not answered yet, may have entered the client again.
            self.exit(key);
        }
    }

    fn take(&mut self, call: u8, at: u8, ticket: u8, next: u8, mine: impl Fn(u8) -> Relation) -> Reply {
        let plan = self.config.call(call);
        let mut tokens = [0, 0];
        for ((place, key), slot) in (0_u8..).zip(plan.keys()).zip(&mut tokens) {
            let me = self.conn;
            let queue = &self.state.data.keys[key].queue;
            let before_me = queue.iter().any(|(_, member)| *member != me)
                && (at != place + 1 || queue.first().is_some_and(|(score, _)| *score < ticket));
            if self.lock(key) == Lock::Free && before_me && !self.state.data.keys[key].polled {
                self.state.ghost.overtook = true;
            }
            let shares = if self.config.rules.record_names_all { bit(call) } else { 0 };
            let (whose, token, also) = match (self.lock(key), mine(place)) {
                (Lock::Held { call: holder, token, also }, Relation::Owner) => (holder, token, also | shares),
                // An `execute` hold has no record, so its token is not known any more.
                (Lock::Held { call: holder, token, also }, Relation::Attempt)
                    if self.config.owners != Owners::Execute =>
                {
                    (holder, token, also)
                }
                _ => (call, self.token_for(key), 0),
            };
            *slot = token;
            self.set(key, Lock::Held { call: whose, token, also });
        }
        if at > 0 {
            self.leave_queue(plan.key(at - 1), ticket, next);
        }
        Reply::Held(tokens)
    }

    fn give_back(&mut self, call: u8, from: u8, mine: impl Fn(u8) -> Relation) {
        let plan = self.config.call(call);
        for place in (from..plan.count()).filter(|place| mine(*place) == Relation::Attempt) {
            self.grant_next(plan.key(place), false);
        }
    }

    fn claim(&mut self, call: u8, grant: Grant, next: u8) -> Reply {
        let key = self.config.call(call).first;
        let holder = self.lock(key);
        self.enter(key, next, true);
        let token = grant.token;
        if holder == Lock::Granted(grant)
            || matches!(holder, Lock::Held { call: holder, .. } if holder == call)
        {
            self.set(key, Lock::Held { call, token, also: 0 });
            return Reply::Yes;
        }
        Reply::No
    }

    /// Frees a key for a release, and records whether another owner held it.
    fn free(&mut self, call: u8, key: u8, me: bool) -> Option<u8> {
        if let Lock::Held { call: holder, .. } = self.lock(key)
            && holder != call
            && self.state.believes(holder)
        {
            self.state.ghost.wrong_free = true;
        }
        self.grant_next(key, me)
    }

    fn hand_over(&mut self, call: u8, grant: Grant, to: u8, ticket: u8, after: u8) -> Reply {
        let mut reply = Reply::Yes;
        for key in self.config.call(call).keys() {
            let ours = match self.lock(key) {
                Lock::Held { call: holder, .. } => holder == call,
                Lock::Granted(there) => grant.token > 0 && there == grant,
                Lock::Free | Lock::Foreign => false,
            };
            let unchecked = self.config.mutants.release_without_owner_check && self.lock(key) != Lock::Free;
            if !(ours || unchecked) {
                reply = Reply::No;
                continue;
            }
            self.enter(key, ticket, true);
            // Only the release of one key names its client.
            let Some(token) = self.free(call, key, self.config.call(call).count() == 1) else { continue };
            if to == NOBODY {
                return Reply::Granted { token, late: false };
            }
            self.set(key, Lock::Held { call: to, token, also: 0 });
            self.enter(key, after, true);
            return Reply::Passed { token };
        }
        reply
    }

    fn release(&mut self, call: u8, resent: bool) -> Reply {
        if (resent || self.config.rules.release_always_looks) && self.state.data.released[call] {
            return Reply::Yes;
        }
        for key in self.config.call(call).keys() {
            if let Lock::Held { call: holder, .. } = self.lock(key)
                && self.config.same_owner(holder, call)
            {
                if self.config.owners == Owners::Named && !self.state.ghost.released[call] {
                    self.end_shared_hold(call);
                }
                self.free(call, key, false);
            }
        }
        self.state.data.released[call] = true;
        self.state.ghost.released[call] = true;
        Reply::Yes
    }

    /// A name's hold is one hold, whichever of its calls releases it. The other calls know of it, because such callers agree with each
    /// other.
    fn end_shared_hold(&mut self, call: u8) {
        for other in self.config.all_calls().filter(|other| self.config.same_owner(*other, call)) {
            let other = &mut self.state.calls[other];
            match other.phase {
                Phase::Running => other.passed = true,
                Phase::Waiting => other.late = other.busy,
                _ => {}
            }
        }
    }

    fn roll_back(&mut self, call: u8) -> Reply {
        for key in self.config.call(call).keys() {
            let Lock::Held { call: holder, token, also } = self.lock(key) else { continue };
            let by_owner = self.config.mutants.roll_back_by_owner && self.config.same_owner(holder, call);
            if by_owner {
                self.free(call, key, false);
            } else if also & bit(call) != 0 {
                self.set(key, Lock::Held { call: holder, token, also: also & !bit(call) });
            } else if holder == call && also != 0 {
                let successor = also.trailing_zeros();
                let successor = u8::try_from(successor).unwrap_or(NOBODY);
                self.set(key, Lock::Held { call: successor, token, also: also & !bit(successor) });
            } else if holder == call {
                self.free(call, key, false);
            }
        }
        Reply::Yes
    }

    fn leave(&mut self, key: u8, queue: bool, pass: bool) -> Reply {
        if queue {
            self.exit(key);
        }
        let mine = matches!(self.lock(key), Lock::Granted(grant) if grant.conn == self.conn);
        if pass && mine && !self.config.mutants.leave_keeps_grant {
            self.grant_next(key, false);
        }
        Reply::Yes
    }
}
