//! The time without a connection, or without an answer: which calls wait for the next connection, and which fail. It follows ioredis' rules
//! where the options ask for them.

use super::state::Client;
use crate::backoff::{cluster_delay, doubtful_delay, lookup_delay, reconnect_delay};
use crate::call_id::CallId;
use crate::calls::{Call, Kind, MOST_CUTS, State};
use crate::config::PauseRule;
use crate::connection::Expected;
use crate::error::{Code, Error};
use crate::present::Present;
use crate::requests::{Event, Outcome};
use crate::time::Instant;

impl Client {
    /// Closes the connection and goes on as if it had broken.
    pub(crate) fn give_up(&mut self, now: Instant, reason: &str) {
        self.fx.tell(Event::Disconnect);
        self.lose(now, reason, false);
    }

    /// Makes a new connection because an error asked for it. First the client handles everything that was answered.
    pub(super) fn leave_in_time(&mut self, now: Instant) {
        if !self.calls.has_questions()
            && let Some(reason) = self.connection.take_leaving()
        {
            self.give_up(now, &reason);
        }
    }

    /// The connection could not be made, or is gone. `lookup`: nobody could say where the master is.
    pub(super) fn lose(&mut self, now: Instant, reason: &str, lookup: bool) {
        if !self.connection.can_be_lost() {
            return;
        }
        // The client does not wait for verdicts on errors.
        for (id, said) in self.calls.take_questions() {
            self.refused(now, id, said.shown().to_owned());
        }
        if self.connection.is_ready() {
            self.away_since = Some(now);
        }
        let unanswered = self.connection.lose(reason, lookup, &mut self.fx);
        self.return_to_backlog(now, &unanswered);
        if self.closed && self.calls.is_empty() {
            return self.connection.stop();
        }
        self.pause_before_reconnect(now);
        if let Some(why) = self.connection.attempts_are_over(now, &self.config.retry) {
            self.fail_waiting(now, why);
        }
    }

    /// The server may have executed a command that it did not answer. The client asks again, in the old order, after those who waited
    /// before.
    fn return_to_backlog(&mut self, now: Instant, unanswered: &[Expected]) {
        let parked = self.dissolve_queues();
        // Callers whose job has ended do not wait for a server that cannot be reached.
        for caller in self.cohorts.end_all() {
            self.fx.tell(Event::Done { caller, outcome: Outcome::Released });
        }
        self.officials.begin_anew(unanswered.iter().any(|sent| matches!(sent, Expected::Connections)));
        let taken = self.outbox.end_wait().into_iter();
        let sent = taken.chain(unanswered.iter().flat_map(Expected::calls).copied()).map(|id| (id, true));
        let collected = self.outbox.take_all().into_iter().map(|id| (id, false));
        for (id, executed) in sent.chain(collected).collect::<Vec<_>>().into_iter().rev() {
            let Some(call) = self.calls.get_mut(id).present() else { continue };
            call.in_doubt |= executed;
            if executed && self.fails_by_cuts(id) {
                continue;
            }
            self.calls.enqueue_first(id);
            if !self.config.retry.resends {
                self.fail_unanswered(now, id);
            }
        }
        for id in parked.into_iter().rev() {
            self.calls.enqueue_first(id);
        }
        // An unwanted acquire is rolled back instead of asked again. A claim whose job has ended was named in the job's release. The client
        // that should leave a queue does not exist any more.
        for id in self.calls.waiting() {
            let Some(call) = self.calls.get(id).present() else { continue };
            match &call.kind {
                Kind::Acquire(_) if !call.is_wanted() => self.roll_back(now, id, true),
                Kind::Claim(claim) if claim.superseded => self.forget_claim(id),
                Kind::Leave(leave) => {
                    self.waiters.left(&leave.key);
                    self.calls.forget(id);
                }
                _ => {}
            }
        }
    }

    /// The connection and its client are gone. The waiters of its queues ask again, with their old tickets.
    fn dissolve_queues(&mut self) -> Vec<CallId> {
        let mut parked: Vec<(u64, CallId)> = Vec::new();
        let acquires: Vec<CallId> = self
            .calls
            .iter()
            .filter(|(_, call)| matches!(call.kind, Kind::Acquire(_)))
            .map(|(id, _)| id)
            .collect();
        for id in acquires {
            let state = self.calls.state(id);
            let Some(acquire) = self.calls.acquire_mut(id).present() else { continue };
            acquire.may_take_grant = None;
            let place = acquire.place;
            if let Some(State::Parked | State::Hinted) = state {
                if let Some(call) = self.calls.get_mut(id) {
                    call.in_doubt = state == Some(State::Hinted) || place.is_some_and(|place| place.at > 0);
                }
                parked.push((place.map_or(0, |place| place.ticket), id));
            }
        }
        parked.sort_unstable();
        self.waiters.dissolve();
        parked.into_iter().map(|(_, id)| id).collect()
    }

    /// The connection broke before the answer to a `releaseAll`. True: the call has failed by it.
    fn fails_by_cuts(&mut self, id: CallId) -> bool {
        let Some(all) = self.calls.release_all_mut(id) else { return false };
        if !all.cut() {
            return false;
        }
        let message = format!(
            "releaseAll was given up: {MOST_CUTS} connections to Redis in a row broke before it had answered. {} locks were released.",
            all.freed()
        );
        let error = Error::new(Code::Unreachable, message);
        let error = error.with_cause(Some(self.connection.last_reason().to_owned()));
        self.finish(id, Outcome::Failed(error));
        true
    }

    /// The connection broke before the answer, and the options forbid to send again.
    fn fail_unanswered(&mut self, now: Instant, id: CallId) {
        if self.calls.get(id).is_some_and(Call::may_be_given_up) {
            let error = Error::new(
                Code::Unreachable,
                "The connection broke before Redis answered, and autoResendUnfulfilledCommands is false.",
            )
            .with_cause(Some(self.connection.last_reason().to_owned()));
            self.fail_or_roll_back(now, id, error);
        }
    }

    /// Decides when to connect again, or asks the user's function.
    fn pause_before_reconnect(&mut self, now: Instant) {
        let (retries, lookups) = self.connection.attempts();
        let lookup = lookups > 0;
        let retry = &self.config.retry;
        let rule = if lookup { retry.lookup_pause } else { retry.pause };
        let pause = match rule {
            PauseRule::Growing if lookup => Some(lookup_delay(lookups)),
            PauseRule::Growing if self.connection.is_doubted() => Some(doubtful_delay(retries)),
            PauseRule::Growing => Some(reconnect_delay(retries)),
            PauseRule::GrowingInCluster => Some(cluster_delay(retries)),
            PauseRule::Never => None,
            PauseRule::Asked => {
                let attempt = if lookup { lookups } else { retries };
                return self.fx.tell(Event::AskPause { attempt, lookup });
            }
        };
        self.pause_reconnect(now, pause);
    }

    /// How long to wait before the next connect. `None`: the client does not connect again, and every call fails from now on.
    pub(super) fn pause_reconnect(&mut self, now: Instant, pause: Option<std::time::Duration>) {
        if self.connection.reconnect_in(now, pause, &mut self.fx) {
            for id in self.calls.waiting() {
                self.fail_for_good(id);
            }
        }
    }

    /// Calls may not wait for a connection any longer. Calls with a time limit of their own wait until its end, unless the user set the
    /// number of reconnects.
    fn fail_waiting(&mut self, now: Instant, why: String) {
        let error =
            Error::new(Code::Unreachable, why).with_cause(Some(self.connection.last_reason().to_owned()));
        let all = self.config.retry.most_reconnects_for_all;
        for id in self.calls.waiting() {
            let fails = self
                .calls
                .get(id)
                .is_some_and(|call| call.may_be_given_up() && (all || call.limit.is_none()));
            if fails {
                self.fail_or_roll_back(now, id, error.clone());
            }
        }
    }

    /// The handshake failed, for example because of a refused password. The waiting calls are told, and the client goes on connecting.
    pub(super) fn handshake_failed(&mut self, now: Instant, error: &Error) {
        for id in self.calls.waiting() {
            if self.calls.get(id).is_some_and(Call::goes_on) {
                self.tell(id, Outcome::ReleasePending(error.message.clone()));
            } else {
                self.fail_or_roll_back(now, id, error.clone());
            }
        }
        self.give_up(now, &error.message);
    }

    pub(super) fn command_due(&mut self, now: Instant, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else { return };
        if call.command_limit.is_none_or(|limit| limit > now) || !call.is_wanted() {
            return;
        }
        call.command_limit = None;
        if !call.may_be_given_up() {
            return self.tell(id, Outcome::ReleasePending("Command timed out".to_owned()));
        }
        let error = Error::new(Code::CommandTimeout, "Command timed out")
            .with_keys(self.keys_of(id))
            .with_cause(self.trouble());
        self.abandon(now, id, error);
    }
}
