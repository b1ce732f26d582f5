//! What callers call their keys, and what the keys are called in Redis.

use super::Client;
use crate::error::{Code, Error};
use crate::key::LockKey;
use std::sync::Arc;

/// Longest key that a caller may name, in bytes.
const LONGEST_KEY: usize = 1 << 20;

impl Client {
    /// The lock keys for what a caller named: each once, in the order in which keys are taken everywhere.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a key that is too long or would begin like a side key.
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
}

/// `key "a"`, or `keys "a", "b"`.
pub(super) fn list(keys: &[String]) -> String {
    let word = if keys.len() == 1 { "key" } else { "keys" };
    format!("{word} \"{}\"", keys.join("\", \""))
}
