//! Calls of `releaseAll`: which owners' locks they free, the effect on holders, and that they leave no lock behind.

use crate::brought_back::Lock;
use crate::process::{ALONG, CREW, Call, Process, TEAM};
use crate::world::World;
use lock_core::{Instant, LockKey, ReleaseAllRequest, slot_of};
use std::collections::BTreeMap;

/// The calls under way that must free every lock.
#[derive(Debug, Default)]
pub(crate) struct Freeing {
    /// By caller: the locks that stood when the call was made and cannot come back by themselves.
    stood: BTreeMap<u64, Vec<Lock>>,
}

impl Freeing {
    /// Keys were moved. SCAN may miss one of them.
    pub(crate) fn keys_moved(&mut self) {
        self.stood.clear();
    }
}

impl Process {
    fn release_all(&mut self, now: Instant, caller: u64, owner: Option<&[u8]>) -> bool {
        let request = ReleaseAllRequest { caller, owner: owner.map(Into::into) };
        let taken = self.engine.release_all(now, request).is_ok();
        if taken {
            self.calls.insert(caller, Call::Freeing);
        }
        taken
    }
}

impl World {
    /// Frees all locks, or those of one owner.
    pub(crate) fn release_all(&mut self, process: usize) -> Result<(), String> {
        let owner = match self.rng.u8(..4) {
            0 => Some(TEAM),
            1 => Some(CREW),
            _ => None,
        };
        self.callers += 1;
        // No call of a visitor begins after this one.
        let caller = self.callers + ALONG;
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process) else { return Ok(()) };
        if one.away_until() > self.now || one.exit.is_some() || !one.release_all(now, caller, owner) {
            return Ok(());
        }
        if owner.is_none() && !self.servers.any_is_away() && !self.servers.any_is_on_its_way() {
            let stood = self.locks_of_jobs();
            self.note(|| format!("process {process} caller {caller} frees {} locks and more", stood.len()));
            self.freeing.stood.insert(caller, stood);
        }
        self.drain(process)
    }

    /// Locks of `execute` whose callers were told and which stand. Nobody takes them again under the same name.
    fn locks_of_jobs(&mut self) -> Vec<Lock> {
        let told: Vec<Lock> =
            self.oracle.locks().filter(|(_, owner)| owner.starts_with(b"execute:")).collect();
        told.into_iter().filter(|lock| self.stands(lock)).collect()
    }

    fn stands(&mut self, (name, owner): &Lock) -> bool {
        let server = self.servers.of_slot(slot_of(name));
        let us = self.us_of(server);
        self.servers.at(server).data.get(us, name) == Some(owner)
    }

    /// A call has ended. If it freed everything, no lock is left that stood before.
    pub(crate) fn freed(&mut self, caller: u64, all: bool) -> Result<(), String> {
        let stood = self.freeing.stood.remove(&caller).filter(|_| all).unwrap_or_default();
        let left = stood.into_iter().find(|lock| !self.brought_back.contains(lock) && self.stands(lock));
        left.map_or(Ok(()), |(name, owner)| {
            let (name, owner) = (String::from_utf8_lossy(&name), String::from_utf8_lossy(&owner));
            Err(format!("caller {caller} has freed everything, and {name} is still {owner}'s"))
        })
    }

    /// Locks were taken away, so no hold of this moment excludes anybody any more.
    pub(crate) fn taken_away(&mut self, names: Vec<Vec<u8>>) {
        for name in names {
            self.lost_at.insert(slot_of(&name), self.now);
            self.oracle.taken_away(&LockKey::new(name));
        }
    }
}
