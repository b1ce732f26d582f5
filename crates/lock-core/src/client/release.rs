//! Giving keys back: by owner on request, by attempt when an acquire came to nothing.

use super::claim::Offer;
use super::encoding::{append_eval, append_flag, append_side, append_ticket};
use super::link::Link;
use super::naming::list;
use super::replies::{number, server_text};
use super::requests::{LogLevel, Outcome, ReleaseRequest};
use super::run::{Rest, Served};
use super::{Client, Kind, State};
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{Value, append_header, append_integer, append_text};
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
    /// Nothing is freed: whether the lock is the owner's is looked at, for callers whose job has ended and whose lock others took over.
    Look,
}

#[derive(Debug)]
pub(super) struct Release {
    pub(super) keys: Arc<[LockKey]>,
    pub(super) owner: Owner,
    pub(super) by: By,
    pub(super) request: AttemptId,
    /// When Redis will have freed the keys by itself; until then an automatic release is repeated.
    pub(super) until: Option<Instant>,
    /// The job ended in time, and its lease is over at this moment: what Redis says later says nothing against it.
    pub(super) good_until: Option<Instant>,
    /// The release of an `execute` lock: goes on when its caller was told.
    pub(super) hold: bool,
    /// The claim by which the hold began.
    pub(super) claim: Option<u64>,
    /// The grant that the hold began on, as it may still stand in Redis.
    pub(super) grant: Option<Arc<[u8]>>,
    pub(super) offer: Option<Offer>,
    /// Who is told the same: callers whose job ended before, on this lock.
    pub(super) also: Vec<u64>,
    /// Of the run that it ends: who was served without a word to Redis.
    pub(super) served: Option<Served>,
    pub(super) sent_at: Instant,
}

impl Release {
    /// Of what was taken for nobody: no caller, and nobody named to be next.
    pub(super) fn automatic(
        now: Instant,
        keys: Arc<[LockKey]>,
        owner: Owner,
        by: By,
        request: AttemptId,
        until: Option<Instant>,
    ) -> Self {
        Self {
            keys,
            owner,
            by,
            request,
            until,
            good_until: None,
            hold: false,
            claim: None,
            grant: None,
            offer: None,
            also: Vec::new(),
            served: None,
            sent_at: now,
        }
    }

    pub(super) fn encode(&self, whole: bool, link: &Link, out: &mut Vec<u8>) {
        match (self.by, link.is_plain(), self.owner.is_unique()) {
            (By::Look, ..) => {
                append_header(out, 2);
                append_text(out, b"GET");
                self.keys.iter().for_each(|key| append_text(out, key.name()));
            }
            (By::Attempt(attempt), ..) => {
                append_eval(out, Script::Undo, whole, self.keys.len() * 4, 3);
                self.append_keys(true, out);
                append_text(out, self.owner.as_bytes());
                append_text(out, &attempt);
                append_flag(out, self.must_raise(link));
            }
            (By::Owner, true, _) => {
                append_eval(out, Script::Release, whole, self.keys.len(), 2);
                self.keys.iter().for_each(|key| append_text(out, key.name()));
                append_text(out, self.owner.as_bytes());
                append_integer(out, 1);
            }
            (By::Owner, false, true) => self.encode_hand_over(whole, link, out),
            (By::Owner, false, false) => {
                append_eval(out, Script::Release, whole, self.keys.len() * 4 + 1, 3);
                self.append_keys(true, out);
                if let Some(key) = self.keys.first() {
                    append_side(out, &mut Vec::new(), |side| key.remembered(&self.request, side));
                }
                append_text(out, self.owner.as_bytes());
                append_integer(out, 4);
                append_flag(out, self.must_raise(link));
            }
        }
    }

    fn encode_hand_over(&self, whole: bool, link: &Link, out: &mut Vec<u8>) {
        let alone = self.grant.is_none() && self.offer.is_none() && self.served.is_none();
        append_eval(out, Script::HandOver, whole, self.keys.len() * 3, if alone { 2 } else { 10 });
        self.append_keys(false, out);
        append_text(out, self.owner.as_bytes());
        append_flag(out, self.must_raise(link));
        if !alone {
            append_text(out, self.grant.as_deref().unwrap_or_default());
            append_text(out, link.client_id());
            Offer::encode(self.offer.as_ref(), out);
            append_ticket(out, self.served.map(|served| served.up_to));
        }
    }

    /// Whether Redis may have freed the lock by itself since the job ended in time.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.good_until.is_some_and(|until| now >= until)
    }

    pub(super) fn must_raise(&self, link: &Link) -> bool {
        self.keys.iter().any(|key| !link.is_raised(key.slot()))
    }

    /// Lock key, hold record if asked for, queue and counter of every lock.
    fn append_keys(&self, records: bool, out: &mut Vec<u8>) {
        let mut side = Vec::new();
        for key in self.keys.iter() {
            append_text(out, key.name());
            if records {
                append_side(out, &mut side, |side| key.record(side));
            }
            append_side(out, &mut side, |side| key.queue(side));
            append_side(out, &mut side, |side| key.counter(side));
        }
    }
}

impl Client {
    /// Gives keys back; ends with [`Outcome::Released`], [`Outcome::ReleasePending`] (for an `execute` lock) or
    /// [`Outcome::Failed`]. Allowed after [`Client::close`]: nothing may stay locked.
    pub fn release(&mut self, now: Instant, request: ReleaseRequest) {
        self.release_of(now, request, None);
    }

    /// `grant`: the one of a claim that is under way at another node.
    pub(crate) fn release_of(&mut self, now: Instant, request: ReleaseRequest, grant: Option<Arc<[u8]>>) {
        if self.follow(now, &request) {
            return;
        }
        let Rest { ended, mut served } = self.end_run(request.keys.first(), &request.owner);
        let superseded = request.claim.and_then(|claim| self.supersede(claim));
        if request.claim.is_some_and(|claim| !self.claims.contains_key(&claim)) {
            // It was not sent: since the grant, no command has brought the client into the queue but the parks that are answered exactly.
            served = served.filter(|_| superseded.is_none());
        }
        let release = Release {
            keys: request.keys,
            owner: request.owner,
            by: By::Owner,
            request: self.attempt(),
            until: request.lease_end,
            good_until: request.good_until,
            hold: request.lease_end.is_some(),
            claim: request.claim,
            grant: grant.or(superseded),
            offer: None,
            also: ended,
            served,
            sent_at: now,
        };
        if request.waited && self.link.is_ready() {
            self.urgent = true;
        }
        let keys = Arc::clone(&release.keys);
        let limit = request.limit.map(|limit| now + limit);
        let trouble = release.hold.then(|| self.link_trouble()).flatten();
        let index = self.add(now, Some(request.caller), Kind::Release(release), limit);
        if let Some(why) = trouble {
            // The job is done: its result does not wait for a server that is not there.
            self.tell(index, Outcome::ReleasePending(why));
        }
        self.next_in_line(now, &keys);
    }

    pub(super) fn release_reply(&mut self, now: Instant, index: u32, reply: &Value) {
        let tag = match reply {
            Value::Array(items) => items.first(),
            _ => None,
        };
        let (given, granted) = (tag == Some(&Value::Int(2)), tag == Some(&Value::Int(3)));
        let (token, horizon) = match reply {
            Value::Array(items) if given || granted => {
                (items.get(1).and_then(number), items.get(2).and_then(number))
            }
            _ => (None, None),
        };
        self.offer_answered(now, index, given, token, horizon);
        let Some(task) = self.tasks.get(index as usize) else { return };
        let Kind::Release(release) = &task.kind else { return };
        match (reply, release.by) {
            _ if given || granted => self.finish(index, Outcome::Released),
            (Value::Array(items), By::Owner) if items.first() == Some(&Value::Int(1)) => {
                let released = items.get(1) == Some(&Value::Int(1));
                // A unique owner's release is not remembered: "not yours" after a resend says that the first
                // one got through. After the lease's end it says that Redis has freed the lock by itself.
                let unknown = release.is_late(now) || (task.unsure && release.owner.is_unique());
                let outcome = if released || unknown {
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
            (Value::Text(holder), By::Look) => self.looked(now, index, Some(holder)),
            (Value::Nil, By::Look) => self.looked(now, index, None),
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
