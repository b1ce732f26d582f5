//! One connection after the other: connecting, shaking hands, ready, and back. It alone writes bytes, and knows for whom each reply is.
//!
//! ```text
//! Down --reconnect--> Connecting --connected--> Handshake --ready--> Ready
//!   ^                     |                         |                  |
//!   +------- lose --------+-------------------------+------------------+        Down --no more--> Stopped
//! ```

mod attempts;
mod channels;
mod expected;
mod handshake;
mod info;
mod needs;
mod output;
mod refusal;
mod standing;

pub(crate) use expected::Expected;
pub(crate) use handshake::Identity;
pub use refusal::is_unwanted_password;

use crate::call_id::CallId;
use crate::commands::SendContext;
use crate::commands::push::{self, Push};
use crate::config::{ClientConfig, RetryPolicy};
use crate::effects::Effects;
use crate::error::Error;
use crate::ids::{AttemptId, IdSource};
use crate::key::LockKey;
use crate::mode::Mode;
use crate::requests::{Event, LogLevel};
use crate::resp::{Parser, Value, append_command};
use crate::slot_set::SlotSet;
use crate::time::Instant;
use crate::timers::Timer;
use attempts::Attempts;
use channels::{Channels, Heard};
use expected::Replies;
use handshake::{Handshake, Progress};
use output::Output;
use refusal::Refused;
use standing::Standing;
use std::time::Duration;

/// A connection that owes answers and says nothing for this long is given up, unless the options say otherwise: what
/// it owes is asked again on a new one. Well above what any script of ours or Redis' own BUSY limit (5 s) needs.
const SILENCE: Duration = Duration::from_secs(15);
/// A silence of this length is named in the error of a call that ends by its limit.
const TOLD_SILENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum Phase {
    Down,
    Connecting,
    Handshake(Box<Handshake>),
    Ready,
    Stopped,
}

/// What the connection has taken in.
#[derive(Debug)]
pub(crate) enum Input {
    Reply(Expected, Value),
    Push(Push),
    /// The slot's channel is subscribed to after it was refused, or had ended: of grants before that nobody heard.
    HearsAgain(u16),
    /// It is ready for calls.
    Ready,
    /// It is of no use, and those who wait are told.
    Failed(Error),
    /// It is of no use: to be lost for this reason.
    Useless(String),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Connection {
    phase: Phase,
    parser: Parser,
    out: Output,
    replies: Replies,
    attempts: Attempts,
    mode: Mode,
    channels: Channels,
    /// How the server knows this connection, or the last one.
    identity: Option<Identity>,
    /// Slots whose counter was synced with the server's time on this connection.
    synced: SlotSet,
    /// Slots of whose channel this connection hears; in a cluster only.
    heard_of: Heard,
    /// In a cluster: a slot of this node.
    slot: Option<u16>,
    last_progress: Instant,
    silence_armed: bool,
    /// A question about what was refused is due.
    ask_again_armed: bool,
    /// Scripts have to be sent by their text, always.
    by_text: bool,
    /// Something came from the server on this connection.
    heard: bool,
    last_reason: String,
    /// Why this connection is to be made anew.
    leaving: Option<String>,
    /// Lines that were written to the log already.
    noted: Vec<String>,
    standing: Standing,
    /// The server refuses a command that names keys of several slots. Once seen, that is taken for granted on later connections, too.
    keeps_to_slots: bool,
}

impl Connection {
    pub(crate) fn new(config: &ClientConfig) -> Self {
        Self {
            phase: Phase::Down,
            parser: Parser::new(config.secrets()),
            out: Output::default(),
            replies: Replies::default(),
            attempts: Attempts::default(),
            // Until it is known: nothing may be freed for want of what tells holds apart.
            mode: Mode::Polling,
            channels: Channels::default(),
            identity: None,
            synced: SlotSet::default(),
            heard_of: Heard::default(),
            slot: None,
            last_progress: Instant::from_nanos(0),
            silence_armed: false,
            ask_again_armed: false,
            by_text: false,
            heard: false,
            last_reason: String::new(),
            leaving: None,
            noted: Vec::new(),
            standing: Standing::default(),
            keeps_to_slots: config.cluster.is_some(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether there will be no connection any more.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Whether one is being made.
    pub(crate) fn is_connecting(&self) -> bool {
        matches!(self.phase, Phase::Connecting)
    }

    /// Why there is no connection.
    pub(crate) fn last_reason(&self) -> &str {
        &self.last_reason
    }

    /// Whether only the lock keys themselves may be used.
    pub(crate) fn is_plain(&self) -> bool {
        self.mode == Mode::Plain
    }

    /// Whether waiters stand in a queue and are told.
    pub(crate) fn hands_off(&self) -> bool {
        self.mode == Mode::HandOff
    }

    /// Whether a command may name keys of one slot only.
    pub(crate) fn keeps_to_slots(&self) -> bool {
        self.keeps_to_slots
    }

    /// This connection's name in the queues.
    pub(crate) fn client_id(&self) -> &AttemptId {
        &self.channels.client
    }

    /// Whether every script goes out with its text.
    pub(crate) fn sends_texts(&self) -> bool {
        self.by_text
    }

    /// Whether the slot's counter was synced with the server's time on this connection.
    pub(crate) fn is_synced(&self, slot: u16) -> bool {
        self.synced.has(slot)
    }

    /// The slots' counters were synced.
    pub(crate) fn set_synced(&mut self, keys: &[LockKey]) {
        keys.iter().for_each(|key| self.synced.add(key.slot()));
    }

    /// Whether anything came from the server on this connection.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// Whether a reply is expected that some call or WAIT needs.
    pub(crate) fn expects_reply(&self) -> bool {
        !self.replies.is_empty()
    }

    /// The calls that replies are expected for.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = CallId> + '_ {
        self.replies.calls()
    }

    /// Bytes to send.
    pub(crate) fn transmit(&self) -> &[u8] {
        self.out.rest()
    }

    /// `count` bytes of [`Self::transmit`] were sent.
    pub(crate) fn transmitted(&mut self, count: usize) {
        self.out.sent(count);
    }

    /// Writes a command: the only way for bytes to come here but the handshake's own. `whole` sends the script's text instead of its hash.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        expected: Expected,
        whole: bool,
        fx: &mut Effects,
        encode: impl FnOnce(SendContext<'_>, &mut Vec<u8>),
    ) {
        let (client, synced, in_cluster) = (&self.channels.client, &self.synced, self.keeps_to_slots);
        let context = SendContext { whole, client, synced, in_cluster };
        encode(context, self.out.end());
        self.replies.expect(expected, whole);
        self.expect_progress(now, config, fx);
    }

    /// Whether a command with a script's text is under way. What is sent now is behind it.
    pub(crate) fn has_text_under_way(&self) -> bool {
        self.replies.has_text()
    }

    /// In a cluster, whoever may wait for a key listens to the channel of its slot.
    pub(crate) fn listen_to(&mut self, now: Instant, config: &ClientConfig, slot: u16, fx: &mut Effects) {
        if config.cluster.is_none() || !self.hands_off() || self.heard_of.has(slot) {
            return;
        }
        self.heard_of.begin(slot);
        let channel = self.channels.grants_of(slot);
        self.send(now, config, Expected::SlotChannel(slot), false, fx, |_, out| {
            append_command(out, &[b"SSUBSCRIBE", &channel]);
        });
    }

    /// The last connection as the server knows it.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity.clone()
    }

    /// The next connection ends this one first, if the server still has it.
    pub(crate) fn succeed(&mut self, last: Identity) {
        self.identity = Some(last);
    }

    /// Asks for the first connection.
    pub(crate) fn connect(&mut self, fx: &mut Effects) {
        if self.attempts.failed() == 0 {
            self.reconnect(fx);
        }
    }

    /// Asks for a connection where there is none, and none is being made.
    pub(crate) fn reconnect(&mut self, fx: &mut Effects) {
        if matches!(self.phase, Phase::Down) {
            self.phase = Phase::Connecting;
            fx.tell(Event::Connect);
        }
    }

    /// A connection stands; nothing was sent on it yet. False where none is awaited any more: it was given up while it was being made.
    pub(crate) fn connected(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        ids: &mut IdSource,
        fx: &mut Effects,
    ) -> bool {
        if !matches!(self.phase, Phase::Connecting) {
            return false;
        }
        self.parser.reset();
        self.out.clear();
        self.attempts.found();
        self.synced.clear();
        self.heard_of.clear();
        self.heard = false;
        let mut client = ids.attempt();
        if let (Some(first), Some(_)) = (client.first_mut(), self.slot) {
            // Tells the scripts of others where this client listens.
            *first = b's';
        }
        self.channels = Channels { client, mark: ids.mark() };
        let previous = self.identity.clone();
        let handshake = Handshake::begin(config, self.channels, self.slot, previous, self.out.end());
        self.phase = Phase::Handshake(Box::new(handshake));
        self.expect_progress(now, config, fx);
        true
    }

    /// The master is elsewhere by now. True if this connection, or the attempt to make one, has to be given up: connecting to an address
    /// that is gone may take ten seconds. A pause before the next one ends.
    pub(crate) fn master_moved(&self, now: Instant, fx: &mut Effects) -> bool {
        if matches!(self.phase, Phase::Down) {
            fx.arm(now, Timer::Reconnect);
        }
        self.can_be_lost()
    }

    /// Whether bytes go to and fro.
    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Handshake(_) | Phase::Ready)
    }

    /// Whether it can be lost. One that was given up already ends for its own reason, too.
    pub(crate) fn can_be_lost(&self) -> bool {
        !matches!(self.phase, Phase::Down | Phase::Stopped)
    }

    /// The connection could not be made, or is gone. Gives what was sent and not answered. `lookup`: nobody could say where the master is.
    pub(crate) fn lose(&mut self, reason: &str, lookup: bool, fx: &mut Effects) -> Vec<Expected> {
        if !lookup {
            self.attempts.found();
        }
        self.leaving = None;
        let said = if let Phase::Handshake(handshake) = &mut self.phase {
            handshake.last_error.take().filter(|said| !reason.contains(said))
        } else {
            None
        };
        let reason =
            said.map_or_else(|| reason.to_owned(), |said| format!("{reason}, after it had said: {said}"));
        let was_ready = self.is_ready();
        self.out.clear();
        self.phase = Phase::Down;
        self.last_reason.clone_from(&reason);
        self.attempts.count();
        let unanswered = !self.replies.is_empty();
        self.standing.lost(was_ready, unanswered, &reason, fx);
        fx.tell(Event::Down { reason });
        self.replies.lose()
    }

    /// There will be no connection any more.
    pub(crate) fn stop(&mut self) {
        self.phase = Phase::Stopped;
    }

    /// Nobody could say where the master is.
    pub(crate) fn count_lookup(&mut self) {
        self.attempts.count_lookup();
    }

    /// Attempts to connect in a row, and how many of them could not even find out where.
    pub(crate) fn attempts(&self) -> (u32, u32) {
        (self.attempts.failed(), self.attempts.lookups())
    }

    /// Whether connections stand and are of no use.
    pub(crate) fn is_doubted(&self) -> bool {
        self.standing.is_doubted()
    }

    /// How long to wait before the next connect; `None`: there is none. True when every call fails from now on.
    pub(crate) fn reconnect_in(&mut self, now: Instant, pause: Option<Duration>, fx: &mut Effects) -> bool {
        if !matches!(self.phase, Phase::Down) {
            return false;
        }
        match pause {
            Some(pause) => fx.arm(now + pause, Timer::Reconnect),
            None => self.stop(),
        }
        pause.is_none()
    }

    /// The connection is gone. Why calls without a time limit wait no longer for the next one; `None`: they do.
    pub(crate) fn attempts_are_over(&mut self, now: Instant, retry: &RetryPolicy) -> Option<String> {
        self.attempts.are_over(now, retry)
    }

    /// The connection is ready, and nobody had to wait for it.
    pub(crate) fn nobody_waited(&mut self) {
        self.attempts.nobody_waited();
    }

    /// Bytes arrived; [`Self::next_input`] says what they were. Bytes of a connection that was given up are ignored.
    pub(crate) fn feed(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_open() {
            self.last_progress = now;
            self.heard = true;
            self.parser.feed(bytes);
        }
    }

    /// The next thing that came in; `None`: nothing, or the connection is gone.
    pub(crate) fn next_input(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        fx: &mut Effects,
    ) -> Option<Input> {
        while self.is_open() {
            let value = match self.parser.next_reply() {
                Ok(value) => value?,
                Err(malformed) => {
                    self.doubt();
                    return Some(Input::Useless(malformed.to_string()));
                }
            };
            let input = match (&mut self.phase, value) {
                (Phase::Handshake(handshake), Value::Push(push)) => {
                    handshake.handle_push(&push);
                    None
                }
                (Phase::Handshake(_), reply) => self.handshake_reply(now, config, &reply, fx),
                (_, Value::Push(push)) => self.take_push(push::decode(&push, &self.channels.client)),
                (_, reply) => self.take_reply(config, reply, fx),
            };
            if input.is_some() {
                return input;
            }
        }
        None
    }

    fn take_push(&mut self, push: Push) -> Option<Input> {
        match push {
            Push::Subscribed => self.channel_allowed(Refused::Channels),
            Push::SlotChannelOpen => {
                self.channel_allowed(Refused::SlotChannel);
                let slot = self.replies.slot_channel_opened()?;
                return self.heard_of.opened(slot).then_some(Input::HearsAgain(slot));
            }
            Push::SlotChannelGone(slot) => {
                self.heard_of.end(slot);
                return Some(Input::Push(push));
            }
            other => return Some(Input::Push(other)),
        }
        None
    }

    fn take_reply(&mut self, config: &ClientConfig, reply: Value, fx: &mut Effects) -> Option<Input> {
        if !matches!(reply, Value::Error(_)) && self.standing.proved_useful() {
            self.recovered(fx);
        }
        match self.replies.next() {
            Some(Expected::Nobody) => None,
            Some(Expected::Probe) => {
                self.probed(&reply, config);
                None
            }
            // A slot that has moved takes its waiters with it. If the slot has just come, the park behind this is answered: then the
            // channel is asked for again.
            Some(Expected::SlotChannel(slot)) => {
                self.heard_of.end(slot);
                None
            }
            Some(expected) => Some(Input::Reply(expected, reply)),
            None => {
                self.doubt();
                Some(Input::Useless(match &reply {
                    Value::Error(said) => format!("the server said: {said}"),
                    _ => "the server answered what was not asked".to_owned(),
                }))
            }
        }
    }

    fn handshake_reply(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        reply: &Value,
        fx: &mut Effects,
    ) -> Option<Input> {
        let Phase::Handshake(handshake) = &mut self.phase else { return None };
        match handshake.handle(config, reply, self.out.end()) {
            Progress::Pending => None,
            Progress::Loading(pause) => {
                self.last_progress = now + pause;
                fx.arm(now + pause, Timer::ReadyCheck);
                None
            }
            Progress::Useless(reason) => Some(Input::Useless(reason)),
            Progress::Failed(error) => Some(Input::Failed(error)),
            Progress::Ready { mode, why, password_unwanted } => {
                let notes = std::mem::take(&mut handshake.notes);
                self.identity = handshake.identity();
                self.by_text = handshake.by_text;
                self.keeps_to_slots |= handshake.is_cluster;
                let (replica, refused) = (handshake.replica, handshake.refused);
                for note in notes {
                    if !self.noted.contains(&note) {
                        self.noted.push(note.clone());
                        fx.log(LogLevel::Warn, note);
                    }
                }
                self.phase = Phase::Ready;
                self.mode = mode;
                if let Some(pause) = self.standing.stands(replica, refused)
                    && !std::mem::replace(&mut self.ask_again_armed, true)
                {
                    fx.arm(now + pause, Timer::AskAgain);
                }
                if !self.is_doubted() {
                    self.recovered(fx);
                }
                fx.tell(Event::Ready { mode, why, password_unwanted });
                Some(Input::Ready)
            }
        }
    }

    /// Time to ask again whether the server has loaded its data.
    pub(crate) fn ready_check_due(&mut self, now: Instant, config: &ClientConfig, fx: &mut Effects) {
        if let Phase::Handshake(handshake) = &mut self.phase {
            handshake.ask_ready(config, self.out.end());
            self.expect_progress(now, config, fx);
        }
    }

    /// The connection is to be made anew, once everything has its due.
    pub(crate) fn leave(&mut self, reason: &str) {
        self.leaving.get_or_insert_with(|| reason.to_owned());
    }

    /// Why the connection is to be made anew, once.
    pub(crate) fn take_leaving(&mut self) -> Option<String> {
        self.leaving.take()
    }

    /// From now on something is owed to us: watch that it comes.
    fn expect_progress(&mut self, now: Instant, config: &ClientConfig, fx: &mut Effects) {
        if self.replies.len() <= 1 {
            self.last_progress = now;
        }
        if !self.silence_armed {
            self.silence_armed = true;
            fx.arm(now + config.retry.silence.unwrap_or(SILENCE), Timer::Silence);
        }
    }

    /// For how long an answer that is owed has not come, if that is worth a word.
    pub(crate) fn silent_for(&self, now: Instant) -> Option<Duration> {
        let silence = now.since(self.last_progress);
        // Redis answers nothing behind a WAIT that waits for replicas.
        let is_owed = self.replies.front().is_some_and(|first| !matches!(first, Expected::Wait));
        (is_owed && silence >= TOLD_SILENCE).then_some(silence)
    }

    /// Time to see whether answers come. The reason to give the connection up, if they do not.
    pub(crate) fn silence_due(
        &mut self,
        now: Instant,
        config: &ClientConfig,
        fx: &mut Effects,
    ) -> Option<String> {
        self.silence_armed = false;
        let owed = matches!(self.phase, Phase::Handshake(_)) || !self.replies.is_empty();
        if !owed {
            return None;
        }
        let limit = config.retry.silence;
        let replication = config.safety.map_or(Duration::ZERO, |safety| safety.timeout);
        let end = self.last_progress + limit.unwrap_or(SILENCE) + replication;
        if now < end {
            self.silence_armed = true;
            fx.arm(end, Timer::Silence);
            return None;
        }
        self.doubt();
        Some(limit.map_or_else(
            || format!("no answer for {} s", SILENCE.as_secs()),
            |limit| {
                let ms = limit.as_millis();
                format!("Socket timeout. Expecting data, but didn't receive any in {ms}ms.")
            },
        ))
    }

    /// What the connection is used for does not work on it: the next one has to prove itself.
    pub(crate) fn doubt(&mut self) {
        self.standing.doubt();
    }

    fn recovered(&mut self, fx: &mut Effects) {
        self.attempts.succeeded();
        self.standing.recovered(fx);
    }

    /// A command was refused because it named keys of several slots. True when that is news.
    pub(crate) fn found_slots(&mut self) -> bool {
        !std::mem::replace(&mut self.keeps_to_slots, true)
    }

    /// Time to ask whether what was refused is allowed by now.
    pub(crate) fn ask_again_due(&mut self, now: Instant, config: &ClientConfig, fx: &mut Effects) {
        self.ask_again_armed = false;
        if !self.is_ready() {
            return;
        }
        let Some((refused, pause)) = self.standing.ask_again() else { return };
        let (channels, slot, by_text) = (self.channels, self.slot, self.by_text);
        self.send(now, config, Expected::Probe, false, fx, |_, out| {
            needs::ask_refused(refused, &channels, &config.prefix, slot, by_text, out);
        });
        self.ask_again_armed = true;
        fx.arm(now + pause, Timer::AskAgain);
    }

    /// The answer to that. What is allowed by now is made use of by a new connection.
    fn probed(&mut self, reply: &Value, config: &ClientConfig) {
        let is_allowed = |refused| needs::is_allowed(refused, reply, &config.secrets());
        let allowed = self.standing.refused().is_some_and(is_allowed);
        if self.standing.is_sure(allowed) {
            self.leave("what it refused is allowed by now");
        }
    }

    /// A channel was subscribed to that was refused before. That is told by a push, in place of an answer.
    fn channel_allowed(&mut self, awaited: Refused) {
        if self.standing.refused() == Some(awaited) && matches!(self.replies.front(), Some(Expected::Probe)) {
            self.replies.next();
            self.leave("what it refused is allowed by now");
        }
    }

    /// In a cluster: a slot of this node, to be told before it is connected to.
    pub(crate) fn set_slot(&mut self, slot: u16) {
        self.slot = Some(slot);
    }

    /// Of a client that is no connection but the way to the cluster's table of slots: the table was found.
    pub(crate) fn looked_up(&mut self) {
        if !self.is_stopped() {
            self.phase = Phase::Down;
            self.attempts.succeeded();
            self.last_reason.clear();
        }
    }
}

#[cfg(test)]
mod tests;
