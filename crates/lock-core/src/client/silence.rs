//! A connection that owes answers and does not give them.

use super::Client;
use crate::time::Instant;
use crate::timers::Timer;
use std::time::Duration;

/// A connection that owes answers and says nothing for this long is given up, unless the options say otherwise: what
/// it owes is asked again on a new one. Well above what any script of ours or Redis' own BUSY limit (5 s) needs.
const SILENCE: Duration = Duration::from_secs(15);

impl Client {
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
        let owed = self.link.shakes_hands() || !self.in_flight.is_empty();
        if !owed {
            return;
        }
        let limit = self.config.perseverance.silence;
        let end = self.link.last_progress + limit.unwrap_or(SILENCE) + self.replication_time();
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
            self.doubt();
            self.give_up(now, &reason);
        }
    }
}
