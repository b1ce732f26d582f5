//! The client's parts, and the functions that all its other files need: names of keys, and telling callers.

use crate::call_id::CallId;
use crate::calls::{Call, Calls, Kind};
use crate::cohort::Cohorts;
use crate::config::ClientConfig;
use crate::connection::Connection;
use crate::effects::Effects;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, IdSource, Owner};
use crate::key::{LockKey, Namespace};
use crate::official_callers::OfficialCallers;
use crate::outbox::Outbox;
use crate::poll_lines::PollLines;
use crate::present::Present;
use crate::requests::{Event, Outcome};
use crate::resp::Said;
use crate::time::Instant;
use crate::waiters::Waiters;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Longest key that a caller may name, in bytes.
const LONGEST_KEY: usize = 1 << 20;

/// The state machine of one client. Owned by one lane and called from one thread at a time.
#[derive(Debug)]
pub struct Client {
    pub(super) config: ClientConfig,
    pub(super) namespace: Namespace,
    pub(super) ids: IdSource,
    pub(super) fx: Effects,
    pub(super) connection: Connection,
    pub(super) calls: Calls,
    pub(super) waiters: Waiters,
    pub(super) outbox: Outbox,
    pub(super) cohorts: Cohorts,
    pub(super) lines: PollLines,
    pub(super) officials: OfficialCallers,
    /// Commands that a node of a cluster redirected.
    pub(super) redirected: Vec<Redirected>,
    /// The bytes to send should leave at once.
    pub(super) urgent: bool,
    pub(super) closed: bool,
    /// The process ends, so the client acquires nothing any more.
    pub(super) exiting: bool,
    /// Since when there is no ready connection. `None`: there is one, or there has never been one.
    pub(super) away_since: Option<Instant>,
}

/// A redirected command. The node executed nothing of it.
#[derive(Debug)]
pub(crate) struct Redirected {
    pub(crate) call: CallId,
    pub(crate) redirect: Redirect,
    /// The server's text.
    pub(crate) text: String,
}

/// A node's answer to a command that belongs elsewhere. Source: Redis Cluster specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// Another node has the slot: `host:port`. An empty host is the answering node's own.
    Moved(u16, String),
    /// The key is at the node that is about to get the slot.
    Ask(String),
    /// The keys are being moved. The client asks again in a moment.
    TryAgain,
    /// The cluster lacks nodes, or the slot lacks a master.
    Down,
    /// The command named keys of several slots. A server behind one address may refuse this, too.
    CrossSlot,
}

impl Redirect {
    pub(super) fn parse(said: &Said) -> Option<Self> {
        if is_readonly(said) {
            // This master has just stepped down and does not know its successor yet.
            return Some(Self::Down);
        }
        let text = std::str::from_utf8(said).ok()?;
        let mut words = text.split(' ');
        let kind = words.next()?;
        let mut target = || Some((words.next()?.parse().ok()?, words.next()?.to_owned()));
        match kind {
            "MOVED" => target().map(|(slot, address)| Self::Moved(slot, address)),
            "ASK" => target().map(|(_, address): (u16, String)| Self::Ask(address)),
            "TRYAGAIN" => Some(Self::TryAgain),
            "CLUSTERDOWN" => Some(Self::Down),
            _ => None,
        }
    }
}

/// Whether the server says that it is a replica. Redis 6.2 wraps an error that a script raised.
pub(super) fn is_readonly(text: &[u8]) -> bool {
    text.starts_with(b"READONLY") || memchr::memmem::find(text, b"-READONLY ").is_some()
}

pub(crate) fn closed_error() -> Error {
    Error::new(Code::Closed, "The locking provider was shut down; it takes no more calls.")
}

/// `key "a"`, or `keys "a", "b"`.
pub(super) fn list(keys: &[String]) -> String {
    let word = if keys.len() == 1 { "key" } else { "keys" };
    format!("{word} \"{}\"", keys.join("\", \""))
}

/// A timer that fires later than this was held up.
const PUNCTUAL: Duration = Duration::from_millis(100);

impl Client {
    /// The lock keys for the keys that a caller named: each key once, in the order in which all clients take keys.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a key that is too long or begins like a side key.
    pub fn parse_keys(&self, named: &[String]) -> Result<Arc<[LockKey]>, Error> {
        let mut keys = Vec::with_capacity(named.len());
        for name in named {
            if name.len() > LONGEST_KEY {
                let start: String = name.chars().take(40).collect();
                return Err(Error::new(
                    Code::InvalidArgument,
                    format!(
                        "The key \"{start}…\" is {} bytes long, more than the {LONGEST_KEY} allowed.",
                        name.len()
                    ),
                ));
            }
            keys.push(self.namespace.key(name).ok_or_else(|| {
                Error::new(
                    Code::InvalidArgument,
                    format!("The key \"{name}\" would begin with \"mlr!{{\" in Redis, which is kept for this package's own keys."),
                )
                .with_keys(vec![name.clone()])
            })?);
        }
        if keys.len() > 1 {
            keys.sort_unstable();
            keys.dedup();
        }
        Ok(keys.into())
    }

    /// The keys as callers name them.
    #[must_use]
    pub fn caller_names(&self, keys: &[LockKey]) -> Vec<String> {
        keys.iter().map(|key| self.namespace.caller_name(key)).collect()
    }

    /// The caller's names of a call's keys.
    pub(super) fn keys_of(&self, id: CallId) -> Vec<String> {
        match self.calls.get(id).map(|call| &call.kind) {
            Some(Kind::Acquire(acquire)) if !acquire.named.is_empty() => acquire.named.clone(),
            Some(Kind::Acquire(acquire)) => self.caller_names(&acquire.keys),
            Some(Kind::Release(release)) => self.caller_names(&release.keys),
            _ => Vec::new(),
        }
    }

    /// The caller's names of the keys at these places.
    pub(super) fn named_at(&self, keys: &[LockKey], at: &[usize]) -> Vec<String> {
        at.iter().filter_map(|at| keys.get(*at)).map(|key| self.namespace.caller_name(key)).collect()
    }

    /// The error for a key that somebody else holds. It names the first such key in the caller's order.
    pub(super) fn not_acquired(&self, id: CallId) -> Error {
        let Some(acquire) = self.calls.acquire(id).present() else {
            return Error::new(Code::Internal, "A refused call is not known.");
        };
        let at: Vec<usize> = acquire.refused.iter().map(|at| *at as usize).collect();
        let refused = self.named_at(&acquire.keys, &at);
        let among: BTreeSet<&String> = refused.iter().collect();
        let first = acquire.named.iter().find(|name| among.contains(name)).or(refused.first());
        let message = format!("Failed to acquire lock for key \"{}\"", first.map_or("", |name| name));
        Error::new(Code::NotAcquired, message).with_keys(refused)
    }

    /// Why there is no connection: the cause of a time-out's error.
    pub(super) fn trouble(&self) -> Option<String> {
        (!self.connection.is_ready()).then(|| match self.connection.last_reason() {
            "" => "not connected to Redis yet".to_owned(),
            reason => reason.to_owned(),
        })
    }

    /// The reason why a call has no answer: there is no connection, the server says nothing, or no node takes the call. `due`: when the
    /// timer was due that asks for it. If it fires long after that, the thread was blocked, and the answer may lie unread.
    pub(super) fn hindrance(&self, now: Instant, id: CallId, due: Instant) -> Option<String> {
        let silence = || self.connection.silent_for(now).filter(|_| now.since(due) < PUNCTUAL);
        let silence =
            || silence().map(|time| format!("Redis has not answered for {:.1} s", time.as_secs_f64()));
        self.trouble().or_else(silence).or_else(|| self.circles(id))
    }

    /// Whether the call was redirected so often in a row that the nodes seem to disagree about its slot.
    pub(crate) fn is_sent_in_circles(&self, id: CallId) -> bool {
        self.calls.get(id).is_some_and(|call| self.is_redirected_beyond(call, 1))
    }

    /// Whether the call was redirected in a row more often than `times` times the limit of the cluster's rules.
    pub(super) fn is_redirected_beyond(&self, call: &Call, times: u32) -> bool {
        let most = self.config.cluster.as_ref().map(|rules| rules.most_redirections);
        most.is_some_and(|most| call.redirections > most.saturating_mul(times))
    }

    /// The text which says that the nodes send the call in circles, if they do.
    fn circles(&self, id: CallId) -> Option<String> {
        let call = self.calls.get(id).filter(|_| self.is_sent_in_circles(id))?;
        let (times, slot) = (call.redirections, call.slot()?);
        Some(format!(
            "no node of the cluster took the command, {times} times in a row: slot {slot} is on its way, or the nodes do not agree on whose it is (\"redis-cli --cluster check\" says so)"
        ))
    }

    /// Whether there was no connection at any time since then.
    pub(super) fn was_away_since(&self, then: Instant) -> bool {
        !self.connection.is_ready() && self.away_since.is_none_or(|since| since <= then)
    }

    /// Tells the callers and keeps the call, because work may be left to do that nobody waits for.
    pub(super) fn tell(&mut self, id: CallId, outcome: Outcome) {
        let mut callers = self.calls.take_callers(id);
        let last = callers.pop();
        for caller in callers {
            self.fx.tell(Event::Done { caller, outcome: outcome.clone() });
        }
        if let Some(caller) = last {
            self.fx.tell(Event::Done { caller, outcome });
        }
    }

    /// Whether a call of this owner asks for one of the keys.
    pub(super) fn acquires(&self, keys: &[LockKey], owner: &Owner) -> bool {
        let is_one = |call: &Call| match &call.kind {
            Kind::Acquire(acquire) => {
                acquire.owner == *owner && acquire.keys.iter().any(|key| keys.contains(key))
            }
            _ => false,
        };
        self.calls.iter().any(|(_, call)| is_one(call))
    }

    /// Tells the callers and forgets the call.
    pub(super) fn finish(&mut self, id: CallId, outcome: Outcome) {
        self.tell(id, outcome);
        self.calls.forget(id);
    }

    pub(super) fn attempt(&mut self) -> AttemptId {
        self.ids.attempt()
    }
}
