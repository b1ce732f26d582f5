//! The state of the connection: connecting, shaking hands, ready, and back.

use super::Client;
use super::requests::{Event, LogLevel};
use super::standing::{Standing, says_subscribed};
use crate::channels::Channels;
use crate::handshake::{Handshake, Identity, Progress};
use crate::ids::AttemptId;
use crate::resp::Value;
use crate::rung::Rung;
use crate::slots::SlotSet;
use crate::time::Instant;
use crate::timers::Timer;
use std::time::Duration;

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
    raised: SlotSet,
    /// Slots of whose channel this connection hears; in a cluster only.
    heard_of: SlotSet,
    /// In a cluster: a slot of this node.
    slot: Option<u16>,
    pub(super) last_progress: Instant,
    /// Scripts have to be sent by their text, always.
    by_text: bool,
    /// Something came from the server on this connection.
    heard: bool,
    pub(super) silence_armed: bool,
    last_reason: String,
    /// Why this connection is to be made anew.
    leaving: Option<String>,
    /// Lines that were written to the log already.
    noted: Vec<String>,
    /// How connections fare.
    pub(super) standing: Standing,
    /// The server refuses a command that names keys of several slots. Once seen, that is taken for granted on later connections, too.
    pub(super) keeps_to_slots: bool,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self {
            phase: Phase::Down,
            retries: 0,
            lookups: 0,
            // Until it is known: nothing may be freed for want of what tells holds apart.
            rung: Rung::Polling,
            channels: Channels::default(),
            identity: None,
            raised: SlotSet::default(),
            heard_of: SlotSet::default(),
            slot: None,
            last_progress: Instant::from_nanos(0),
            by_text: false,
            heard: false,
            silence_armed: false,
            last_reason: String::new(),
            leaving: None,
            noted: Vec::new(),
            standing: Standing::default(),
            keeps_to_slots: false,
        }
    }

    /// Whether the server owes the answers of a handshake.
    pub(super) fn shakes_hands(&self) -> bool {
        matches!(self.phase, Phase::Handshake(_))
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

    /// In a cluster: a slot of this node.
    pub(super) fn slot(&self) -> Option<u16> {
        self.slot
    }

    /// The channel on which this connection hears of locks that are taken away, or would.
    pub(super) fn losses(&self) -> Vec<u8> {
        self.channels.losses()
    }

    /// Whether no script is known by its hash.
    pub(super) fn sends_texts(&self) -> bool {
        self.by_text
    }

    /// This connection's name in the queues.
    pub(crate) fn client_id(&self) -> &AttemptId {
        &self.channels.client
    }

    /// Whether the slot's counter was raised to the server's time on this connection.
    pub(crate) fn is_raised(&self, slot: u16) -> bool {
        self.raised.has(slot)
    }

    /// The slot's counter was raised.
    pub(crate) fn set_raised(&mut self, slot: u16) {
        self.raised.add(slot);
    }

    /// Notes that the slot's channel is subscribed to; its name, unless it was already.
    pub(super) fn begin_hearing(&mut self, slot: u16) -> Option<Vec<u8>> {
        let new = !self.heard_of.has(slot);
        self.heard_of.add(slot);
        new.then(|| self.channels.grants_of(slot))
    }

    /// The slot's channel is not subscribed to any more.
    pub(super) fn end_hearing(&mut self, slot: u16) {
        self.heard_of.remove(slot);
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
        self.link.heard_of.clear();
        self.link.heard = false;
        let mut client = self.attempt();
        if let (Some(first), Some(_)) = (client.first_mut(), self.link.slot) {
            // Tells the scripts of others where this client listens.
            *first = b's';
        }
        self.link.channels = Channels { client, mark: self.ids.mark() };
        let previous = self.link.identity.clone();
        let handshake =
            Handshake::begin(&self.config, self.link.channels, self.link.slot, previous, &mut self.out);
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
        // One that we have given up already ends for its own reason, too.
        if matches!(self.link.phase, Phase::Down | Phase::Stopped) {
            return;
        }
        self.accept_errors(now);
        self.link.leaving = None;
        let said = if let Phase::Handshake(handshake) = &mut self.link.phase {
            handshake.last_error.take().filter(|said| !reason.contains(said))
        } else {
            None
        };
        let reason =
            said.map_or_else(|| reason.to_owned(), |said| format!("{reason}, after it had said: {said}"));
        let was_ready = self.link.is_ready();
        self.out.clear();
        self.link.phase = Phase::Down;
        self.link.last_reason.clone_from(&reason);
        self.link.retries += 1;
        self.tell_outage(was_ready, &reason);
        self.events.push_back(Event::Down { reason });
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
        if !matches!(self.link.phase, Phase::Handshake(_) | Phase::Ready) {
            // Given up already: what else it says is nobody's.
            return;
        }
        self.link.last_progress = now;
        self.link.heard = true;
        self.parser.feed(bytes);
        loop {
            match self.parser.next_reply() {
                Ok(None) => return self.leave_in_time(now),
                Ok(Some(Value::Push(push))) => match &mut self.link.phase {
                    Phase::Handshake(handshake) => handshake.handle_push(&push),
                    _ if says_subscribed(&push) => self.channel_allowed(),
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
                Err(malformed) => {
                    self.doubt();
                    return self.give_up(now, &malformed.to_string());
                }
            }
        }
    }

    /// Whether anything came from the server on this connection.
    #[must_use]
    pub fn has_heard(&self) -> bool {
        self.link.heard
    }

    /// Closes the connection ourselves and goes on as if it had broken.
    pub(crate) fn give_up(&mut self, now: Instant, reason: &str) {
        self.events.push_back(Event::Disconnect);
        self.handle_disconnected(now, reason);
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
                for index in self.waiting() {
                    self.fail_or_undo(now, index, error.clone());
                }
                self.give_up(now, &reason);
            }
            Progress::Ready { rung, why, password_unwanted } => {
                let (notes, identity) = (std::mem::take(&mut handshake.notes), handshake.identity());
                let (replica, refused) = (handshake.replica, handshake.refused);
                self.link.by_text = handshake.by_text;
                self.link.keeps_to_slots |= handshake.is_cluster;
                for note in notes {
                    if !self.link.noted.contains(&note) {
                        self.link.noted.push(note.clone());
                        self.log(LogLevel::Warn, note);
                    }
                }
                self.link.identity = identity;
                self.link.phase = Phase::Ready;
                self.link.rung = rung;
                self.stands(now, replica, refused);
                self.events.push_back(Event::Ready { rung, why, password_unwanted });
                for index in self.take_waiting() {
                    self.send(now, index, false);
                }
            }
        }
    }

    /// In a cluster: a slot of this node, to be told before it is connected to.
    pub(crate) fn set_slot(&mut self, slot: u16) {
        self.link.slot = Some(slot);
    }

    /// Of a client that is no connection but the way to the cluster's table of slots: asks for it, unless that is
    /// under way.
    pub(crate) fn look_up(&mut self) {
        if matches!(self.link.phase, Phase::Down) {
            self.link.phase = Phase::Connecting;
            self.events.push_back(Event::Connect);
        }
    }

    /// The table was found.
    pub(crate) fn looked_up(&mut self) {
        if !self.link.is_stopped() {
            self.link.phase = Phase::Down;
            self.link.retries = 0;
            self.link.last_reason.clear();
        }
    }
}
