//! How connections fare: whether one has proved useful, what the log was told of an outage, and what was refused and may be
//! allowed later.

use super::refusal::Refused;
use crate::effects::Effects;
use crate::requests::{Event, LogLevel};
use std::time::Duration;

/// Pauses between two questions about what was refused: the first, and the longest.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A message to the client itself must be counted as one so often.
const MOST_COUNTED: u32 = 3;
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
    /// How often in a row a message to the client itself was counted as one.
    counted: u32,
}

impl Standing {
    /// Whether the next connection has to prove itself.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubted
    }

    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    /// A connection ended, or could not be made. `unanswered`: it owed answers.
    pub(super) fn lost(&mut self, was_ready: bool, unanswered: bool, reason: &str, fx: &mut Effects) {
        if was_ready && !self.useful && unanswered {
            self.doubted = true;
        }
        let began = was_ready && self.told.is_empty();
        // Of a first connection whoever waits for it tells.
        let news = was_ready || !self.told.is_empty();
        self.late |= !news;
        if !news || self.told.len() >= MOST_TOLD || self.told.iter().any(|told| told == reason) {
            return;
        }
        self.told.push(reason.to_owned());
        let message = if began {
            format!("The connection to Redis was lost ({reason}); connecting again.")
        } else {
            format!("There is no connection to Redis yet ({reason}); connecting again.")
        };
        fx.log(LogLevel::Warn, message);
    }

    /// A connection is ready. The pause before what was refused is asked for again, if something was.
    pub(super) fn stands(&mut self, replica: bool, refused: Option<Refused>) -> Option<Duration> {
        self.replica = replica;
        self.doubted |= replica;
        self.useful = false;
        if refused.is_none() || self.refused != refused {
            self.pause = ASK_AGAIN.0;
        }
        self.refused = refused;
        self.counted = 0;
        refused.map(|_| self.pause)
    }

    /// A command was answered, and not with an error. True when that ends a doubt.
    pub(super) fn proved_useful(&mut self) -> bool {
        self.useful = true;
        let ends = self.doubted && !self.replica;
        self.doubted &= !ends;
        ends
    }

    /// The outage is over.
    pub(super) fn recovered(&mut self, fx: &mut Effects) {
        let late = std::mem::take(&mut self.late);
        let again = !std::mem::take(&mut self.told).is_empty();
        if again || late {
            fx.tell(Event::Recovered { again });
        }
    }

    /// What was refused on this connection.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether an answer shows that what was refused can be made use of. A count of receivers may be right by chance: others who hear all channels
    /// come and go, and a proxy may ask one node or another.
    pub(super) fn is_sure(&mut self, allowed: bool) -> bool {
        self.counted = if allowed { self.counted + 1 } else { 0 };
        allowed && (self.refused != Some(Refused::Receivers) || self.counted >= MOST_COUNTED)
    }

    /// What is asked for again now, and the pause before the next time.
    pub(super) fn ask_again(&mut self) -> Option<(Refused, Duration)> {
        let refused = self.refused?;
        self.pause = (self.pause * 2).min(ASK_AGAIN.1);
        Some((refused, self.pause))
    }
}
