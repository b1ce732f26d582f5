//! A check: every lock is known to its process, if that process is alive. Nobody would give any other lock back before its lease ends.

use crate::world::{MS, World};
use lock_core::LockKey;
use std::collections::BTreeMap;

/// Between two looks, in ns.
const LOOK_EVERY_NS: u64 = 50 * MS;
/// A lock that a process has just given up may be under way this long, in ns.
const UNDER_WAY_NS: u64 = 100 * MS;

/// Locks that their processes do not know, with the time at which the check first saw it.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    since: BTreeMap<(Vec<u8>, Vec<u8>), u64>,
    looked_at: u64,
}

impl World {
    /// Looks from time to time.
    pub(crate) fn check_forgotten(&mut self) -> Result<(), String> {
        if self.now < self.forgotten.looked_at + LOOK_EVERY_NS {
            return Ok(());
        }
        self.forgotten.looked_at = self.now;
        let now = self.instant();
        let clocks = [self.us_of(0), self.us_of(1)];
        let mut found = BTreeMap::new();
        for (server, us) in self.servers.each().zip(clocks) {
            for name in server.data.names(us).filter(|name| !name.starts_with(b"mlr!{")) {
                let holder = server.data.get(us, name).unwrap_or_default();
                let Some(process) = self.processes.iter().find(|process| holder.starts_with(&process.mark))
                else {
                    continue;
                };
                let lock = (name.to_vec(), holder.to_vec());
                if process.engine.knows_of(now, &LockKey::new(name.to_vec()))
                    || self.brought_back.contains(&lock)
                {
                    continue;
                }
                let since = self.forgotten.since.get(&lock).copied().unwrap_or(self.now);
                if self.now - since > UNDER_WAY_NS {
                    let (name, holder) = (String::from_utf8_lossy(name), String::from_utf8_lossy(holder));
                    return Err(format!("{name} is locked by {holder}, and its process does not know of it"));
                }
                found.insert(lock, since);
            }
        }
        self.forgotten.since = found;
        Ok(())
    }
}
