//! How connections fare: whether one has proved useful, what the log was told of an outage, and what was refused and may be
//! allowed later.

use super::Client;
use super::batch::Sent;
use super::requests::LogLevel;
use crate::needs::{self, SideKeys};
use crate::refusal::Refused;
use crate::resp::Value;
use crate::time::Instant;
use crate::timers::Timer;
use std::time::Duration;

/// Pauses between two questions about what was refused: the first, and the longest.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Most grants for nobody here that are passed on at a time. Each lapses by itself after two seconds, and a server that sends more
/// has lost its way.
const MOST_LEAVES: usize = 1_024;
/// Most reasons that one outage is told for.
const MOST_TOLD: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Connections stand, and end by what is said on them. Until one proves useful reconnects are counted on, so the pauses grow.
    doubted: bool,
    /// The server of this connection says that it is a replica.
    replica: bool,
    /// A command was answered on this connection, and not with an error.
    useful: bool,
    /// What the log was told of this outage; empty when there is none.
    told: Vec<String>,
    /// The first connection could not be made at once.
    late: bool,
    /// What was refused on this connection and may be allowed later.
    refused: Option<Refused>,
    /// The pause before it is asked for again.
    pause: Duration,
    /// Queues that are left by commands that are not answered.
    pub(super) leaves: usize,
}

impl Standing {
    /// Whether the next connection has to prove itself.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// Whether a grant for nobody here is passed on.
    pub(super) fn may_leave(&self) -> bool {
        self.leaves < MOST_LEAVES
    }
}

impl Client {
    /// What the connection is used for does not work on it: the next one has to prove itself.
    pub(super) fn doubt(&mut self) {
        self.link.standing.doubted = true;
    }

    /// A connection ended, or could not be made.
    pub(super) fn tell_outage(&mut self, was_ready: bool, reason: &str) {
        let standing = &mut self.link.standing;
        if was_ready && !standing.useful && !self.in_flight.is_empty() {
            standing.doubted = true;
        }
        let began = was_ready && standing.told.is_empty();
        // Of a first connection whoever waits for it tells.
        let news = was_ready || !standing.told.is_empty();
        standing.late |= !news;
        if !news || standing.told.len() >= MOST_TOLD || standing.told.iter().any(|told| told == reason) {
            return;
        }
        standing.told.push(reason.to_owned());
        let message = if began {
            format!("The connection to Redis was lost ({reason}); connecting again.")
        } else {
            format!("There is no connection to Redis yet ({reason}); connecting again.")
        };
        self.log(LogLevel::Warn, message);
    }

    /// A connection is ready.
    pub(super) fn stands(&mut self, now: Instant, replica: bool, refused: Option<Refused>) {
        let standing = &mut self.link.standing;
        standing.replica = replica;
        standing.doubted |= replica;
        standing.useful = false;
        if refused.is_none() || standing.refused != refused {
            standing.pause = ASK_AGAIN.0;
        }
        standing.refused = refused;
        if refused.is_some() {
            self.timers.set(now + standing.pause, Timer::AskAgain);
        }
        if !self.link.standing.doubted {
            self.recovered();
        }
    }

    /// A command was answered, and not with an error.
    pub(super) fn proved_useful(&mut self) {
        let standing = &mut self.link.standing;
        standing.useful = true;
        if standing.doubted && !standing.replica {
            standing.doubted = false;
            self.recovered();
        }
    }

    fn recovered(&mut self) {
        self.link.retries = 0;
        let late = std::mem::take(&mut self.link.standing.late);
        if !std::mem::take(&mut self.link.standing.told).is_empty() {
            self.log(LogLevel::Info, "Connected to Redis again.");
        } else if late {
            self.log(LogLevel::Info, "Connected to Redis.");
        }
    }

    /// Time to ask whether what was refused is allowed by now.
    pub(super) fn ask_again_due(&mut self, now: Instant) {
        let Some(refused) = self.link.standing.refused.filter(|_| self.link.is_ready()) else { return };
        let channel = self.link.losses();
        refused.ask(&channel, &mut self.out);
        if refused == Refused::SideKeys {
            let key = needs::probed_key(&self.config.prefix, self.link.slot());
            needs::ask_side_keys(&key, self.link.sends_texts(), &mut self.out);
        }
        self.in_flight.push_back(Sent::Again);
        self.expect_progress(now);
        let standing = &mut self.link.standing;
        standing.pause = (standing.pause * 2).min(ASK_AGAIN.1);
        self.timers.set(now + standing.pause, Timer::AskAgain);
    }

    /// The answer to that. What is allowed by now is made use of by a new connection.
    pub(super) fn asked_again(&mut self, reply: &Value) {
        let allowed = match self.link.standing.refused {
            None | Some(Refused::Channels) => false,
            Some(Refused::Resp3 | Refused::Info) => !matches!(reply, Value::Error(_)),
            Some(Refused::SideKeys) => needs::side_keys(reply, &self.config.secrets()) == SideKeys::Usable,
        };
        if allowed {
            self.link.leave("what it refused is allowed by now");
        }
    }

    /// A channel was subscribed to that was refused before. That is told by a push, in place of an answer.
    pub(super) fn channel_allowed(&mut self) {
        if self.link.standing.refused == Some(Refused::Channels)
            && matches!(self.in_flight.front(), Some(Sent::Again))
        {
            self.in_flight.pop_front();
            self.link.leave("what it refused is allowed by now");
        }
    }
}

/// Whether a push says that a channel is subscribed to.
pub(super) fn says_subscribed(push: &[Value]) -> bool {
    matches!(push.first(), Some(Value::Text(kind)) if kind == b"subscribe")
}
