//! The connection's record: whether a connection has proved useful, what the log was told about an outage, and which refused right may be
//! allowed later.

use super::refusal::Refused;
use crate::effects::Effects;
use crate::requests::{Event, LogLevel};
use std::time::Duration;

/// Pauses between two questions about a refused right: the first, and the longest.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The server must count a message to the client itself as one this many times in a row.
const MOST_COUNTED: u32 = 3;
/// Most reasons that the log gets about one outage.
const MOST_TOLD: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Connections can be made, and end because of what the server says on them. Until one proves useful, the count of reconnects goes on,
    /// so the pauses grow.
    doubted: bool,
    /// The server of this connection says that it is a replica.
    replica: bool,
    /// The server answered a command on this connection, and not with an error.
    useful: bool,
    /// The lines that the log got about this outage. Empty: there is no outage.
    told: Vec<String>,
    /// The first connection could not be made at once.
    late: bool,
    /// The refused right on this connection that may be allowed later.
    refused: Option<Refused>,
    /// The pause before the client asks for it again.
    pause: Duration,
    /// How often in a row the server counted a message to the client itself as one.
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
        // The caller who waits for a first connection tells about it.
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

    /// A connection is ready. Returns the pause before the client asks again for a refused right, if there is one.
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

    /// The server answered a command, and not with an error. True: this ends a doubt.
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

    /// The right that was refused on this connection.
    pub(super) fn refused(&self) -> Option<Refused> {
        self.refused
    }

    /// Whether an answer proves that the client can use the refused right. A count of receivers may be right by chance: clients that listen
    /// to all channels come and go, and a proxy may ask one node or another.
    pub(super) fn is_sure(&mut self, allowed: bool) -> bool {
        self.counted = if allowed { self.counted + 1 } else { 0 };
        allowed && (self.refused != Some(Refused::Receivers) || self.counted >= MOST_COUNTED)
    }

    /// The right to ask for again now, and the pause before the next time.
    pub(super) fn ask_again(&mut self) -> Option<(Refused, Duration)> {
        let refused = self.refused?;
        self.pause = (self.pause * 2).min(ASK_AGAIN.1);
        Some((refused, self.pause))
    }
}
