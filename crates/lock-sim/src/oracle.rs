//! The rules that must always hold.

use crate::brought_back::BroughtBack;
use lock_core::{Instant, LockKey};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Whether several calls hold a lock together, by one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    No,
    /// They do, and one call may give back what another holds.
    AndReleasing,
    /// They do, and no call gives anything back.
    Seen,
    /// As `Seen`, but the call has no lease that it looks at.
    Unseen,
}

/// A hold, as the world knows it.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) process: usize,
    /// The process' life: a crash ends all holds of a life.
    pub(crate) life: u64,
    pub(crate) caller: u64,
    pub(crate) keys: Arc<[LockKey]>,
    pub(crate) owner: Vec<u8>,
    pub(crate) sharing: Sharing,
    /// How long a holder without a lease table believes in it. `None`: for ever.
    pub(crate) until: Option<Instant>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, caller, owner, .. } = self;
        write!(f, "caller {caller} of process {process} ({})", String::from_utf8_lossy(owner))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// Holds that nobody has given back, by caller.
    holds: HashMap<u64, Held>,
    /// The highest token of each key.
    tokens: BTreeMap<LockKey, u64>,
    /// The owners of each key that may join an old hold of theirs, which a failover brought back, until a higher token is drawn.
    joins_old: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    pub(crate) count: u64,
}

impl Oracle {
    /// Takes in a grant. `believes` says whether an earlier holder still believes to hold its keys.
    pub(crate) fn held(
        &mut self,
        held: Held,
        tokens: &[u64],
        believes: impl Fn(&Held) -> bool,
    ) -> Result<(), String> {
        self.count += 1;
        if tokens.len() != held.keys.len() {
            return Err(format!("{} tokens for {} keys: {held:?}", tokens.len(), held.keys.len()));
        }
        // A caller with a shared name may give back what another call holds by it, even before that call hears of it.
        if held.sharing == Sharing::AndReleasing {
            return Ok(());
        }
        self.holds.retain(|_, earlier| believes(earlier));
        for key in held.keys.iter() {
            let others = self.holds.values().filter(|earlier| earlier.owner != held.owner);
            let other = others.into_iter().find(|earlier| earlier.keys.contains(key));
            if let Some(other) = other {
                return Err(format!("two holders of {}: {other:?} and {held:?}", name(key)));
            }
        }
        for (key, token) in held.keys.iter().zip(tokens) {
            let highest = self.tokens.entry(key.clone()).or_default();
            // Calls that hold together have the same token.
            let joins = held.sharing != Sharing::No;
            let joins_old =
                || self.joins_old.get(key.name()).is_some_and(|owners| owners.contains(&held.owner));
            if *token > *highest {
                *highest = *token;
                self.joins_old.remove(key.name());
            } else if !joins || *token < *highest && !joins_old() {
                return Err(format!("token {token} of {} is not above {highest}: {held:?}", name(key)));
            }
        }
        if held.sharing != Sharing::Unseen {
            self.holds.insert(held.caller, held);
        }
        Ok(())
    }

    /// How long a call believes to hold its keys. `None`: for ever.
    pub(crate) fn until(&self, caller: u64) -> Option<Instant> {
        self.holds.get(&caller).and_then(|held| held.until)
    }

    /// A hold was given back, or is known to be lost.
    pub(crate) fn ended(&mut self, caller: u64) {
        self.holds.remove(&caller);
    }

    /// The locks of all holds, with their owners.
    pub(crate) fn locks(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        let keys = |held: &Held| held.keys.iter().map(|key| key.name().to_vec()).collect::<Vec<_>>();
        self.holds
            .values()
            .flat_map(move |held| keys(held).into_iter().map(|name| (name, held.owner.clone())))
    }

    /// A lock was taken away from whoever held it.
    pub(crate) fn taken_away(&mut self, key: &LockKey) {
        self.holds.retain(|_, held| !held.keys.contains(key));
    }

    /// The data of these slots are lost, so no hold of this moment excludes anybody there any more.
    pub(crate) fn data_lost(&mut self, slots: &[u16]) {
        self.holds.retain(|_, held| !held.keys.iter().any(|key| slots.contains(&key.slot())));
    }

    /// A failover brings back old locks. A call that joins one has its old token, which is a limit of the tokens.
    pub(crate) fn brought_back(&mut self, back: &BroughtBack) {
        for (name, owner) in back.iter() {
            self.joins_old.entry(name.clone()).or_default().insert(owner.clone());
        }
    }

    /// A process is gone, and its holds with it.
    pub(crate) fn life_ended(&mut self, process: usize, life: u64) {
        self.holds.retain(|_, held| (held.process, held.life) != (process, life));
    }
}

pub(crate) fn name(key: &LockKey) -> String {
    String::from_utf8_lossy(key.name()).into_owned()
}

/// When a lease that was asked for at `sent_at` may have lapsed, on a server whose clock is a little fast.
pub(crate) fn cautious_end(sent_at: Instant, lease: Duration) -> Instant {
    sent_at + lease.saturating_sub(lease / 100 + Duration::from_millis(10))
}
