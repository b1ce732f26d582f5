//! Interprets the answers to releases, to claims, and to commands that nobody waits for.

use super::state::{Client, list};
use crate::call_id::CallId;
use crate::calls::{By, Hint, Kind, State};
use crate::cohort::Followers;
use crate::commands::Returned;
use crate::commands::revoke::Revoked;
use crate::error::{Code, Error};
use crate::present::Present;
use crate::requests::{Event, LogLevel, Outcome};
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// Pause before the client repeats a release that Redis answered with an error.
const RELEASE_RETRY: Duration = Duration::from_millis(500);
/// The same for a claim.
const CLAIM_RETRY: Duration = Duration::from_millis(100);

impl Client {
    pub(super) fn returned(&mut self, now: Instant, id: CallId, returned: Returned) {
        self.hint_answered(now, id, Some(&returned));
        let Some(call) = self.calls.get(id).present() else { return };
        let Kind::Release(release) = &call.kind else {
            return debug_assert!(false, "the answer to a release for another call");
        };
        match returned {
            Returned::Given { .. } | Returned::Granted { .. } | Returned::Released => {
                self.finish(id, Outcome::Released);
            }
            Returned::NotHeld(at) => {
                // Redis does not remember the release of a unique owner. "Not yours" after a resend means that the first release was
                // executed. After the lease's end it means that Redis has freed the lock by itself.
                let unknown = release.is_late(now) || (call.in_doubt && release.owner.is_unique());
                let outcome = if unknown {
                    Outcome::Released
                } else {
                    Outcome::NotHeld(self.named_at(&release.keys, &at))
                };
                self.finish(id, outcome);
            }
            Returned::RolledBack { doubtful } => {
                if !doubtful.is_empty() {
                    let keys = list(&self.named_at(&release.keys, &doubtful));
                    let message = format!(
                        "The lock on {keys} belongs to owner \"{:?}\", but nothing tells whether it is the one of a call that failed, so it was left alone.",
                        release.owner
                    );
                    self.fx.log(LogLevel::Warn, message);
                }
                self.finish(id, Outcome::Released);
            }
        }
    }

    /// Interprets the answer to a release for the waiter that the release named.
    pub(super) fn hint_answered(&mut self, now: Instant, id: CallId, returned: Option<&Returned>) {
        let Some(release) = self.calls.release_mut(id).present() else { return };
        let (keys, hint, sent_at) = (Arc::clone(&release.keys), release.hint.take(), release.sent_at);
        let Some(key) = keys.first().present() else { return };
        let (given, token, first_foreign_ticket) = match returned {
            Some(Returned::Given { token, first_foreign_ticket }) => (true, *token, *first_foreign_ticket),
            Some(Returned::Granted { token }) => (false, *token, None),
            _ => (false, None, None),
        };
        if let Some(Hint { hint, successor: Some(waiter) }) = hint
            && self.calls.state(waiter) == Some(State::Hinted)
        {
            self.calls.set_state(waiter, State::Parked);
            let Some(call) = self.calls.get(waiter).present() else { return };
            let waits = matches!(&call.kind, Kind::Acquire(acquire) if acquire.place.is_some());
            match (given, call.is_wanted()) {
                (true, _) => {
                    if let (Some(token), Some(first_foreign_ticket)) = (token, first_foreign_ticket) {
                        let count = hint.successor.map_or(0, |successor| successor.followers);
                        let followers = Followers { token: token + 1, count, first_foreign_ticket };
                        self.begin_cohort(now, waiter, sent_at, followers, None);
                    }
                    return self.held(now, waiter, token.into_iter().collect(), sent_at);
                }
                (false, false) => self.withdraw(now, waiter),
                // All waiters poll by now.
                (false, true) if !waits => self.pause(now, waiter),
                (false, true) => {}
            }
        }
        match token {
            Some(token) => self.granted(now, key, token, None, Some(sent_at)),
            None => self.dispatch_grant(now, key),
        }
    }

    pub(super) fn release_failed(&mut self, now: Instant, id: CallId, text: &str) {
        let keys = self.keys_of(id);
        let Some(call) = self.calls.get(id).present() else { return };
        let Kind::Release(release) = &call.kind else {
            return debug_assert!(false, "the answer to a release for another call");
        };
        if call.may_be_given_up() {
            let message = format!("Redis refused to release {}: {text}", list(&keys));
            let error = Error::new(Code::Refused, message).with_keys(keys).with_cause(Some(text.to_owned()));
            return self.finish(id, Outcome::Failed(error));
        }
        if let By::Attempt(attempt) = release.by
            && self.connection.is_plain()
        {
            // This connection may not use hold records, so nothing can identify the attempt any more. The log says so.
            let (owner, keys) = (release.owner.clone(), Arc::clone(&release.keys));
            self.gives_back_by(&owner, attempt, &keys, false);
            return self.finish(id, Outcome::Released);
        }
        // Nobody else will free these keys. The client repeats the release until Redis has freed them by itself.
        if release.until.is_some_and(|until| now + RELEASE_RETRY >= until) {
            return self.finish(id, Outcome::ReleasePending(text.to_owned()));
        }
        self.calls.set_state(id, State::Pausing);
        self.fx.arm(now + RELEASE_RETRY, Timer::Retry(id));
        self.tell(id, Outcome::ReleasePending(text.to_owned()));
    }

    /// The answer to the question who owns the lock of a cohort, for callers whose jobs have ended.
    pub(super) fn owner_verified(&mut self, now: Instant, id: CallId, holder: Option<&[u8]>) {
        self.hint_answered(now, id, None);
        let Some(call) = self.calls.get(id).present() else { return };
        let Kind::Release(release) = &call.kind else {
            return debug_assert!(false, "the answer to a release for another call");
        };
        // The same holds as for a release: after a broken connection the cohort may have ended.
        let own = holder == Some(release.owner.as_bytes())
            || holder.is_some() && holder == release.grant.as_deref();
        if own || call.in_doubt || release.is_late(now) {
            return self.finish(id, Outcome::Released);
        }
        let keys = self.caller_names(&release.keys);
        let taken = release.keys.first().cloned();
        self.finish(id, Outcome::NotHeld(keys));
        // Another job of the cohort may be running.
        taken.into_iter().for_each(|key| self.fx.tell(Event::TakenAway { key }));
    }

    pub(super) fn revoked(&mut self, now: Instant, id: CallId, revoked: Revoked) {
        let Some(all) = self.calls.release_all_mut(id).present() else { return };
        match revoked {
            Revoked::Freed(count) => all.batch_freed(count),
            Revoked::Found { cursor, names } => all.take_found(cursor, names),
        }
        self.revoke_on(now, id);
    }

    /// Asks for the next portion, or ends.
    pub(super) fn revoke_on(&mut self, now: Instant, id: CallId) {
        let Some(all) = self.calls.release_all_mut(id).present() else { return };
        if all.is_done() {
            let freed = all.freed();
            let outcome = if all.has_moved() { Outcome::FreedSome(freed) } else { Outcome::Freed(freed) };
            self.finish(id, outcome);
        } else {
            self.submit(now, id);
        }
    }

    /// The answer to the claim of a hold that began on a grant. `is_held`: the lock is its owner's.
    pub(super) fn claimed(&mut self, now: Instant, id: CallId, is_held: bool) {
        let Some(claim) = self.calls.claim(id).present() else { return };
        let (key, sent_at) = (claim.key.clone(), is_held.then_some(claim.sent_at));
        if !claim.superseded {
            let verification = self.cohorts.claimed(&key, id.serial, sent_at);
            self.verify(now, verification);
            self.fx.tell(match sent_at {
                Some(sent_at) => Event::Claimed { claim: id.serial, sent_at },
                None => Event::ClaimLost { claim: id.serial },
            });
        }
        self.forget_claim(id);
        self.dispatch_grant(now, &key);
    }

    /// Redis did not execute the claim. This says nothing about the grant, so the client repeats the claim while the grant may stand.
    pub(super) fn claim_failed(&mut self, now: Instant, id: CallId) {
        let Some(claim) = self.calls.claim(id).present() else { return };
        if claim.superseded || now + CLAIM_RETRY >= claim.until {
            let key = claim.key.clone();
            // The lease ends with the grant.
            self.forget_claim(id);
            return self.dispatch_grant(now, &key);
        }
        self.calls.set_state(id, State::Pausing);
        self.fx.arm(now + CLAIM_RETRY, Timer::Retry(id));
    }

    /// The answer to a command that nobody waits for: the client left a queue, or renewed a hold.
    pub(super) fn forget_upkeep(&mut self, now: Instant, id: CallId) {
        let key = match self.calls.get(id).map(|call| &call.kind) {
            Some(Kind::Leave(leave)) => Some(leave.key.clone()),
            _ => None,
        };
        self.calls.forget(id);
        if let Some(key) = key {
            self.waiters.left(&key);
            self.dispatch_grant(now, &key);
        }
    }
}
