//! The facts that a process tells about itself, its locks and its waiters. Field names are part of the messages.

use crate::key::LockKey;
use crate::lease::{LeaseFacts, LeaseState};
use crate::requests::Waiting;
use crate::time::Instant;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many labels of one key's waiters are told.
const MOST_LABELS: usize = 5;

/// The process that answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessFacts {
    /// The mark: 12 hexadecimal digits with which all owners and attempts of this provider begin.
    pub id: String,
    /// Name of the machine.
    pub host: String,
    /// Process id on that machine.
    pub pid: u32,
    /// Version of this package.
    pub package: String,
    /// Version of Node.js, or of the runtime in its place.
    pub node: String,
    /// Name of the connection in CLIENT LIST.
    pub connection: Option<String>,
    /// How its callers wait: `hand-off`, `polling` or `plain`.
    pub mode: String,
    /// How long the event loop has been stuck at least, in ms. `None`: it is not stuck.
    pub stuck_ms: Option<u64>,
    /// Options that should be the same on all instances, as one line.
    #[serde(default)]
    pub options: String,
}

/// One lock that a process holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LockFacts {
    /// The key in Redis.
    pub key: String,
    /// The owner in Redis.
    pub owner: String,
    /// The fencing token, if there is one.
    pub token: Option<u64>,
    /// The caller's label.
    pub label: Option<String>,
    /// How long it has been held, in ms.
    pub held_ms: u64,
    /// Length of the lease, in ms. `None`: no end.
    pub lease_ms: Option<u64>,
    /// Time until it counts as lost unless it is renewed, in ms. `None`: no end.
    pub left_ms: Option<u64>,
    /// `held`, `suspect` (the last renewal failed), `lost`, or `unwatched` (taken by an `acquire` that nobody looks after).
    pub state: String,
}

/// The calls of a process that wait for one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitFacts {
    /// The key in Redis.
    pub key: String,
    /// How many calls wait.
    pub count: u64,
    /// How long the first of them has waited, in ms.
    pub longest_ms: u64,
    /// The labels of some of these calls, each once.
    pub labels: Vec<String>,
}

impl LockFacts {
    pub(super) fn of(now: Instant, facts: &LeaseFacts) -> Self {
        Self {
            key: text(facts.key.name()),
            owner: text(facts.owner.as_bytes()),
            token: facts.token,
            label: facts.label.as_deref().map(str::to_owned),
            held_ms: ms(now.since(facts.since)),
            lease_ms: facts.lease.map(ms),
            left_ms: facts.left.map(ms),
            state: match facts.state {
                Some(LeaseState::Held) => "held",
                Some(LeaseState::Suspect) => "suspect",
                Some(LeaseState::Lost | LeaseState::Lapsed | LeaseState::Gone) => "lost",
                None => "unwatched",
            }
            .to_owned(),
        }
    }
}

/// Sums the waiting calls up by key.
pub(crate) fn summed_up(now: Instant, waiting: impl IntoIterator<Item = Waiting>) -> Vec<WaitFacts> {
    let mut by_key: BTreeMap<LockKey, WaitFacts> = BTreeMap::new();
    for Waiting { key, since, label } in waiting {
        let new = || WaitFacts { key: text(key.name()), count: 0, longest_ms: 0, labels: Vec::new() };
        let facts = by_key.entry(key.clone()).or_insert_with(new);
        facts.count += 1;
        facts.longest_ms = facts.longest_ms.max(ms(now.since(since)));
        if let Some(label) = label
            && facts.labels.len() < MOST_LABELS
            && !facts.labels.iter().any(|known| **known == *label)
        {
            facts.labels.push(label.to_string());
        }
    }
    by_key.into_values().collect()
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
