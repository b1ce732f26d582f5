//! One client: a connection to Redis, the calls that are under way, and their timers.
//!
//! There are four kinds of methods. Getters change nothing. `handle_*` take in events. Mutators (`acquire`, `release`, …) take in the
//! callers' wishes. `poll_*` and `transmit` give out the work for the lane. After each mutation the lane drains all of them.
//!
//! The parts (connection, calls, waiters, outbox, cohorts, lines) own their fields and do not know each other. The client passes on what
//! one part says to the others. Its own files call in one direction: `mod`, `exit`, `moving` > `outage` > `answers` > `returned` >
//! `acquired` > `waiting` > `sending` > `state`.

mod acquired;
mod answers;
mod check;
mod exit;
mod moving;
mod outage;
mod returned;
mod sending;
mod state;
mod waiting;

pub(crate) use moving::{Asked, LastConnection, asked_for};
pub use state::Client;
pub(crate) use state::{Redirect, Redirected, closed_error};

use crate::backoff::Backoff;
use crate::calls::{Acquire, By, Calls, Kind, Release, ReleaseAll, State};
use crate::cohort::{Cohorts, Rest};
use crate::config::ClientConfig;
use crate::connection::{Connection, Input};
use crate::effects::Effects;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, IdSource, Owner};
use crate::key::Namespace;
use crate::official_callers::OfficialCallers;
use crate::outbox::Outbox;
use crate::poll_lines::PollLines;
use crate::requests::{
    AcquireRequest, Event, OfAttempt, Outcome, ReleaseAllRequest, ReleaseRequest, TaskKey, Verdict,
    WaitPolicy, Waiting, Wanted,
};
use crate::time::Instant;
use crate::timers::Timer;
use crate::waiters::Waiters;
use std::sync::Arc;
use std::time::Duration;

/// Most timers that one call handles. An outage may end very many calls at one moment, and the lane has other work, too.
const MOST_TIMERS: usize = 1_000;
/// Most calls whose commands are written at once, for the same reason.
const MOST_SENT: usize = 4_096;

impl Client {
    /// A client that is not connected yet. `seed` comes from a strong random source and is used once.
    #[must_use]
    pub fn new(config: ClientConfig, seed: [u8; 24]) -> Self {
        Self::with(config, IdSource::new(seed), 0)
    }

    /// `serial`: the number before that of the first call or claim.
    pub(crate) fn with(config: ClientConfig, ids: IdSource, serial: u64) -> Self {
        Self {
            namespace: Namespace::new(&config.prefix),
            connection: Connection::new(&config),
            config,
            ids,
            fx: Effects::default(),
            calls: Calls::numbered_from(serial),
            waiters: Waiters::default(),
            outbox: Outbox::default(),
            cohorts: Cohorts::default(),
            lines: PollLines::default(),
            officials: OfficialCallers::default(),
            redirected: Vec::new(),
            urgent: false,
            closed: false,
            exiting: false,
            away_since: None,
        }
    }

    /// Whether a caller waits for a call. Only then the client may keep the process alive.
    #[must_use]
    pub fn has_callers(&self) -> bool {
        self.calls.has_callers() || self.cohorts.has_callers()
    }

    /// Whether [`Self::poll_event`] has something to give.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.fx.has_events()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether a reply is still expected on this connection.
    #[must_use]
    pub fn expects_reply(&self) -> bool {
        self.connection.expects_reply() || !self.outbox.is_empty()
    }

    /// Whether the server has sent anything on this connection.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.connection.has_heard()
    }

    /// The lane calls this before [`Self::transmit`] when it is about to write.
    pub fn handle_write(&mut self, now: Instant) {
        self.send_collected(now, usize::MAX);
        self.ask_replicas(now);
    }

    /// The lane calls this in place of [`Self::handle_write`] on a thread that others use. It writes the commands of only so many calls as
    /// take a few milliseconds. True: calls are left.
    pub fn handle_write_of_turn(&mut self, now: Instant) -> bool {
        self.send_collected(now, MOST_SENT);
        self.ask_replicas(now);
        self.outbox.has_unsent()
    }

    /// The lane calls this before [`Self::transmit`], in place of [`Self::handle_write`], when it writes urgent bytes. The calls that were
    /// collected in this turn stay for later.
    pub fn handle_urgent_write(&mut self, now: Instant) {
        self.send_collected_gives(now, usize::MAX);
    }

    /// Whether the bytes should leave now, before those of the whole turn: somebody waits for a lock that was just given back. Says so
    /// once.
    pub fn take_urgent(&mut self) -> bool {
        std::mem::take(&mut self.urgent)
    }

    /// Bytes to send. The lane reports how many it sent to [`Self::transmitted`].
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        self.connection.transmit()
    }

    /// The lane sent `count` bytes of [`Self::transmit`].
    pub fn transmitted(&mut self, count: usize) {
        self.connection.transmitted(count);
    }

    /// The next event for the lane or the caller.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.fx.next_event()
    }

    /// When to call [`Self::handle_timeout`], which may then find nothing to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.fx.next_due()
    }

    /// Handles a bounded number of due timers. [`Self::poll_timeout`] tells of the rest.
    pub fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..MOST_TIMERS {
            let Some(timer) = self.fx.take_due(now) else { return };
            match timer {
                Timer::Reconnect => self.connection.reconnect(&mut self.fx),
                Timer::ReadyCheck => self.connection.ready_check_due(now, &self.config, &mut self.fx),
                Timer::Silence => {
                    if let Some(reason) = self.connection.silence_due(now, &self.config, &mut self.fx) {
                        self.give_up(now, &reason);
                    }
                }
                Timer::AskAgain => self.connection.ask_again_due(now, &self.config, &mut self.fx),
                Timer::Verify => {
                    for verification in self.cohorts.verify_due() {
                        self.verify(now, Some(verification));
                    }
                }
                Timer::Limit(id) => self.limit_reached(now, id),
                Timer::Command(id) => self.command_due(now, id),
                Timer::Retry(id) => {
                    if let Some(acquire) = self.calls.acquire_mut(id) {
                        acquire.poll_armed = false;
                    }
                    if let Some(State::Pausing | State::Parked) = self.calls.state(id) {
                        self.submit(now, id);
                    }
                }
                Timer::Poll(at, serial) => {
                    if let Some(oldest) = self.waiters.poll_due(now, at, serial, &mut self.fx) {
                        self.ask(now, oldest);
                    }
                }
                Timer::Line(at, serial) => self.line_due(now, (at, serial)),
            }
        }
    }

    /// Asks for the first connection.
    pub fn connect(&mut self) {
        self.connection.connect(&mut self.fx);
    }

    /// There is a connection, and nothing was sent on it yet. False: the client does not want it any more, and the lane closes it.
    pub fn handle_connected(&mut self, now: Instant) -> bool {
        self.connection.connected(now, &self.config, &mut self.ids, &mut self.fx)
    }

    /// The connection could not be made, or is gone. `reason` may go to the log: it holds no secret.
    pub fn handle_disconnected(&mut self, now: Instant, reason: &str) {
        self.lose(now, reason, false);
    }

    /// The same as [`Self::handle_disconnected`], if nobody could say where the master is.
    pub fn handle_unresolved(&mut self, now: Instant, reason: &str) {
        self.connection.count_lookup();
        self.lose(now, reason, true);
    }

    /// The master is elsewhere now. The client makes a new connection, and ends the pause before it.
    pub fn handle_moved(&mut self, now: Instant, reason: &str) {
        if self.connection.master_moved(now, &mut self.fx) {
            self.give_up(now, reason);
        }
    }

    /// Bytes arrived.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.connection.feed(now, bytes);
        while let Some(input) = self.connection.next_input(now, &self.config, &mut self.fx) {
            match input {
                Input::Reply(expected, reply) => self.replied(now, expected, reply),
                Input::Push(push) => self.pushed(now, push),
                Input::HearsAgain(slot) => self.ask_in_slot(now, slot),
                Input::Ready => {
                    let waiting = self.calls.take_waiting();
                    if waiting.is_empty() {
                        self.connection.nobody_waited();
                    }
                    for id in waiting {
                        self.send(now, id, false);
                    }
                }
                Input::Failed(error) => self.handshake_failed(now, &error),
                Input::Useless(reason) => self.give_up(now, &reason),
            }
        }
        self.leave_in_time(now);
    }

    /// How long to wait before the next connect, as [`Event::AskPause`] asks. `None`: the client does not connect again, and every call
    /// fails from now on.
    pub fn reconnect_in(&mut self, now: Instant, pause: Option<Duration>) {
        self.pause_reconnect(now, pause);
    }

    /// The verdict on an error reply that [`Event::AskError`] asked about.
    pub fn judge(&mut self, now: Instant, question: u64, verdict: Verdict) {
        let Some((id, said)) = self.calls.take_question(question) else { return };
        let reason = format!("reconnectOnError: {said}");
        match verdict {
            Verdict::Accept => self.accept_error(now, id, &said),
            Verdict::Reconnect => {
                self.refused(now, id, said.shown().to_owned());
                self.connection.leave(&reason);
            }
            Verdict::Resend => {
                self.calls.enqueue(id);
                self.connection.leave(&reason);
            }
        }
        self.leave_in_time(now);
    }

    /// Takes keys, all or none; ends with [`Outcome::Held`] or [`Outcome::Failed`].
    ///
    /// # Errors
    /// [`Code::Closed`] after [`Client::close`].
    pub fn acquire(&mut self, now: Instant, request: AcquireRequest) -> Result<TaskKey, Error> {
        if self.closed {
            return Err(closed_error());
        }
        let owner = match &request.wanted {
            Wanted::Execute => self.ids.execute_owner(),
            Wanted::Named(name) => Owner::Named(Arc::clone(name)),
        };
        let attempt = self.attempt();
        Ok(self.acquire_as(now, request, owner, attempt, false))
    }

    /// The calls that wait for a key, each with the key at which it waits.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Waiting> + use<'_> {
        let calls = self.calls.iter().filter(|(_, call)| call.is_wanted());
        calls.filter_map(|(_, call)| match &call.kind {
            Kind::Acquire(acquire) if acquire.waits() => Some(Waiting {
                key: acquire.next_key()?.clone(),
                since: acquire.asked_at,
                label: acquire.label.clone(),
            }),
            _ => None,
        })
    }

    /// Takes keys for an owner and an attempt that the router named. `fragment`: another node takes other keys of the same call, so no job
    /// may begin on a mere grant.
    pub(crate) fn acquire_as(
        &mut self,
        now: Instant,
        request: AcquireRequest,
        owner: Owner,
        attempt: AttemptId,
        fragment: bool,
    ) -> TaskKey {
        let acquire = Acquire {
            attempt,
            backoff: Backoff::new(&self.config.backoff),
            keys: request.keys,
            named: request.named,
            owner,
            lease: request.lease,
            wait: request.wait,
            sent_at: now,
            place: None,
            refused: Box::default(),
            contended: false,
            poll_armed: false,
            may_take_grant: None,
            left_alone: false,
            keep: request.keep,
            asked_at: now,
            label: request.label,
            fragment,
            joined: false,
            unacknowledged: None,
        };
        let limit = match request.wait {
            WaitPolicy::Limit(limit) => Some(now + limit),
            WaitPolicy::None | WaitPolicy::TryFor(_) | WaitPolicy::Endless => None,
        };
        self.add(now, Some(request.caller), Kind::Acquire(acquire), limit).index
    }

    /// Gives keys back. Ends with [`Outcome::Released`], [`Outcome::NotHeld`], [`Outcome::ReleasePending`] (for the lock of a job, or of a
    /// hold that is given back) or [`Outcome::Failed`]. It is allowed after [`Client::close`], so that nothing stays locked.
    pub fn release(&mut self, now: Instant, request: ReleaseRequest) {
        self.release_of(now, request, None);
    }

    /// `grant`: the grant whose claim is under way at another node.
    pub(crate) fn release_of(&mut self, now: Instant, request: ReleaseRequest, grant: Option<Arc<[u8]>>) {
        if self.follow(now, &request) {
            return;
        }
        self.officials.gave_back(now, &request.keys);
        let Rest { ended, served } = self.cohorts.end(request.keys.first(), &request.owner);
        let superseded = request.claim.and_then(|claim| self.supersede(claim));
        let by = match request.of_attempt {
            Some(OfAttempt { attempt, .. }) if !self.connection.is_plain() => By::Attempt(attempt),
            Some(OfAttempt { alone, .. }) if !alone || self.acquires(&request.keys, &request.owner) => {
                // A release by the owner's name would end the owner's other hold.
                return self.fx.tell(Event::Done { caller: request.caller, outcome: Outcome::Released });
            }
            _ => By::Owner,
        };
        let keys = Arc::clone(&request.keys);
        let attempt = self.attempt();
        let (owner, until) = (request.owner, request.lease_end);
        let mut release = Release::automatic(now, request.keys, owner, by, attempt, until).with_others(ended);
        release.good_until = request.good_until;
        release.of_job = until.is_some() || request.of_attempt.is_some();
        release.claim = request.claim;
        release.grant = grant.or(superseded);
        release.served = served;
        if request.waited && self.connection.is_ready() {
            self.urgent = true;
        }
        let limit = request.limit.map(|limit| now + limit);
        let trouble = until.filter(|_| request.of_attempt.is_none()).and_then(|_| self.trouble());
        let id = self.add(now, Some(request.caller), Kind::Release(release), limit);
        if let Some(why) = trouble {
            // The job is done. Its result does not wait for a server that cannot be reached.
            self.tell(id, Outcome::ReleasePending(why));
        }
        self.next_in_line(now, &keys);
    }

    /// Deletes locks of the namespace; ends with [`Outcome::Freed`] or [`Outcome::Failed`].
    ///
    /// # Errors
    /// [`Code::Closed`] after [`Client::close`]; [`Code::InvalidArgument`] if that would delete every key of the database.
    pub fn release_all(&mut self, now: Instant, request: ReleaseAllRequest) -> Result<TaskKey, Error> {
        if self.closed {
            return Err(closed_error());
        }
        if request.owner.is_none() && self.namespace.is_everything() {
            return Err(Error::new(
                Code::InvalidArgument,
                "releaseAll without an ownerId would delete every key of the database, since both \"namespace\" and \"keyPrefix\" are empty. Pass an ownerId.",
            ));
        }
        let all = ReleaseAll::new(request.owner, self.connection.keeps_to_slots());
        Ok(self.add(now, Some(request.caller), Kind::ReleaseAll(all), None).index)
    }

    /// Withdraws a call. `caller` is the number with which the call was made. An outdated withdrawal does nothing and returns false.
    pub fn cancel(&mut self, now: Instant, index: TaskKey, caller: u64) -> bool {
        let id = self.calls.of_caller_at(index, caller);
        if let Some(id) = id {
            self.abandon(now, id, Error::new(Code::Aborted, "The call was withdrawn by its signal."));
        }
        id.is_some()
    }

    /// Ends the client. It takes no more calls, and tells everybody who waits for a lock. The server still answers what was sent.
    pub fn close(&mut self, now: Instant) {
        self.closed = true;
        let waiting: Vec<_> = (self.calls.iter())
            .filter(|(_, call)| matches!(call.kind, Kind::Acquire(_)) && call.is_wanted())
            .map(|(id, _)| id)
            .collect();
        for id in waiting {
            self.abandon(now, id, closed_error());
        }
    }

    /// Fails every call that a caller waits for, for example after a fault in this package.
    pub fn fail_all(&mut self, error: &Error) {
        for caller in self.cohorts.end_all().into_iter().chain(self.calls.take_all_callers()) {
            self.fx.tell(Event::Done { caller, outcome: Outcome::Failed(error.clone()) });
        }
    }
}
