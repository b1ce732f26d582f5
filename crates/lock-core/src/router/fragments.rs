//! The data of calls over several slots: their fragments, one per slot, and the calls whose fragments are counted down.

use super::node_id::NodeId;
use crate::error::Error;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::{NewLease, is_late};
use crate::requests::{AcquireRequest, Hold, Outcome, ReleaseAllRequest, WaitPolicy};
use crate::time::Instant;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Fragments of calls are numbered from here. Callers have lower numbers.
pub(super) const FIRST_FRAGMENT: u64 = 1 << 60;

#[derive(Debug)]
pub(super) enum Fragment {
    /// A fragment of a call that counts its fragments.
    Counted(u64),
    /// The keys of one slot, by its place in the call.
    Share(u64, usize),
}

/// The keys of one slot.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) keys: Arc<[LockKey]>,
    pub(super) held: Option<HeldShare>,
    /// The number under which the share is asked for now.
    pub(super) asked: Option<u64>,
}

/// Lease of a share of a lock without an end, until all shares are held. If the process crashes meanwhile, no share stays for ever.
const PARTIAL_LEASE: Duration = Duration::from_secs(5);

/// A call waits no longer for the table of slots after this many lookups that found nothing.
const MOST_LOOKUPS: u32 = 5;

/// Pauses before the call asks again for a share that Redis did not keep: the shortest, and the longest.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The state of a share that is held.
#[derive(Clone, Debug)]
pub(super) struct HeldShare {
    pub(super) tokens: Box<[u64]>,
    /// The length of the lease by which it was taken or last extended.
    pub(super) lease: Option<Duration>,
    /// When the command was sent that took it or last extended it.
    pub(super) sent_at: Instant,
    /// When the call asks for it again, in order to keep it.
    pub(super) ask_at: Option<Instant>,
    /// Redis did not keep it the last time, and it may have been given back for that reason.
    pub(super) in_doubt: bool,
    /// The owner held some of it before, by other attempts.
    pub(super) joined: bool,
}

impl HeldShare {
    pub(super) fn of(hold: Hold) -> Self {
        let Hold { tokens, lease, sent_at, joined, .. } = hold;
        Self {
            tokens,
            lease,
            sent_at,
            ask_at: lease.map(|lease| sent_at + lease / 3),
            in_doubt: false,
            joined,
        }
    }

    /// Redis did not keep the share this time, so the call asks again soon. False: the share may have lapsed by now.
    pub(super) fn ask_again(&mut self, now: Instant) -> bool {
        let pause = self.lease.unwrap_or_default() / 20;
        self.ask_at = Some(now + pause.clamp(ASK_AGAIN.0, ASK_AGAIN.1));
        self.in_doubt = true;
        !is_late(now, self.sent_at, self.lease)
    }
}

#[derive(Debug)]
pub(super) struct Several {
    /// The request without the names of its keys, because it is copied for each share.
    pub(super) request: AcquireRequest,
    /// The keys as the caller named them.
    pub(super) named: Vec<String>,
    pub(super) owner: Owner,
    pub(super) attempt: AttemptId,
    /// When the caller stops waiting.
    pub(super) end: Option<Instant>,
    pub(super) shares: Vec<Share>,
    pub(super) waited: bool,
}

impl Several {
    /// When the call asks for a share again, in order to keep it.
    pub(super) fn refresh_at(&self, share: &Share) -> Option<Instant> {
        share.held.as_ref()?.ask_at.filter(|_| share.asked.is_none())
    }

    /// The lease with which a share is asked for.
    pub(super) fn lease_of(&self, at: usize) -> Option<Duration> {
        let mut others = self.shares.iter().enumerate().filter(|(other, _)| *other != at);
        let is_last = others.all(|(_, share)| share.held.is_some());
        self.request.lease.or((!is_last).then_some(PARTIAL_LEASE))
    }

    /// Whether the share is held with the full lease.
    pub(super) fn is_whole(&self, share: &Share) -> bool {
        share.held.as_ref().is_some_and(|held| !held.in_doubt && held.lease == self.request.lease)
    }

    /// When the caller stops waiting, if the call only keeps shares alive: those questions have no limit of their own.
    pub(super) fn late_at(&self) -> Option<Instant> {
        self.end.filter(|_| self.shares.iter().all(|share| share.held.is_some()))
    }

    pub(super) fn wait(&self, now: Instant) -> WaitPolicy {
        let left = self.end.map(|end| end.since(now)).unwrap_or_default();
        match self.request.wait {
            WaitPolicy::TryFor(_) if left.is_zero() => WaitPolicy::None,
            WaitPolicy::TryFor(_) => WaitPolicy::TryFor(left),
            WaitPolicy::Limit(_) => WaitPolicy::Limit(left),
            other => other,
        }
    }

    pub(super) fn hold(&self) -> Hold {
        let held = || self.shares.iter().filter_map(|share| share.held.as_ref());
        let tokens: Box<[u64]> = held().flat_map(|share| share.tokens.iter().copied()).collect();
        Hold {
            keys: Arc::clone(&self.request.keys),
            owner: self.owner.clone(),
            attempt: self.attempt,
            // A node in a mode without tokens leaves the whole call without tokens.
            tokens: if tokens.len() == self.request.keys.len() { tokens } else { Box::default() },
            lease: self.request.lease,
            sent_at: held().map(|share| share.sent_at).min().unwrap_or(Instant::from_nanos(0)),
            claim: None,
            waited: self.waited,
            joined: held().any(|share| share.joined),
            keep: self.request.keep,
            label: self.request.label.clone(),
        }
    }
}

/// The calls of several fragments, and their fragments.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) numbered: u64,
    pub(super) fragments: HashMap<u64, Fragment>,
    pub(super) counted: HashMap<u64, Counted>,
    pub(super) several: BTreeMap<u64, Several>,
    /// Calls of `releaseAll` that must know whether they asked all nodes.
    tables: Vec<AwaitedTable>,
}

/// The wait of a call for a table of slots that is at least as new as the call. The call counts it as a fragment.
#[derive(Debug)]
struct AwaitedTable {
    call: u64,
    fragment: u64,
    /// The table is new enough after this many lookups from now on, if the last of them finds it.
    lookups: u32,
    /// Lookups that found nothing.
    failed: u32,
}

/// The end of a call's wait for the table of slots.
#[derive(Debug)]
pub(super) enum TableEnd {
    /// The call has asked every node of the table.
    AskedAll,
    /// The table has a node that the call did not ask.
    NewNode,
    /// Too many lookups found nothing, or there will be no more.
    NotFound,
}

impl Calls {
    pub(super) fn number(&mut self) -> u64 {
        self.numbered += 1;
        FIRST_FRAGMENT + self.numbered
    }

    pub(super) fn count(&mut self, counted: Counted) -> u64 {
        let call = self.number();
        self.counted.insert(call, counted);
        call
    }

    pub(super) fn fragment_of_count(&mut self, call: u64) -> u64 {
        let part = self.number();
        self.fragments.insert(part, Fragment::Counted(call));
        part
    }

    /// Makes the call wait for at least this many lookups of the table of slots.
    pub(super) fn await_table(&mut self, call: u64, lookups: u32) {
        let fragment = self.fragment_of_count(call);
        self.tables.push(AwaitedTable { call, fragment, lookups, failed: 0 });
    }

    /// Whether a call waits for the table of slots.
    pub(super) fn awaits_table(&self) -> bool {
        !self.tables.is_empty()
    }

    /// A lookup has found the table, whose nodes are these. Returns the waiting fragments that are done.
    pub(super) fn table_found(&mut self, nodes: &[NodeId]) -> Vec<(u64, TableEnd)> {
        self.tables.iter_mut().for_each(|table| table.lookups -= u32::from(table.lookups > 0));
        let ended: Vec<AwaitedTable> = self.tables.extract_if(.., |table| table.lookups == 0).collect();
        let end = |call| {
            let asked = self.counted.get(&call).map(|counted| counted.asked.as_slice()).unwrap_or_default();
            if nodes.iter().all(|node| asked.contains(node)) { TableEnd::AskedAll } else { TableEnd::NewNode }
        };
        ended.into_iter().map(|table| (table.fragment, end(table.call))).collect()
    }

    /// A lookup has found nothing. `last`: there will be no more. Returns the waiting fragments that are done.
    pub(super) fn table_not_found(&mut self, last: bool) -> Vec<(u64, TableEnd)> {
        for table in &mut self.tables {
            table.lookups = table.lookups.max(2) - 1;
            table.failed += 1;
        }
        let ended = self.tables.extract_if(.., |table| last || table.failed >= MOST_LOOKUPS);
        ended.map(|table| (table.fragment, TableEnd::NotFound)).collect()
    }

    /// Gives up the calls that wait for the table of slots. Returns their callers.
    pub(super) fn give_up_tables(&mut self) -> Vec<u64> {
        let tables = std::mem::take(&mut self.tables);
        tables.into_iter().filter_map(|table| self.give_up(table.call)).collect()
    }

    fn give_up(&mut self, call: u64) -> Option<u64> {
        let caller = self.uncount(call)?.caller;
        match self.fragments.remove(&caller) {
            Some(Fragment::Counted(whole)) => self.give_up(whole),
            _ => Some(caller),
        }
    }

    pub(super) fn counted(&mut self, call: u64) -> Option<&mut Counted> {
        self.counted.get_mut(&call)
    }

    pub(super) fn uncount(&mut self, call: u64) -> Option<Counted> {
        self.counted.remove(&call)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let shares = |call: &Several| {
            call.shares.iter().filter_map(|share| call.refresh_at(share)).chain(call.late_at()).min()
        };
        self.several.values().filter_map(shares).min()
    }

    /// The shares that unfinished calls of `acquire` hold, for the step at exit.
    pub(super) fn held_for_named(&self) -> impl Iterator<Item = (Arc<[LockKey]>, Owner, AttemptId)> {
        self.several.values().filter(|several| !several.owner.is_unique()).flat_map(|several| {
            let held = several.shares.iter().filter(|share| share.held.is_some());
            held.map(|share| (Arc::clone(&share.keys), several.owner.clone(), several.attempt))
        })
    }

    /// The shares that unfinished calls of `execute` hold, for the same step.
    pub(super) fn held_fragments(&self) -> impl Iterator<Item = NewLease> {
        self.several.values().filter(|several| several.owner.is_unique()).flat_map(|several| {
            several.shares.iter().filter_map(|share| {
                let HeldShare { tokens, lease, sent_at, joined, .. } = share.held.clone()?;
                Some(NewLease {
                    keys: Arc::clone(&share.keys),
                    owner: several.owner.clone(),
                    attempt: several.attempt,
                    joined,
                    tokens,
                    lease: Some(lease?),
                    sent_at,
                    renews: false,
                    claim: None,
                    waited: false,
                    since: sent_at,
                    label: None,
                })
            })
        })
    }
}

/// A call whose fragments are counted down.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) caller: u64,
    pub(super) left: usize,
    /// Keys that were another owner's. An answer that Redis remembered names none.
    pub(super) not_held: Option<Vec<String>>,
    pub(super) pending: Option<String>,
    pub(super) failed: Option<Error>,
    pub(super) freed: u64,
    /// For `releaseAll`: the request, and how often it was repeated.
    pub(super) again: Option<(ReleaseAllRequest, u32)>,
    /// For `releaseAll`: the nodes that this round has asked.
    pub(super) asked: Vec<NodeId>,
    pub(super) moved: bool,
}

impl Counted {
    pub(super) fn new(caller: u64, left: usize) -> Self {
        Self {
            caller,
            left,
            not_held: None,
            pending: None,
            failed: None,
            freed: 0,
            again: None,
            asked: Vec::new(),
            moved: false,
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        match (self.failed, self.pending, self.again) {
            (Some(error), ..) => Outcome::Failed(error),
            (None, Some(why), _) => Outcome::ReleasePending(why),
            (None, None, Some(_)) => Outcome::Freed(self.freed),
            (None, None, None) => self.not_held.map_or(Outcome::Released, Outcome::NotHeld),
        }
    }
}

/// Groups the keys, which are sorted, by slot.
pub(super) fn by_slot(keys: &[LockKey]) -> Vec<Arc<[LockKey]>> {
    keys.chunk_by(|one, next| one.slot() == next.slot()).map(Into::into).collect()
}
