//! Taking keys: one attempt, repeated with growing pauses while somebody else holds one of them.

use super::link::Link;
use super::release::{By, Release};
use super::replies::{append_eval, server_text};
use super::requests::{AcquireRequest, Hold, LogLevel, Outcome, Wanted};
use super::{Client, Kind, State, TaskKey, closed_error};
use crate::backoff::Backoff;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::margin;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Acquire {
    pub(super) keys: Arc<[LockKey]>,
    named: Vec<String>,
    pub(super) owner: Owner,
    attempt: AttemptId,
    lease: Option<Duration>,
    backoff: Option<Backoff>,
    sent_at: Instant,
}

impl Acquire {
    /// How many keys the script gets per lock: see the header of `acquire.lua`.
    fn stride(&self, plain: bool) -> usize {
        match (plain, self.owner.is_unique()) {
            (true, _) => 1,
            (false, true) => 2,
            (false, false) => 3,
        }
    }

    pub(super) fn encode(&mut self, now: Instant, whole: bool, link: &Link, out: &mut Vec<u8>) {
        self.sent_at = now;
        let stride = self.stride(link.is_plain());
        let raise = self.keys.iter().any(|key| !link.is_raised(key.slot()));
        let args = match (stride, raise) {
            (3, _) => 5,
            (_, true) => 4,
            (_, false) => 3,
        };
        append_eval(out, Script::Acquire, whole, self.keys.len() * stride, args);
        let mut side = Vec::new();
        for key in self.keys.iter() {
            append_text(out, key.name());
            if stride >= 2 {
                side.clear();
                key.counter(&mut side);
                append_text(out, &side);
            }
            if stride >= 3 {
                side.clear();
                key.record(&mut side);
                append_text(out, &side);
            }
        }
        append_text(out, self.owner.as_bytes());
        append_integer(out, self.lease.map_or(0, lease_ms));
        append_integer(out, stride as u64);
        if args >= 4 {
            append_text(out, if raise { b"1" } else { b"0" });
        }
        if args >= 5 {
            append_text(out, &self.attempt);
        }
    }

    /// When Redis itself will have freed what this attempt took.
    fn lapse(&self) -> Option<Instant> {
        self.lease.map(|lease| self.sent_at + lease)
    }
}

fn lease_margin(lease: Option<Duration>) -> Duration {
    lease.map_or(Duration::ZERO, margin)
}

fn lease_ms(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Client {
    /// Takes keys, all or none; ends with [`Outcome::Held`] or [`Outcome::Failed`].
    ///
    /// # Errors
    /// [`Code::Closed`] after [`Client::close`].
    pub fn acquire(&mut self, now: Instant, request: AcquireRequest) -> Result<TaskKey, Error> {
        if self.closed {
            return Err(closed_error());
        }
        let owner = match request.wanted {
            Wanted::Execute => self.ids.execute_owner(),
            Wanted::Named(name) => Owner::Named(name),
        };
        let acquire = Acquire {
            attempt: self.attempt(),
            backoff: request.wait.then(|| Backoff::new(&self.config.backoff)),
            keys: request.keys,
            named: request.named,
            owner,
            lease: request.lease,
            sent_at: now,
        };
        let limit = request.limit.map(|limit| now + limit);
        Ok(self.add(now, Some(request.caller), Kind::Acquire(acquire), limit))
    }

    pub(super) fn acquire_reply(&mut self, now: Instant, index: u32, reply: &Value) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Acquire(acquire) = &mut task.kind else { return };
        let unsure = std::mem::replace(&mut task.unsure, false);
        match reply {
            Value::Array(items) if items.first() == Some(&Value::Int(1)) => {
                acquire.keys.iter().for_each(|key| self.link.set_raised(key.slot()));
                if task.caller.is_none() {
                    return self.undo(now, index, false);
                }
                if acquire.lapse().is_some_and(|lapse| now >= lapse.back(lease_margin(acquire.lease))) {
                    // The answer took longer than the lease: whoever comes next may hold the keys by now.
                    return self.submit(now, index);
                }
                let hold = Hold {
                    keys: Arc::clone(&acquire.keys),
                    owner: acquire.owner.clone(),
                    tokens: items.iter().skip(1).filter_map(token).collect(),
                    lease: acquire.lease,
                    sent_at: acquire.sent_at,
                };
                self.finish(index, Outcome::Held(hold));
            }
            Value::Array(items) if items.first() == Some(&Value::Int(0)) => {
                if task.caller.is_none() {
                    return self.forget(index);
                }
                if let Some(backoff) = &mut acquire.backoff {
                    let pause = backoff.pause(&self.config.backoff, self.ids.jitter());
                    task.state = State::Pausing;
                    self.timers.set(now + pause, Timer::Retry(index, task.serial));
                } else {
                    let error = self.refused(index, items);
                    self.finish(index, Outcome::Failed(error));
                }
            }
            other => {
                let text = server_text(other);
                let keys = self.keys_of(index);
                let error =
                    Error::new(Code::Refused, format!("Redis refused to lock {}: {text}", list(&keys)))
                        .with_keys(keys)
                        .with_cause(Some(text));
                if unsure {
                    self.tell(index, Outcome::Failed(error));
                    self.undo(now, index, true);
                } else {
                    self.finish(index, Outcome::Failed(error));
                }
            }
        }
    }

    /// Somebody else holds a key: the error names the first of them in the caller's order.
    fn refused(&self, index: u32, items: &[Value]) -> Error {
        let Some(Kind::Acquire(acquire)) = self.tasks.get(index as usize).map(|task| &task.kind) else {
            return Error::new(Code::Internal, "A refused call is not known.");
        };
        let refused = self.named_in(&acquire.keys, items.get(1..).unwrap_or_default());
        let first = acquire.named.iter().find(|name| refused.contains(name)).or(refused.first());
        let message = format!("Failed to acquire lock for key \"{}\"", first.map_or("", |name| name));
        Error::new(Code::NotAcquired, message).with_keys(refused)
    }

    /// The time limit of a task is over.
    pub(super) fn limit_reached(&mut self, now: Instant, index: u32) {
        match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(_)) => {
                let error = Error::new(Code::Timeout, "Timed-out acquiring lock.")
                    .with_keys(self.keys_of(index))
                    .with_cause(self.link_trouble());
                self.abandon(now, index, error);
            }
            Some(Kind::Release(_)) => {
                let why = self.link_trouble().unwrap_or_else(|| "Redis has not answered yet".to_owned());
                self.tell(index, Outcome::ReleasePending(why));
            }
            Some(Kind::ReleaseAll(_) | Kind::Shorten(_)) | None => {}
        }
    }

    /// The caller waits no longer. What may have been taken, or may yet be, is given back.
    pub(super) fn abandon(&mut self, now: Instant, index: u32, error: Error) {
        self.tell(index, Outcome::Failed(error));
        let Some(task) = self.tasks.get(index as usize) else { return };
        match (task.state, task.unsure) {
            // The reply decides: a late grant is undone.
            (State::InFlight, _) => {}
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
        let release = Release {
            keys: Arc::clone(&acquire.keys),
            owner: acquire.owner.clone(),
            by,
            request,
            until,
            hold: false,
        };
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

    /// The caller's names of a task's keys.
    pub(super) fn keys_of(&self, index: u32) -> Vec<String> {
        match self.tasks.get(index as usize).map(|task| &task.kind) {
            Some(Kind::Acquire(acquire)) if !acquire.named.is_empty() => acquire.named.clone(),
            Some(Kind::Acquire(acquire)) => self.caller_names(&acquire.keys),
            Some(Kind::Release(release)) => self.caller_names(&release.keys),
            _ => Vec::new(),
        }
    }
}

fn token(item: &Value) -> Option<u64> {
    match item {
        Value::Int(token) => u64::try_from(*token).ok(),
        _ => None,
    }
}

/// `key "a"`, or `keys "a", "b"`.
pub(super) fn list(keys: &[String]) -> String {
    let word = if keys.len() == 1 { "key" } else { "keys" };
    format!("{word} \"{}\"", keys.join("\", \""))
}
