//! Giving keys back: by owner on request, by attempt when an acquire came to nothing.

use super::acquire::list;
use super::replies::{append_eval, server_text};
use super::requests::{LogLevel, Outcome, ReleaseRequest};
use super::{Client, Kind, State, TaskKey};
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// Pause before a release that Redis answered with an error is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// What tells that a key is ours to free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The owner: asked for by a caller, or unique to one call.
    Owner,
    /// The attempt, as the hold record has it.
    Attempt(AttemptId),
}

#[derive(Debug)]
pub(super) struct Release {
    pub(super) keys: Arc<[LockKey]>,
    pub(super) owner: Owner,
    pub(super) by: By,
    pub(super) request: AttemptId,
    /// When Redis will have freed the keys by itself; until then an automatic release is repeated.
    pub(super) until: Option<Instant>,
    /// The release of an `execute` lock: goes on when its caller was told.
    pub(super) hold: bool,
}

impl Release {
    pub(super) fn encode(&self, whole: bool, resent: bool, plain: bool, out: &mut Vec<u8>) {
        let records = !plain && !self.owner.is_unique();
        let stride = if records { 2 } else { 1 };
        let keys = self.keys.len() * stride;
        let mut side = Vec::new();
        let mut append_keys = |out: &mut Vec<u8>| {
            for key in self.keys.iter() {
                append_text(out, key.name());
                if records {
                    side.clear();
                    key.record(&mut side);
                    append_text(out, &side);
                }
            }
        };
        match self.by {
            By::Owner => {
                let args = if records { 4 } else { 1 };
                append_eval(out, Script::Release, whole, keys + usize::from(records), args);
                append_keys(out);
                if records {
                    let mut remembered = Vec::new();
                    if let Some(key) = self.keys.first() {
                        key.remembered(&self.request, &mut remembered);
                    }
                    append_text(out, &remembered);
                }
                append_text(out, self.owner.as_bytes());
                if records {
                    append_integer(out, stride as u64);
                    append_text(out, b"1");
                    append_text(out, if resent { b"1" } else { b"0" });
                }
            }
            By::Attempt(attempt) => {
                append_eval(out, Script::Undo, whole, keys, 2);
                append_keys(out);
                append_text(out, self.owner.as_bytes());
                append_text(out, &attempt);
            }
        }
    }
}

impl Client {
    /// Gives keys back; ends with [`Outcome::Released`], [`Outcome::ReleasePending`] (for an `execute` lock) or
    /// [`Outcome::Failed`]. Allowed after [`Client::close`]: nothing may stay locked.
    pub fn release(&mut self, now: Instant, request: ReleaseRequest) -> TaskKey {
        let release = Release {
            keys: request.keys,
            owner: request.owner,
            by: By::Owner,
            request: self.attempt(),
            until: request.lease_end,
            hold: request.lease_end.is_some(),
        };
        let limit = request.limit.map(|limit| now + limit);
        let trouble = release.hold.then(|| self.link_trouble()).flatten();
        let index = self.add(now, Some(request.caller), Kind::Release(release), limit);
        if let Some(why) = trouble {
            // The job is done: its result does not wait for a server that is not there.
            self.tell(index, Outcome::ReleasePending(why));
        }
        index
    }

    pub(super) fn release_reply(&mut self, now: Instant, index: u32, reply: &Value) {
        let Some(task) = self.tasks.get(index as usize) else { return };
        let Kind::Release(release) = &task.kind else { return };
        match (reply, release.by) {
            (Value::Array(items), By::Owner) if items.first() == Some(&Value::Int(1)) => {
                let released = items.get(1) == Some(&Value::Int(1));
                // A unique owner's release is not remembered: "not yours" after a resend says that the first
                // one got through.
                let outcome = if released || (task.unsure && release.owner.is_unique()) {
                    Outcome::Released
                } else {
                    Outcome::NotHeld(self.named_in(&release.keys, items.get(2..).unwrap_or_default()))
                };
                self.finish(index, outcome);
            }
            (Value::Array(items), By::Attempt(_)) if items.first() == Some(&Value::Int(1)) => {
                let doubtful = self.named_in(&release.keys, items.get(1..).unwrap_or_default());
                if !doubtful.is_empty() {
                    let owner = format!("{:?}", release.owner);
                    self.log(
                        LogLevel::Warn,
                        format!("The lock on {} belongs to owner \"{owner}\", but nothing tells whether it is the one of a call that failed, so it was left alone.", list(&doubtful)),
                    );
                }
                self.forget(index);
            }
            (other, _) => self.release_failed(now, index, &server_text(other)),
        }
    }

    /// The caller's names of the keys that a reply gives the indexes of.
    pub(super) fn named_in(&self, keys: &[LockKey], indexes: &[Value]) -> Vec<String> {
        let key = |index: &Value| match index {
            Value::Int(at) => keys.get(usize::try_from(*at).ok()?),
            _ => None,
        };
        indexes.iter().filter_map(key).map(|key| self.namespace.caller_name(key)).collect()
    }

    fn release_failed(&mut self, now: Instant, index: u32, text: &str) {
        let keys = self.keys_of(index);
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Release(release) = &task.kind else { return };
        if task.caller.is_some() && !release.hold {
            let message = format!("Redis refused to release {}: {text}", list(&keys));
            let error = Error::new(Code::Refused, message).with_keys(keys).with_cause(Some(text.to_owned()));
            return self.finish(index, Outcome::Failed(error));
        }
        // Nobody else will free these keys, so it is tried until Redis has done so by itself.
        if release.until.is_some_and(|until| now + RETRY_PAUSE >= until) {
            return self.finish(index, Outcome::ReleasePending(text.to_owned()));
        }
        task.state = State::Pausing;
        self.timers.set(now + RETRY_PAUSE, Timer::Retry(index, task.serial));
        self.tell(index, Outcome::ReleasePending(text.to_owned()));
    }
}
