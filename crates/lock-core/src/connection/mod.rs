//! The connection and its phases: connecting, handshake, ready, and down again. Only this machine writes bytes, and it knows the receiver
//! of each reply.
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

/// The client gives up a connection that owes answers and says nothing for this long, unless the options say otherwise. It repeats the
/// unanswered commands on a new one. No script of this package takes nearly as long, nor does Redis' own BUSY limit (5 s).
const SILENCE: Duration = Duration::from_secs(15);
/// The error of a call that ends by its limit names a silence of at least this length.
const TOLD_SILENCE: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum Phase {
    Down,
    Connecting,
    Handshake(Box<Handshake>),
    Ready,
    Stopped,
}

/// An event that came in by the connection.
#[derive(Debug)]
pub(crate) enum Input {
    Reply(Expected, Value),
    Push(Push),
    /// The slot's channel is open after it was refused or had ended. The client heard of no grants in between.
    HearsAgain(u16),
    /// The connection is ready for calls.
    Ready,
    /// The connection is useless, and the waiting calls are told.
    Failed(Error),
    /// The connection is useless, and the client must end it for this reason.
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
    /// The server's identity for this connection, or for the last one.
    identity: Option<Identity>,
    /// Slots whose counter this connection has synced with the server's time.
    synced: SlotSet,
    /// Slots whose channels this connection hears. In a cluster only.
    heard_of: Heard,
    /// In a cluster: a slot of this node.
    slot: Option<u16>,
    last_progress: Instant,
    silence_armed: bool,
    /// A timer is set for the next question about a refusal.
    ask_again_armed: bool,
    /// The client must always send scripts by their text.
    by_text: bool,
    /// The server has sent something on this connection.
    heard: bool,
    last_reason: String,
    /// The reason why the client must make a new connection.
    leaving: Option<String>,
    /// Lines that the log has already.
    noted: Vec<String>,
    standing: Standing,
    /// The server refuses a command that names keys of several slots. After the first refusal this also counts for later connections.
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
            // The mode is not known yet. Nothing may be freed merely because holds cannot be told apart.
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

    /// Whether the client will not connect again.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Whether the client is connecting.
    pub(crate) fn is_connecting(&self) -> bool {
        matches!(self.phase, Phase::Connecting)
    }

    /// Why there is no connection.
    pub(crate) fn last_reason(&self) -> &str {
        &self.last_reason
    }

    /// Whether the client may use the lock keys only.
    pub(crate) fn is_plain(&self) -> bool {
        self.mode == Mode::Plain
    }

    /// Whether waiters stand in a queue and hear of grants.
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

    /// Whether this connection has synced the slot's counter with the server's time.
    pub(crate) fn is_synced(&self, slot: u16) -> bool {
        self.synced.has(slot)
    }

    /// The command synced these keys' counters.
    pub(crate) fn set_synced(&mut self, keys: &[LockKey]) {
        keys.iter().for_each(|key| self.synced.add(key.slot()));
    }

    /// Whether the server has sent anything on this connection.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// Whether a call or a WAIT needs a reply.
    pub(crate) fn expects_reply(&self) -> bool {
        !self.replies.is_empty()
    }

    /// The calls that wait for replies.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = CallId> + '_ {
        self.replies.calls()
    }

    /// Bytes to send.
    pub(crate) fn transmit(&self) -> &[u8] {
        self.out.rest()
    }

    /// The lane sent `count` bytes of [`Self::transmit`].
    pub(crate) fn transmitted(&mut self, count: usize) {
        self.out.sent(count);
    }

    /// Writes a command. Only this function and the handshake write bytes. `whole` sends the script's text instead of its hash.
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

    /// Whether a command with a script's text is under way. Commands that are sent now are behind it.
    pub(crate) fn has_text_under_way(&self) -> bool {
        self.replies.has_text()
    }

    /// In a cluster: listens to the channel of a slot, for calls that may wait for one of its keys.
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

    /// The server's identity for the last connection.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.identity.clone()
    }

    /// Makes the next connection end this one first, if the server still has it.
    pub(crate) fn succeed(&mut self, last: Identity) {
        self.identity = Some(last);
    }

    /// Asks for the first connection.
    pub(crate) fn connect(&mut self, fx: &mut Effects) {
        if self.attempts.failed() == 0 {
            self.reconnect(fx);
        }
    }

    /// Asks for a connection, unless there is one or the client is connecting.
    pub(crate) fn reconnect(&mut self, fx: &mut Effects) {
        if matches!(self.phase, Phase::Down) {
            self.phase = Phase::Connecting;
            fx.tell(Event::Connect);
        }
    }

    /// There is a connection, and nothing was sent on it yet. False: the client gave it up while it was being made.
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
            // Tells the scripts of other clients where this client listens.
            *first = b's';
        }
        self.channels = Channels { client, mark: ids.mark() };
        let previous = self.identity.clone();
        let handshake = Handshake::begin(config, self.channels, self.slot, previous, self.out.end());
        self.phase = Phase::Handshake(Box::new(handshake));
        self.expect_progress(now, config, fx);
        true
    }

    /// The master is elsewhere now. True: the client must give up this connection, or the attempt to make one, because connecting to an
    /// address that is gone may take ten seconds. Ends the pause before the next attempt.
    pub(crate) fn master_moved(&self, now: Instant, fx: &mut Effects) -> bool {
        if matches!(self.phase, Phase::Down) {
            fx.arm(now, Timer::Reconnect);
        }
        self.can_be_lost()
    }

    /// Whether bytes can be sent and received.
    fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Handshake(_) | Phase::Ready)
    }

    /// Whether the connection can be lost. A connection that was given up already also ends for a reason of its own.
    pub(crate) fn can_be_lost(&self) -> bool {
        !matches!(self.phase, Phase::Down | Phase::Stopped)
    }

    /// The connection could not be made, or is gone. Returns the unanswered commands. `lookup`: nobody could say where the master is.
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

    /// The client will not connect again.
    pub(crate) fn stop(&mut self) {
        self.phase = Phase::Stopped;
    }

    /// Nobody could say where the master is.
    pub(crate) fn count_lookup(&mut self) {
        self.attempts.count_lookup();
    }

    /// Failed attempts in a row, and how many of them could not even find out where to connect.
    pub(crate) fn attempts(&self) -> (u32, u32) {
        (self.attempts.failed(), self.attempts.lookups())
    }

    /// Whether the client connects and the connections turn out to be useless.
    pub(crate) fn is_doubted(&self) -> bool {
        self.standing.is_doubted()
    }

    /// How long to wait before the next connect. `None`: the client does not connect again. True: every call fails from now on.
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

    /// The connection is gone. Returns the reason why calls without a time limit do not wait for the next one any longer. `None`: they
    /// wait.
    pub(crate) fn attempts_are_over(&mut self, now: Instant, retry: &RetryPolicy) -> Option<String> {
        self.attempts.are_over(now, retry)
    }

    /// The connection is ready, and nobody had to wait for it.
    pub(crate) fn nobody_waited(&mut self) {
        self.attempts.nobody_waited();
    }

    /// Bytes arrived. [`Self::next_input`] interprets them. Bytes of a connection that was given up are ignored.
    pub(crate) fn feed(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_open() {
            self.last_progress = now;
            self.heard = true;
            self.parser.feed(bytes);
        }
    }

    /// The next event that came in. `None`: there is none, or the connection is gone.
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
            // A slot that has moved takes its waiters along. If the slot has only just arrived, the node answers the park behind this, and
            // then the client asks for the channel again.
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

    /// It is time to ask again whether the server has loaded its data.
    pub(crate) fn ready_check_due(&mut self, now: Instant, config: &ClientConfig, fx: &mut Effects) {
        if let Phase::Handshake(handshake) = &mut self.phase {
            handshake.ask_ready(config, self.out.end());
            self.expect_progress(now, config, fx);
        }
    }

    /// Makes the client end this connection as soon as it has handled everything that was answered.
    pub(crate) fn leave(&mut self, reason: &str) {
        self.leaving.get_or_insert_with(|| reason.to_owned());
    }

    /// Takes the reason why the client must make a new connection.
    pub(crate) fn take_leaving(&mut self) -> Option<String> {
        self.leaving.take()
    }

    /// An answer is owed from now on. Sets the timer that watches for it.
    fn expect_progress(&mut self, now: Instant, config: &ClientConfig, fx: &mut Effects) {
        if self.replies.len() <= 1 {
            self.last_progress = now;
        }
        if !self.silence_armed {
            self.silence_armed = true;
            fx.arm(now + config.retry.silence.unwrap_or(SILENCE), Timer::Silence);
        }
    }

    /// How long an owed answer has been missing, if that is worth a word in an error.
    pub(crate) fn silent_for(&self, now: Instant) -> Option<Duration> {
        let silence = now.since(self.last_progress);
        // Redis answers nothing behind a WAIT that waits for replicas.
        let is_owed = self.replies.front().is_some_and(|first| !matches!(first, Expected::Wait));
        (is_owed && silence >= TOLD_SILENCE).then_some(silence)
    }

    /// It is time to see whether answers come. Returns the reason to give the connection up, if they do not.
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

    /// The connection does not do what the client needs. The next one has to prove itself.
    pub(crate) fn doubt(&mut self) {
        self.standing.doubt();
    }

    fn recovered(&mut self, fx: &mut Effects) {
        self.attempts.succeeded();
        self.standing.recovered(fx);
    }

    /// The server refused a command because it named keys of several slots. True: this is new.
    pub(crate) fn found_slots(&mut self) -> bool {
        !std::mem::replace(&mut self.keeps_to_slots, true)
    }

    /// It is time to ask whether the server now allows what it refused.
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

    /// The answer to that question. If the server allows it now, the client makes a new connection to use it.
    fn probed(&mut self, reply: &Value, config: &ClientConfig) {
        let is_allowed = |refused| needs::is_allowed(refused, reply, &config.secrets());
        let allowed = self.standing.refused().is_some_and(is_allowed);
        if self.standing.is_sure(allowed) {
            self.leave("what it refused is allowed by now");
        }
    }

    /// A channel that was refused before is subscribed to now. The server tells this by a push, in place of a reply.
    fn channel_allowed(&mut self, awaited: Refused) {
        if self.standing.refused() == Some(awaited) && matches!(self.replies.front(), Some(Expected::Probe)) {
            self.replies.next();
            self.leave("what it refused is allowed by now");
        }
    }

    /// In a cluster: tells a slot of this node, before the client connects.
    pub(crate) fn set_slot(&mut self, slot: u16) {
        self.slot = Some(slot);
    }

    /// The table of slots was found. Only for the client that stands for the lookup and has no connection.
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
