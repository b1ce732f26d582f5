//! Calls that nobody waits for any more: what they took, or may yet take, goes back.

use super::naming::list;
use super::release::{By, Release};
use super::requests::{LogLevel, Outcome, Patience};
use super::{Client, Kind, State};
use crate::error::{Code, Error};
use crate::ids::Owner;
use crate::time::Instant;
use std::sync::Arc;

impl Client {
    /// The time limit of a task is over.
    pub(super) fn limit_reached(&mut self, now: Instant, index: u32) {
        match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(acquire)) => {
                let error = if matches!(acquire.patience, Patience::TryFor(_)) {
                    self.not_acquired(index)
                } else {
                    Error::new(Code::Timeout, "Timed-out acquiring lock.").with_keys(self.keys_of(index))
                };
                let error = error.with_cause(self.link_trouble());
                self.abandon(now, index, error);
            }
            Some(Kind::Release(_)) => {
                let why = self.link_trouble().unwrap_or_else(|| "Redis has not answered yet".to_owned());
                self.tell(index, Outcome::ReleasePending(why));
            }
            Some(Kind::ReleaseAll(_) | Kind::Upkeep(_) | Kind::Claim(_) | Kind::Leave(_)) | None => {}
        }
    }

    /// The caller waits no longer. What may have been taken, or may yet be, is given back.
    pub(super) fn abandon(&mut self, now: Instant, index: u32, error: Error) {
        self.tell(index, Outcome::Failed(error));
        let Some(task) = self.tasks.get(index as usize) else { return };
        match (task.state, task.unsure) {
            // The reply decides: a late grant is undone.
            (State::InFlight | State::Offered | State::Judged | State::Unacknowledged, _) => {}
            (State::Parked, _) => self.withdraw(now, index),
            (State::Backlog, true) => self.undo(now, index, true),
            (State::Backlog, false) | (State::Pausing, _) => self.forget(index),
        }
    }

    /// Turns an acquire that nobody wants into giving back what it took. `unsure`: it may have taken nothing.
    pub(super) fn undo(&mut self, now: Instant, index: u32, unsure: bool) {
        let plain = self.link.is_plain();
        let request = self.attempt();
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &task.kind else { return };
        let by = match (&acquire.owner, plain, unsure) {
            (Owner::Execute(_), _, _) | (Owner::Named(_), true, false) => By::Owner,
            (Owner::Named(_), false, _) => By::Attempt(acquire.attempt),
            (Owner::Named(_), true, true) => {
                // Without a hold record nothing tells our hold from another of the same owner: do not free.
                let keys = list(&self.keys_of(index));
                let owner = format!("{:?}", self.owner_of(index));
                self.log(
                    LogLevel::Warn,
                    format!("Whether the lock on {keys} was taken for owner \"{owner}\" is not known, and this Redis user may not use side keys to find out. If it stays, release it by hand."),
                );
                return self.forget(index);
            }
        };
        let until = acquire.lapse();
        if until.is_some_and(|until| now >= until) {
            return self.forget(index);
        }
        let (keys, owner) = (Arc::clone(&acquire.keys), acquire.owner.clone());
        let release = Release::automatic(now, keys, owner, by, request, until);
        task.kind = Kind::Release(release);
        task.limit = None;
        task.unsure = false;
        if task.state != State::Backlog {
            self.submit(now, index);
        }
    }

    fn owner_of(&self, index: u32) -> Option<&Owner> {
        match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(acquire)) => Some(&acquire.owner),
            Some(Kind::Release(release)) => Some(&release.owner),
            _ => None,
        }
    }
}
