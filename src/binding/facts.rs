//! The locks that a client holds and the keys it waits for, for its own log, errors and metrics.

use super::client::NativeClient;
use super::values::millis;
use crate::sys::now;
use lock_core::LeaseFacts;
use napi::Env;
use napi_derive::napi;
use std::collections::BTreeSet;
use std::time::Duration;

/// A key that this client holds.
#[napi(object, object_from_js = false)]
pub struct HeldKey {
    /// The name that the caller used.
    pub key: String,
    /// The owner, as the lock key in Redis contains it.
    pub owner: String,
    /// A job of `execute` holds the key.
    pub of_job: bool,
    /// The label that the caller gave.
    pub label: Option<String>,
    /// How long the client has held it, in milliseconds.
    pub held_ms: f64,
}

/// A key that calls of this client wait for.
#[napi(object, object_from_js = false)]
pub struct AwaitedKey {
    /// The name that the caller used.
    pub key: String,
    /// The key's name in Redis.
    pub full_key: String,
    /// The number of calls.
    pub count: f64,
    /// How long the first of them has waited, in milliseconds.
    pub longest_ms: f64,
    /// The labels of some of the calls, each once.
    pub labels: Vec<String>,
}

#[napi]
impl NativeClient {
    /// The keys that this client has held for `least_ms` or longer: those of `keys`, or all of them; at most `most`.
    #[napi(catch_unwind)]
    #[allow(clippy::needless_pass_by_value, reason = "arguments come by value from JavaScript")]
    pub fn held_keys(&self, env: &Env, keys: Option<Vec<String>>, least_ms: f64, most: u32) -> Vec<HeldKey> {
        let asked = self.lane.with(env, |engine, _| match &keys {
            Some(keys) => engine.router().parse_keys(keys).map(|keys| Some(keys.iter().cloned().collect())),
            None => Ok(None),
        });
        let Ok(Ok(asked)) = asked else { return Vec::new() };
        let (now, least) = (now(), millis(least_ms));
        let mut facts = self.lane.lease_facts(asked.as_ref() as Option<&BTreeSet<_>>);
        facts.retain(|held| now.since(held.since) >= least);
        facts.truncate(most as usize);
        let names: Vec<_> = facts.iter().map(|held| held.key.clone()).collect();
        let names = self.lane.with(env, |engine, _| engine.router().caller_names(&names)).unwrap_or_default();
        names
            .into_iter()
            .zip(facts)
            .map(|(key, facts)| held_key(key, &facts, now.since(facts.since)))
            .collect()
    }

    /// How many keys this client holds.
    #[napi(catch_unwind)]
    pub fn held_count(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it stays below 2^53")]
        let count = self.lane.lease_facts(None).len() as f64;
        count
    }

    /// The keys that a call has waited for `least_ms` or longer, each with all calls that wait for it.
    #[napi(catch_unwind)]
    pub fn awaited_keys(&self, env: &Env, least_ms: f64) -> Vec<AwaitedKey> {
        let least = millis(least_ms);
        let waits = self.lane.with(env, |engine, now| {
            let waits = engine.long_waits(now, least);
            let keys: Vec<_> =
                waits.iter().map(|wait| lock_core::LockKey::new(wait.key.clone().into_bytes())).collect();
            let names = engine.router().caller_names(&keys);
            names.into_iter().zip(waits).collect::<Vec<_>>()
        });
        let waits = waits.unwrap_or_default().into_iter();
        #[expect(clippy::cast_precision_loss, reason = "counts and times stay below 2^53")]
        let of = |(key, wait): (String, lock_core::census::WaitFacts)| AwaitedKey {
            key,
            full_key: wait.key,
            count: wait.count as f64,
            longest_ms: wait.longest_ms as f64,
            labels: wait.labels,
        };
        waits.map(of).collect()
    }

    /// How many renewals of leases have failed since the client was made.
    #[napi(catch_unwind)]
    pub fn renewals_failed(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "it stays below 2^53")]
        let failed = self.lane.renewals_failed() as f64;
        failed
    }

    /// If `unlock` said last that a hold is lost because its lease was not renewed: why it was not renewed.
    #[napi(catch_unwind)]
    pub fn take_unrenewed(&self, env: &Env) -> Option<String> {
        let unrenewed = self.lane.with(env, |engine, _| engine.take_unrenewed()).ok()?;
        unrenewed.map(|unrenewed| unrenewed.why.to_string())
    }

    /// Why the hold's last renewal failed, if it did.
    #[napi(catch_unwind)]
    pub fn unrenewed(&self, hold: f64) -> Option<String> {
        self.lane.unrenewed(super::client::hold_id(hold)).map(|unrenewed| unrenewed.why.to_string())
    }
}

fn held_key(key: String, facts: &LeaseFacts, held_for: Duration) -> HeldKey {
    HeldKey {
        key,
        owner: String::from_utf8_lossy(facts.owner.as_bytes()).into_owned(),
        of_job: facts.owner.is_unique(),
        label: facts.label.as_deref().map(str::to_owned),
        held_ms: held_for.as_secs_f64() * 1_000.0,
    }
}
