//! The client's commands: a call's next command, sent alone or collected with others, or the call's place in the backlog. Also how an
//! unwanted acquire becomes a roll-back.

use super::state::{Client, list};
use crate::call_id::CallId;
use crate::calls::{Acquire, By, Call, Calls, Hint, Kind, Release, State, Step};
use crate::cohort::MOST_FOLLOWERS;
use crate::commands::SendContext;
use crate::commands::hand_over::{Successor, SuccessorHint};
use crate::commands::{claim, give_back, hand_over, leave, park, poll, release, renew, revoke, take, wait};
use crate::connection::Expected;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::outbox;
use crate::poll_lines::Pause;
use crate::present::Present;
use crate::requests::{LogLevel, Outcome, WaitPolicy};
use crate::resp::append_command;
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;

impl Client {
    /// Takes a call in and sends its first command.
    pub(super) fn add(
        &mut self,
        now: Instant,
        caller: Option<u64>,
        kind: Kind,
        limit: Option<Instant>,
    ) -> CallId {
        let id = self.insert(caller, kind, limit);
        self.submit(now, id);
        id
    }

    pub(super) fn insert(&mut self, caller: Option<u64>, kind: Kind, limit: Option<Instant>) -> CallId {
        let id = self.calls.insert(caller, kind, limit);
        if let Some(at) = limit {
            self.fx.arm(at, Timer::Limit(id));
            let Self { calls, waiters, lines, fx, .. } = self;
            fx.sweep(|timer| match timer {
                Timer::Limit(id) | Timer::Command(id) | Timer::Retry(id) => calls.get(id).is_some(),
                Timer::Poll(at, serial) => waiters.knows(at, serial),
                Timer::Line(at, serial) => lines.knows(at, serial),
                Timer::Reconnect | Timer::ReadyCheck | Timer::Silence | Timer::AskAgain | Timer::Verify => {
                    true
                }
            });
        }
        id
    }

    /// Sends the call's next command, or keeps the call until there is a connection.
    pub(super) fn submit(&mut self, now: Instant, id: CallId) {
        if self.connection.is_ready() && self.joins_line(now, id) {
            return;
        }
        self.limit_command(now, id);
        if self.connection.is_ready() {
            self.send(now, id, false);
        } else if self.may_wait_for_connection(now, id) {
            self.calls.enqueue(id);
        }
    }

    /// Makes a parked waiter ask by itself.
    pub(super) fn ask(&mut self, now: Instant, id: CallId) {
        if self.calls.state(id) == Some(State::Parked) {
            self.submit(now, id);
        }
    }

    /// Writes the call's command. `whole` sends the script's text instead of its hash.
    pub(super) fn send(&mut self, now: Instant, id: CallId, whole: bool) {
        if self.exiting && self.calls.acquire(id).is_some() {
            // Nobody would hear of the lock.
            return self.calls.set_state(id, State::Pausing);
        }
        if self.calls.release(id).is_some_and(|release| release.has_lapsed(now)) {
            return self.finish(id, Outcome::Released);
        }
        self.hint_successor(now, id);
        if self.collect(now, id) {
            return;
        }
        // A collected call may want the very lock that is given back now.
        if !self.calls.get(id).is_some_and(Call::is_release) {
            self.send_collected(now, usize::MAX);
        }
        self.listen_before_park(now, id);
        let whole = whole || self.connection.sends_texts();
        let Some(call) = self.calls.get_mut(id).present() else { return };
        call.whole = whole;
        if call.asking {
            let asking = |_: SendContext<'_>, out: &mut Vec<u8>| append_command(out, &[b"ASKING"]);
            self.connection.send(now, &self.config, Expected::Nobody, false, &mut self.fx, asking);
        }
        if let Kind::Acquire(_) = call.kind {
            self.send_acquire(now, id, whole, Expected::Call(id), 0);
        } else {
            self.send_other(now, id, whole);
        }
        self.calls.set_state(id, State::InFlight);
    }

    /// `along`: how many more waiters the command parks.
    fn send_acquire(&mut self, now: Instant, id: CallId, whole: bool, expected: Expected, along: usize) {
        let Self { connection, calls, waiters, officials, config, fx, .. } = self;
        let Some(acquire) = calls.acquire_mut(id).present() else { return };
        acquire.sent_at = now;
        if !connection.hands_off() {
            acquire.place = None;
            let poll = acquire.poll(connection.is_plain());
            return connection.send(now, config, expected, whole, fx, |context, out| {
                poll::encode(&poll, context, out);
            });
        }
        let keys = Arc::clone(&acquire.keys);
        let (place, key) = (acquire.place, keys.get(acquire.place.map_or(0, |place| place.at)));
        let standing = key.map(|key| waiters.park_sent(key, id, place.is_some())).unwrap_or_default();
        acquire.may_take_grant = place.filter(|_| standing.may_take_grant).map(|place| place.at);
        acquire.left_alone = place.is_some() && standing.next_ticket.is_none();
        let park = acquire.park(standing.next_ticket, along, officials.takes_again(now, &keys));
        connection.send(now, config, expected, whole, fx, |context, out| park::encode(&park, context, out));
    }

    fn send_other(&mut self, now: Instant, id: CallId, whole: bool) {
        let Self { connection, calls, waiters, config, namespace, fx, .. } = self;
        let plain = connection.is_plain();
        let Some(call) = calls.get_mut(id).present() else { return };
        let mut whole = whole;
        if let Kind::Claim(claim) = &mut call.kind {
            claim.sent_at = now;
            // The job may block the thread, which then could not hear that the server does not know the script's hash.
            whole = true;
            call.whole = true;
        }
        let kind = &call.kind;
        connection.send(now, config, Expected::Call(id), whole, fx, |context, out| match kind {
            Kind::Acquire(_) => {}
            Kind::Release(release) => encode_release(release, plain, context, out),
            Kind::ReleaseAll(all) => match all.next_step() {
                Step::Scan { cursor, count } => revoke::encode_scan(cursor, &namespace.pattern(), count, out),
                Step::Free { keys, owner } => revoke::encode(keys, owner, plain, context, out),
            },
            Kind::Renew(held) => {
                renew::encode(&held.keys, &held.owner, held.tokens.as_deref(), held.what, context, out);
            }
            Kind::Claim(claim) => {
                // The claim does not count a waiter whose job began on the grant or which followed.
                let next = waiters.next_after_claim(&claim.key, id);
                claim::encode(&claim.claiming(next), context, out);
            }
            Kind::Leave(leaving) => leave::encode(&leaving.key, leaving.remove, leaving.pass, context, out),
        });
    }

    /// In a cluster, a call that may wait for a key first listens to the channel of the key's slot.
    fn listen_before_park(&mut self, now: Instant, id: CallId) {
        let Self { connection, calls, config, fx, .. } = self;
        if let Some(acquire) = calls.acquire(id).filter(|acquire| acquire.waits())
            && let Some(key) = acquire.keys.first()
        {
            connection.listen_to(now, config, key.slot(), fx);
        }
    }

    /// Collects the call's command, if it is one that can share a script call.
    fn collect(&mut self, now: Instant, id: CallId) -> bool {
        let Self { connection, calls, waiters, lines, officials, outbox, .. } = self;
        if !connection.hands_off() {
            return false;
        }
        let Some(call) = calls.get_mut(id).filter(|call| !call.asking) else { return false };
        match &mut call.kind {
            Kind::Acquire(acquire) => {
                let waits = acquire.next_key().is_some_and(|key| {
                    waiters.is_waited_for(now, key) || lines.is_polled(now, key) || officials.looks(now, key)
                });
                if !waits && acquire.is_quick(|slot| connection.is_synced(slot)) {
                    outbox.push_take(id);
                } else if !call.in_doubt && acquire.comes_along() {
                    outbox.push_park(id);
                } else {
                    return false;
                }
                acquire.sent_at = now;
            }
            Kind::Release(release) if release.is_plain_give_back() => outbox.push_give(id),
            _ => return false,
        }
        call.whole = false;
        calls.set_state(id, State::InFlight);
        true
    }

    /// Writes the commands of the first `most` collected calls. Locks are given back first, because the same turn may want them again.
    pub(super) fn send_collected(&mut self, now: Instant, most: usize) {
        let given = self.send_collected_gives(now, most);
        let (takes, parks, whole) = self.outbox.take_wishes(most - given);
        if takes.is_empty() && parks.is_empty() {
            return;
        }
        let whole = whole || self.connection.sends_texts();
        for calls in self.portions(takes) {
            self.mark_whole(&calls, whole);
            let Self { connection, calls: table, config, fx, .. } = self;
            let takes: Vec<_> =
                calls.iter().filter_map(|id| table.acquire(*id)).filter_map(Acquire::take).collect();
            let expected = Expected::Takes(calls.clone().into());
            connection
                .send(now, config, expected, whole, fx, |context, out| take::encode(&takes, context, out));
        }
        let table = &self.calls;
        let parties = outbox::by_key(parks, |id| table.acquire(id).and_then(|acquire| acquire.keys.first()));
        for calls in parties {
            let Some(first) = calls.first().copied() else { continue };
            self.listen_before_park(now, first);
            self.mark_whole(&calls, whole);
            let along = calls.len() - 1;
            self.send_acquire(now, first, whole, Expected::Parks(calls.into()), along);
        }
    }

    /// Writes the first `most` collected give-backs. Returns how many there were.
    pub(super) fn send_collected_gives(&mut self, now: Instant, most: usize) -> usize {
        let (gives, whole) = self.outbox.take_gives(most);
        let count = gives.len();
        let whole = whole || self.connection.sends_texts();
        for calls in self.portions(gives) {
            self.mark_whole(&calls, whole);
            let Self { connection, calls: table, config, fx, .. } = self;
            let releases = calls.iter().filter_map(|id| table.release(*id));
            let gives: Vec<_> = releases
                .filter_map(|release| {
                    Some(give_back::GiveBack { key: release.keys.first()?, owner: &release.owner })
                })
                .collect();
            let expected = Expected::Gives(calls.clone().into());
            connection.send(now, config, expected, whole, fx, |context, out| {
                give_back::encode(&gives, context, out);
            });
        }
        count
    }

    fn portions(&self, calls: Vec<CallId>) -> Vec<Vec<CallId>> {
        let slot = |id| self.calls.get(id).and_then(Call::slot);
        outbox::portions(calls, self.connection.keeps_to_slots().then_some(slot))
    }

    /// Notes that the scripts of these calls go out with their text.
    fn mark_whole(&mut self, calls: &[CallId], whole: bool) {
        for id in calls.iter().filter(|_| whole) {
            if let Some(call) = self.calls.get_mut(*id) {
                call.whole = true;
            }
        }
    }

    /// Sends a WAIT if there is need for one. It is the last command of a write, because Redis executes nothing on this connection until
    /// the WAIT is answered.
    pub(super) fn ask_replicas(&mut self, now: Instant) {
        let Some(safety) = self.config.safety else { return };
        if self.outbox.begin_wait() {
            self.connection.send(now, &self.config, Expected::Wait, false, &mut self.fx, |_, out| {
                wait::encode(safety.replicas, safety.timeout, out);
            });
        }
    }

    /// Names the client's oldest waiter in a release that is about to be sent.
    fn hint_successor(&mut self, now: Instant, id: CallId) {
        // A process that ends names no successor.
        let hands_off = self.connection.hands_off() && !self.exiting;
        let Some(release) = self.calls.release_mut(id) else { return };
        release.sent_at = now;
        release.hint = None;
        let gives = hands_off && release.owner.is_unique() && release.by != By::VerifyOwner;
        let (keys, served, claim) = (Arc::clone(&release.keys), release.served, release.claim);
        let ([key], true) = (&keys[..], gives) else { return };
        let Some((ticket, oldest)) = self.waiters.oldest(key) else {
            // Without a hint the script would take the client's entry out of the queue. That entry may belong to a waiter whose park is not
            // answered yet.
            let parks = |call| self.calls.acquire(call).is_some_and(|acquire| acquire.keys.contains(key));
            let unknown = served.filter(|_| self.connection.awaited().any(parks));
            if let (Some(served), Some(release)) = (unknown, self.calls.release_mut(id)) {
                let hint = SuccessorHint { ticket: served.beyond, successor: None };
                release.hint = Some(Hint { hint, successor: None });
            }
            return;
        };
        // Redis answers the claim of the hold that is given back before this release.
        let own = usize::from(claim.is_some_and(|claim| self.waiters.claim(claim).is_some()));
        let next_ticket = self.waiters.ticket_beside(key, oldest);
        let is_free = self.waiters.claims_of(key) <= own && self.calls.state(oldest) == Some(State::Parked);
        let others = if self.config.safety.is_none() { self.waiters.count(key) - 1 } else { 0 };
        let followers = (others as u64).min(MOST_FOLLOWERS);
        let waiter = self.calls.acquire_mut(oldest).filter(|acquire| is_free && acquire.is_simple());
        let successor = waiter.and_then(|acquire| {
            acquire.left_alone = next_ticket.is_none();
            let (owner, lease) = (acquire.owner.clone(), acquire.lease?);
            Some(Successor { owner, lease, next_ticket, followers })
        });
        let named = successor.is_some().then_some(oldest);
        if named.is_some() {
            self.calls.set_state(oldest, State::Hinted);
        }
        if let Some(release) = self.calls.release_mut(id) {
            release.hint = Some(Hint { hint: SuccessorHint { ticket, successor }, successor: named });
        }
    }

    /// Starts the time limit of the call's next command.
    pub(super) fn limit_command(&mut self, now: Instant, id: CallId) {
        let Some(limit) = self.config.retry.command_limit else { return };
        if let Some(call) = self.calls.get_mut(id).filter(|call| call.is_wanted()) {
            call.command_limit = Some(now + limit);
            self.fx.arm(now + limit, Timer::Command(id));
        }
    }

    /// Makes a call wait behind other calls of this client that poll for one of its keys. True: it waits.
    fn joins_line(&mut self, now: Instant, id: CallId) -> bool {
        if self.lines.is_empty() {
            return false;
        }
        let Some(acquire) =
            self.calls.acquire(id).filter(|acquire| acquire.waits() && acquire.place.is_none())
        else {
            return false;
        };
        let keys = Arc::clone(&acquire.keys);
        let Some(key) = self.lines.busy_key(id, &keys, |other| Self::asks_in(&self.calls, other)) else {
            return false;
        };
        self.begin_limit(now, id);
        self.line_up(now, id, key);
        true
    }

    /// Whether a call's question for a key may still be answered.
    pub(super) fn asks_in(calls: &Calls, id: CallId) -> bool {
        calls.get(id).is_some_and(|call| {
            !matches!(call.state(), State::Pausing | State::Parked) && matches!(call.kind, Kind::Acquire(_))
        })
    }

    /// The server told the call to ask again for this key.
    pub(super) fn line_up(&mut self, now: Instant, id: CallId, key: &LockKey) {
        let jitter = self.ids.jitter();
        let Some(acquire) = self.calls.acquire_mut(id).present() else { return };
        let own = acquire.backoff.pause(&self.config.backoff, jitter);
        let pause = Pause { own, breaks_in: self.connection.hands_off() };
        let keys = Arc::clone(&acquire.keys);
        self.calls.set_state(id, State::Pausing);
        self.lines.line_up(now, id, key, &keys, pause, &mut self.fx);
    }

    /// Starts the time limit of a limited try, when the client first sees that the key is held.
    pub(super) fn begin_limit(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get_mut(id).present() else { return };
        if let (Kind::Acquire(acquire), None) = (&call.kind, call.limit)
            && let WaitPolicy::TryFor(limit) = acquire.wait
        {
            call.limit = Some(now + limit);
            self.fx.arm(now + limit, Timer::Limit(id));
        }
    }

    /// Whether the call may stand in the backlog. If not, its caller is told why.
    fn may_wait_for_connection(&mut self, now: Instant, id: CallId) -> bool {
        if self.connection.is_stopped() {
            self.fail_for_good(id);
            return false;
        }
        if self.config.retry.offline_queue {
            return true;
        }
        let fails = self.calls.get(id).is_some_and(|call| call.may_be_given_up() && !call.in_doubt);
        if fails {
            let error = Error::new(
                Code::Unreachable,
                "Stream isn't writeable and enableOfflineQueue options is false",
            );
            self.fail_or_roll_back(now, id, error);
        }
        !fails
    }

    /// The client will not connect again.
    pub(super) fn fail_for_good(&mut self, id: CallId) {
        let reason = self.connection.last_reason().to_owned();
        let Some(call) = self.calls.get(id).present() else { return };
        let outcome = if call.goes_on() {
            Outcome::ReleasePending(reason)
        } else {
            let error = Error::new(Code::Unreachable, "Connection is closed.").with_keys(self.keys_of(id));
            Outcome::Failed(error.with_cause(Some(reason)))
        };
        self.finish(id, outcome);
    }

    /// Tells the caller of a call that has no command under way that it failed. An acquire that Redis may have executed goes on as a
    /// roll-back.
    pub(super) fn fail_or_roll_back(&mut self, now: Instant, id: CallId, error: Error) {
        let Some(call) = self.calls.get(id).present() else { return };
        let error = error.with_keys(self.keys_of(id));
        if call.in_doubt && matches!(call.kind, Kind::Acquire(_)) {
            self.tell(id, Outcome::Failed(error));
            self.roll_back(now, id, true);
        } else if call.is_wanted() {
            self.finish(id, Outcome::Failed(error));
        }
    }

    /// How to give back what an attempt took. `sure`: its owner held none of it before, and still holds it. `None`: nothing could tell it
    /// from another hold of the owner. Then it stays, and the log says so.
    pub(crate) fn gives_back_by(
        &mut self,
        owner: &Owner,
        attempt: AttemptId,
        keys: &[LockKey],
        sure: bool,
    ) -> Option<By> {
        if !owner.is_unique() && !self.connection.is_plain() {
            return Some(By::Attempt(attempt));
        }
        if owner.is_unique() || sure {
            return Some(By::Owner);
        }
        let keys = list(&self.caller_names(keys));
        let message = format!(
            "Whether the lock on {keys} was taken for owner \"{owner:?}\" is not known, and this Redis user may not use side keys to find out. If it stays, release it by hand."
        );
        self.fx.log(LogLevel::Warn, message);
        None
    }

    /// Turns an unwanted acquire into a roll-back of what it took. `in_doubt`: it may have taken nothing.
    pub(super) fn roll_back(&mut self, now: Instant, id: CallId, in_doubt: bool) {
        let request = self.attempt();
        let Some(acquire) = self.calls.acquire(id).present() else { return };
        let sure = !in_doubt && !acquire.joined && !acquire.is_late(now);
        let (keys, owner, attempt) = (Arc::clone(&acquire.keys), acquire.owner.clone(), acquire.attempt);
        let until = acquire.longest_end(now);
        let Some(by) = self.gives_back_by(&owner, attempt, &keys, sure) else {
            return self.calls.forget(id);
        };
        let Some(call) = self.calls.get_mut(id).present() else { return };
        call.kind = Kind::Release(Release::automatic(now, keys, owner, by, request, until));
        call.limit = None;
        call.in_doubt = false;
        if call.state() != State::Backlog {
            self.submit(now, id);
        }
    }
}

/// `plain`: this client may use the lock keys only.
fn encode_release(release: &Release, plain: bool, context: SendContext<'_>, out: &mut Vec<u8>) {
    let Release { keys, owner, by, request, .. } = release;
    match by {
        By::VerifyOwner => release::encode_verify_owner(keys, out),
        By::Attempt(attempt) => release::encode_roll_back(keys, owner, attempt, context, out),
        By::Owner if plain => release::encode_plain(keys, owner, context, out),
        By::Owner if owner.is_unique() => hand_over::encode(&release.hand_over(), context, out),
        By::Owner => release::encode(keys, owner, request, context, out),
    }
}
