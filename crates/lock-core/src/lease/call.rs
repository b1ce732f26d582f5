//! The renewal's requests to Redis, the answers, and their effect on the leases.

use super::renewal::{Renewal, RenewalAnswer, is_among};
use super::{HoldId, LeaseTable, Unrenewed};
use crate::key::LockKey;
use crate::resp::Value;
use crate::script::Script;
use crate::time::Instant;
use std::time::Duration;

/// Most leases that one script renews. A longer script would hold up all clients of the server.
const BATCH: usize = 64;
/// The shortest limit that one call gets for its answer, and the longest.
const ANSWER_LIMIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The leases of one script call. They are renewed or looked at.
#[derive(Clone, Debug)]
pub struct RenewalCall {
    leases: Vec<Renewal>,
}

/// A script with its KEYS and ARGV.
#[derive(Debug, PartialEq, Eq)]
pub struct ScriptCall {
    /// The script.
    pub script: Script,
    /// KEYS.
    pub keys: Vec<Vec<u8>>,
    /// ARGV.
    pub args: Vec<Vec<u8>>,
}

impl RenewalCall {
    /// The calls for the leases that are due. `keeps_to_slots`: a script stays within one slot, so leases can hardly share a call.
    #[must_use]
    pub fn for_due(due: Vec<Renewal>, keeps_to_slots: bool) -> Vec<Self> {
        let (named, unique): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.tokens.is_some());
        let most = if keeps_to_slots { 1 } else { BATCH };
        let calls = named.chunks(most).chain(unique.chunks(most));
        calls.map(|leases| Self { leases: leases.to_vec() }).collect()
    }

    /// Splits the call into parts for one slot each. Returns each part with its slot.
    #[must_use]
    pub fn by_slot(&self) -> Vec<(u16, Self)> {
        let parts = self.leases.iter().flat_map(|renewal| {
            let runs = renewal.keys.chunk_by(|one, next| one.slot() == next.slot());
            runs.map(|keys| (keys.first().map_or(0, LockKey::slot), renewal.part(keys)))
        });
        parts.map(|(slot, part)| (slot, Self { leases: vec![part] })).collect()
    }

    /// How long to wait for the answer. For a lease that is renewed in time this is a sixth of it.
    #[must_use]
    pub fn answer_limit(&self, now: Instant) -> Duration {
        let limit = self.leases.iter().map(|renewal| renewal.deadline.since(now) / 4).min();
        limit.unwrap_or_default().clamp(ANSWER_LIMIT.0, ANSWER_LIMIT.1)
    }

    /// All keys, in the order of the answer.
    pub fn keys(&self) -> impl Iterator<Item = &LockKey> {
        self.leases.iter().flat_map(|renewal| renewal.keys.iter())
    }

    /// How many leases the call is about.
    #[must_use]
    pub fn count(&self) -> usize {
        self.leases.len()
    }

    /// The script call. `plain`: side keys may not be used, so nothing tells a named owner's holds apart.
    #[must_use]
    pub fn script(&self, plain: bool) -> ScriptCall {
        let records = !plain && self.leases.iter().all(|due| due.tokens.is_some());
        let (mut keys, mut args) = (Vec::new(), vec![if records { b"2".to_vec() } else { b"1".to_vec() }]);
        for renewal in &self.leases {
            for (at, key) in renewal.keys.iter().enumerate() {
                keys.push(key.name().to_vec());
                args.extend([renewal.owner.as_bytes().to_vec(), renewal.term.text().into_bytes()]);
                if let (true, Some(tokens)) = (records, &renewal.tokens) {
                    keys.push(key.record_name());
                    args.push(tokens.get(at).copied().unwrap_or_default().to_string().into_bytes());
                }
            }
        }
        ScriptCall { script: Script::Renew, keys, args }
    }

    /// The answer for each key, in order. 0: the key was not its holder's. `None`: the answer leaves a key out, which must not count as a
    /// loss.
    #[must_use]
    pub fn read(&self, reply: &Value) -> Option<Vec<i64>> {
        let Value::Array(items) = reply else { return None };
        let number = |item: &Value| if let Value::Int(number) = item { Some(*number) } else { None };
        let numbers: Vec<i64> = items.iter().map(number).collect::<Option<_>>()?;
        // The first number is the reply's tag.
        let per_key = numbers.get(1..)?;
        (per_key.len() == self.keys().count()).then(|| per_key.to_vec())
    }

    /// Applies the answers. `shortfall`: too few replicas have the new end, so only a loss is certain. Returns the holds that are lost,
    /// with the keys that were not theirs.
    pub fn take_in(
        &self,
        leases: &mut LeaseTable,
        now: Instant,
        sent_at: Instant,
        per_key: &[i64],
        shortfall: Option<&Unrenewed>,
    ) -> Vec<(HoldId, Vec<LockKey>)> {
        let (mut per_key, mut lost) = (per_key, Vec::new());
        for renewal in &self.leases {
            debug_assert!(per_key.len() >= renewal.keys.len(), "`read` gives an answer per key");
            let (own, rest) = per_key.split_at(renewal.keys.len().min(per_key.len()));
            per_key = rest;
            let Some(held) = leases.held(renewal.hold) else { continue };
            // A key that the owner has given back meanwhile proves nothing about the other keys.
            let of_held = renewal.keys.iter().zip(own).filter(|(key, _)| is_among(key, &held.keys));
            let (keys, own): (Vec<&LockKey>, Vec<i64>) = of_held.unzip();
            let answer = renewal.read(&own);
            if answer != RenewalAnswer::NotOurs
                && let Some(shortfall) = shortfall
            {
                leases.failed(now, renewal.hold, shortfall);
            } else if leases.answered(sent_at, renewal.hold, answer) {
                let gone = keys.into_iter().zip(own).filter(|(_, left)| *left == 0);
                lost.push((renewal.hold, gone.map(|(key, _)| key.clone()).collect()));
            }
        }
        lost
    }

    /// There was no answer, or the call was not sent.
    pub fn failed(&self, leases: &mut LeaseTable, now: Instant, why: &Unrenewed) {
        self.leases.iter().for_each(|renewal| leases.failed(now, renewal.hold, why));
    }
}
