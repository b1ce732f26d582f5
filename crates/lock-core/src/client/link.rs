//! The state of the connection: connecting, shaking hands, ready, and back.

use super::batch::Sent;
use super::requests::{Event, LogLevel};
use super::{Client, Kind, State};
use crate::channels::Channels;
use crate::handshake::{Handshake, Identity, Progress, Rung};
use crate::ids::AttemptId;
use crate::resp::Value;
use crate::time::Instant;
use crate::timers::Timer;
use std::time::Duration;

/// A connection that owes answers and says nothing for this long is given up, unless the options say otherwise: what
/// it owes is asked again on a new one. Well above what any script of ours or Redis' own BUSY limit (5 s) needs.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Debug)]
enum Phase {
    Down,
    Connecting,
    Handshake(Box<Handshake>),
    Ready,
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Link {
    phase: Phase,
    /// Reconnects since the connection was last ready.
    pub(super) retries: u32,
    /// How often in a row nobody could say where the master is.
    pub(super) lookups: u32,
    rung: Rung,
    channels: Channels,
    /// How the server knows this connection, or the last one.
    identity: Option<Identity>,
    /// Slots whose counter was raised to the server's time on this connection, one bit a slot.
    raised: Vec<u64>,
    last_progress: Instant,
    /// Something came from the server on this connection.
    heard: bool,
    silence_armed: bool,
    last_reason: String,
    /// Why this connection is to be made anew.
    leaving: Option<String>,
    /// Lines that were written to the log already.
    noted: Vec<String>,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Down,
            retries: 0,
            lookups: 0,
            rung: Rung::default(),
            channels: Channels::default(),
            identity: None,
            raised: Vec::new(),
            last_progress: Instant::from_nanos(0),
            heard: false,
            silence_armed: false,
            last_reason: String::new(),
            leaving: None,
            noted: Vec::new(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether there will be no connection any more.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Why there is no connection.
    pub(super) fn last_reason(&self) -> &str {
        &self.last_reason
    }

    /// The connection is to be made anew.
    pub(super) fn leave(&mut self, reason: &str) {
        self.leaving.get_or_insert_with(|| reason.to_owned());
    }

    /// Why the connection is to be made anew, once.
    pub(super) fn take_leaving(&mut self) -> Option<String> {
        self.leaving.take()
    }

    /// Whether only the lock keys themselves may be used.
    pub(crate) fn is_plain(&self) -> bool {
        self.rung == Rung::Plain
    }

    /// Whether waiters stand in a queue and are told.
    pub(crate) fn hands_off(&self) -> bool {
        self.rung == Rung::HandOff
    }

    /// This connection's name in the queues.
    pub(crate) fn client_id(&self) -> &AttemptId {
        &self.channels.client
    }

    /// Whether the slot's counter was raised to the server's time on this connection.
    pub(crate) fn is_raised(&self, slot: u16) -> bool {
        self.raised.get(usize::from(slot / 64)).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    /// The slot's counter was raised.
    pub(crate) fn set_raised(&mut self, slot: u16) {
        if self.raised.is_empty() {
            self.raised.resize(16_384 / 64, 0);
        }
        if let Some(word) = self.raised.get_mut(usize::from(slot / 64)) {
            *word |= 1 << (slot % 64);
        }
    }
}

impl Client {
    /// Asks for the first connection.
    pub fn connect(&mut self) {
        if matches!(self.link.phase, Phase::Down) && self.link.retries == 0 {
            self.link.phase = Phase::Connecting;
            self.events.push_back(Event::Connect);
        }
    }

    /// A connection stands; nothing was sent on it yet.
    pub fn handle_connected(&mut self, now: Instant) {
        self.parser.reset();
        self.out.clear();
        self.link.lookups = 0;
        self.link.raised.clear();
        self.link.heard = false;
        self.link.channels = Channels { client: self.attempt(), mark: self.ids.mark() };
        let previous = self.link.identity.clone();
        let handshake = Handshake::begin(&self.config, self.link.channels, previous, &mut self.out);
        self.link.phase = Phase::Handshake(Box::new(handshake));
        self.expect_progress(now);
    }

    /// The connection could not be made, or is gone. `reason` may go to the log: it holds no secret.
    pub fn handle_disconnected(&mut self, now: Instant, reason: &str) {
        self.link.lookups = 0;
        self.disconnected(now, reason);
    }

    /// As [`Self::handle_disconnected`], when nobody could say where the master is.
    pub fn handle_unresolved(&mut self, now: Instant, reason: &str) {
        self.link.lookups += 1;
        self.disconnected(now, reason);
    }

    /// The master is elsewhere by now: the connection is made anew, and a pause before the next one ends.
    pub fn handle_moved(&mut self, now: Instant, reason: &str) {
        match self.link.phase {
            Phase::Handshake(_) | Phase::Ready => self.give_up(now, reason),
            Phase::Down => self.timers.set(now, Timer::Reconnect),
            Phase::Connecting | Phase::Stopped => {}
        }
    }

    fn disconnected(&mut self, now: Instant, reason: &str) {
        if self.link.is_stopped() {
            return;
        }
        self.accept_errors(now);
        self.link.leaving = None;
        let was_ready = self.link.is_ready();
        self.out.clear();
        self.link.phase = Phase::Down;
        self.link.last_reason = reason.to_owned();
        self.link.retries += 1;
        if was_ready {
            self.log(
                LogLevel::Warn,
                format!("The connection to Redis was lost ({reason}); connecting again."),
            );
        }
        self.events.push_back(Event::Down { reason: reason.to_owned() });
        self.return_to_backlog(now);
        if self.closed && self.tasks.is_empty() {
            self.link.phase = Phase::Stopped;
            return;
        }
        self.pause_before_reconnect(now);
        if let Some(count) = self.config.perseverance.most_reconnects
            && self.link.retries.is_multiple_of(count.saturating_add(1))
        {
            self.fail_waiting(now, count);
        }
    }

    /// How long to wait before the next connect; `None`: there is none, and every call fails from now on.
    pub fn reconnect_in(&mut self, now: Instant, pause: Option<Duration>) {
        if !matches!(self.link.phase, Phase::Down) {
            return;
        }
        match pause {
            Some(pause) => self.timers.set(now + pause, Timer::Reconnect),
            None => {
                self.link.phase = Phase::Stopped;
                self.fail_for_good();
            }
        }
    }

    /// Bytes arrived.
    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.link.last_progress = now;
        self.link.heard = true;
        self.parser.feed(bytes);
        loop {
            match self.parser.next_reply() {
                Ok(None) => return self.leave_in_time(now),
                Ok(Some(Value::Push(push))) => match &mut self.link.phase {
                    Phase::Handshake(handshake) => handshake.handle_push(&push),
                    _ => self.pushed(now, &push),
                },
                Ok(Some(reply)) => {
                    if matches!(self.link.phase, Phase::Handshake(_)) {
                        self.handshake_reply(now, &reply);
                    } else {
                        self.handle_reply(now, reply);
                    }
                    if !matches!(self.link.phase, Phase::Handshake(_) | Phase::Ready) {
                        return;
                    }
                }
                Err(malformed) => return self.give_up(now, &malformed.to_string()),
            }
        }
    }

    /// Whether anything came from the server on this connection.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.link.heard
    }

    /// Closes the connection ourselves and goes on as if it had broken.
    pub(super) fn give_up(&mut self, now: Instant, reason: &str) {
        self.events.push_back(Event::Disconnect);
        self.handle_disconnected(now, reason);
    }

    /// From now on something is owed to us: watch that it comes.
    pub(super) fn expect_progress(&mut self, now: Instant) {
        if self.in_flight.len() <= 1 {
            self.link.last_progress = now;
        }
        if !self.link.silence_armed {
            self.link.silence_armed = true;
            let limit = self.config.perseverance.silence.unwrap_or(SILENCE);
            self.timers.set(now + limit, Timer::Silence);
        }
    }

    pub(super) fn silence_due(&mut self, now: Instant) {
        self.link.silence_armed = false;
        let owed = matches!(self.link.phase, Phase::Handshake(_)) || !self.in_flight.is_empty();
        if !owed {
            return;
        }
        let limit = self.config.perseverance.silence;
        let end = self.link.last_progress + limit.unwrap_or(SILENCE);
        if now < end {
            self.link.silence_armed = true;
            self.timers.set(end, Timer::Silence);
        } else {
            let reason = limit.map_or_else(
                || format!("no answer for {} s", SILENCE.as_secs()),
                |limit| {
                    let ms = limit.as_millis();
                    format!("Socket timeout. Expecting data, but didn't receive any in {ms}ms.")
                },
            );
            self.give_up(now, &reason);
        }
    }

    pub(super) fn reconnect_due(&mut self, _now: Instant) {
        if matches!(self.link.phase, Phase::Down) {
            self.link.phase = Phase::Connecting;
            self.events.push_back(Event::Connect);
        }
    }

    pub(super) fn ready_check_due(&mut self, now: Instant) {
        if let Phase::Handshake(handshake) = &mut self.link.phase {
            handshake.ask_ready(&self.config, &mut self.out);
            self.expect_progress(now);
        }
    }

    fn handshake_reply(&mut self, now: Instant, reply: &Value) {
        let Phase::Handshake(handshake) = &mut self.link.phase else { return };
        match handshake.handle(&self.config, reply, &mut self.out) {
            Progress::Pending => {}
            Progress::Loading(pause) => {
                self.link.last_progress = now + pause;
                self.timers.set(now + pause, Timer::ReadyCheck);
            }
            Progress::Useless(reason) => self.give_up(now, &reason),
            Progress::Failed(error) => {
                // As ioredis does with a refused password: what waits is told, and connecting goes on.
                let reason = error.message.clone();
                for index in self.backlog.clone() {
                    self.fail_or_undo(now, index, error.clone());
                }
                self.give_up(now, &reason);
            }
            Progress::Ready { rung, why, password_unwanted } => {
                let (notes, identity) = (std::mem::take(&mut handshake.notes), handshake.identity());
                for note in notes {
                    if !self.link.noted.contains(&note) {
                        self.link.noted.push(note.clone());
                        self.log(LogLevel::Warn, note);
                    }
                }
                self.link.identity = identity;
                self.link.phase = Phase::Ready;
                self.link.retries = 0;
                self.link.rung = rung;
                self.events.push_back(Event::Ready { rung, why, password_unwanted });
                for index in std::mem::take(&mut self.backlog) {
                    self.send(now, index, false);
                }
            }
        }
    }

    /// What was sent and not answered may or may not have been executed; it is asked again, in its old order,
    /// after those who waited before it.
    fn return_to_backlog(&mut self, now: Instant) {
        let parked = self.dissolve_queues();
        self.detach_claims();
        let unanswered = std::mem::take(&mut self.in_flight);
        let sent = unanswered.iter().flat_map(Sent::tasks).map(|index| (*index, true));
        let collected = self.batches.take_all().into_iter().map(|index| (index, false));
        for (index, executed) in sent.chain(collected).collect::<Vec<_>>().into_iter().rev() {
            let Some(task) = self.tasks.get_mut(index as usize) else { continue };
            task.unsure |= executed;
            task.state = State::Backlog;
            self.backlog.push_front(index);
            if !self.config.perseverance.resends {
                self.fail_unanswered(now, index);
            }
        }
        for index in parked.into_iter().rev() {
            self.backlog.push_front(index);
        }
        // An acquire that nobody wants any more is not asked again but undone; a claim whose job has ended was
        // named in its release; and the client that was to leave a queue is no more.
        for index in self.backlog.clone() {
            let Some(task) = self.tasks.get(index as usize) else { continue };
            match &task.kind {
                Kind::Acquire(_) if task.caller.is_none() => self.undo(now, index, true),
                Kind::Claim(claim) if claim.superseded => self.forget_claim(index),
                Kind::Leave(_) => self.forget(index),
                _ => {}
            }
        }
    }

    /// Why there is no connection, for the cause of a time-out.
    pub(super) fn link_trouble(&self) -> Option<String> {
        (!self.link.is_ready()).then(|| {
            if self.link.last_reason.is_empty() {
                "not connected to Redis yet".to_owned()
            } else {
                self.link.last_reason.clone()
            }
        })
    }
}
