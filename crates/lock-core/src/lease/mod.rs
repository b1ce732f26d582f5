//! The leases of locks that a caller asks about: when to renew them or compare them with Redis, how long each lock can be trusted, and what
//! became of it.
//!
//! The JavaScript thread registers and releases leases, and the renewal thread polls them. The table has no mutex of its own and reads no
//! clock. A lease is *renewed* (`renews`), or only *looked at*: then a renewal of no time at all returns what Redis has. Several leases of
//! one named owner on one key are one hold in Redis. They have one fencing token, and the hold lasts as long as the longest of them. So a
//! single lease never promises too much, and the next look finds any longer time that Redis has.

mod call;
mod entry;
mod facts;
mod freed;
mod hold_id;
mod named;
mod noted;
mod renewal;
mod shared;
mod timing;

pub use call::{RenewalCall, ScriptCall};
pub use entry::{LeaseState, Loss, NewLease, Unrenewed};
pub use facts::LeaseFacts;
pub use hold_id::HoldId;
pub use renewal::{Renewal, RenewalAnswer, Term};
pub use shared::SharedLeases;
pub(crate) use timing::{CLAIM_PERIOD, is_late, longest_end, margin};
pub use timing::{EXIT_LEASE_MS, EXIT_LIMIT, EXIT_LIMIT_OF_RENEWALS};

use crate::ids::Owner;
use crate::key::LockKey;
use crate::present::Present;
use crate::time::Instant;
use entry::Lease;
use freed::FreedBy;
use named::Named;
use noted::Noted;
use renewal::is_among;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use timing::RETRY;

/// A lease that was taken out of the table.
#[derive(Debug)]
pub struct Ended {
    /// Its parts.
    pub held: NewLease,
    /// How far the lease could be trusted.
    pub state: LeaseState,
    /// How long the lease would have been good.
    pub good_until: Instant,
    /// Why the last renewal failed, if it did.
    pub unrenewed: Option<Unrenewed>,
}

/// All leases of one client.
#[derive(Debug)]
pub struct LeaseTable {
    leases: slab::Slab<Lease>,
    /// The leases in the order in which the renewal has to act on them.
    schedule: BTreeSet<(Instant, usize)>,
    named: Named,
    noted: Noted,
    freed: FreedBy,
    serial: u64,
    /// When the renewal thread will look again. An earlier need has to wake it.
    next_look: Instant,
    /// The process ends. See [`Self::end_renewals`].
    ended: bool,
}

impl Default for LeaseTable {
    fn default() -> Self {
        Self {
            leases: slab::Slab::new(),
            schedule: BTreeSet::new(),
            named: Named::default(),
            noted: Noted::default(),
            freed: FreedBy::default(),
            serial: 0,
            next_look: Instant::FAR_FUTURE,
            ended: false,
        }
    }
}

impl LeaseTable {
    /// Takes in a lease. The flag says that the lane must wake the renewal thread, which would otherwise look too late.
    pub fn register(&mut self, held: NewLease) -> (HoldId, bool) {
        self.serial += 1;
        let lease = Lease::new(held, self.serial);
        let (sent_at, deadline, serial) = (lease.held.sent_at, lease.deadline, lease.serial);
        let siblings = match &lease.held.owner {
            Owner::Named(owner) => self.named.places(owner, Some(&lease.held.keys)),
            Owner::Execute(_) => Vec::new(),
        };
        let place = self.leases.insert(lease);
        if let Some(Lease { held: NewLease { owner: Owner::Named(owner), keys, .. }, .. }) =
            self.leases.get(place)
        {
            self.named.insert(owner, keys, place);
            // A release that was requested after this acquire may have ended the hold already.
            if self.named.gave_back_since(sent_at, owner)
                && let Some(lease) = self.leases.get_mut(place)
            {
                lease.due_at = sent_at;
            }
        }
        let mut wake = self.reschedule(place);
        for sibling in siblings {
            // The other lease may last longer now. A look finds out.
            if let Some(other) =
                self.leases.get_mut(sibling).filter(|other| !other.held.renews && other.deadline < deadline)
            {
                other.due_at = other.due_at.min(sent_at);
                wake |= self.reschedule(sibling);
            }
        }
        (HoldId::new(place, serial), wake)
    }

    /// Notes a lock that nobody looks after.
    pub fn note(&mut self, held: &NewLease) {
        self.noted.note(held);
    }

    /// An operator is about to take this lock away by hand, from this owner or from any holder.
    pub fn note_freed(&mut self, now: Instant, key: LockKey, owner: Option<&[u8]>, by: &Arc<str>) {
        self.freed.note(now, key, owner, by);
    }

    /// The operator who took one of this hold's locks away by hand in the last minute.
    #[must_use]
    pub fn freed_by(&self, now: Instant, held: &NewLease) -> Option<Arc<str>> {
        self.freed.of(now, &held.keys, &held.owner, held.sent_at)
    }

    /// The claim of a hold was answered, so the hold has its full lease, counted from `sent_at`. The flag is that of [`Self::register`].
    pub fn claimed(&mut self, sent_at: Instant, hold: HoldId) -> bool {
        let Some(lease) = self.get_mut(hold).filter(|lease| !lease.state.is_lost()) else {
            return false;
        };
        lease.held.claim = None;
        lease.on_grant = false;
        // The lease may have been renewed since then.
        let renewed = lease.deadline;
        lease.extend(sent_at, lease.held.lease);
        lease.deadline = lease.deadline.max(renewed);
        lease.due_at = lease.next_due(sent_at);
        self.reschedule(hold.place())
    }

    /// Marks a hold as lost. False: it was lost already.
    pub fn lose(&mut self, hold: HoldId) -> bool {
        let Some(lease) = self.get_mut(hold).present() else { return false };
        let known = std::mem::replace(&mut lease.state, LeaseState::Lost).is_lost();
        lease.unrenewed = None;
        self.reschedule(hold.place());
        !known
    }

    /// Moves a lease to its place in the schedule. True: the renewal thread would look too late for it.
    fn reschedule(&mut self, place: usize) -> bool {
        let Some(lease) = self.leases.get_mut(place).present() else { return false };
        let next = lease.next();
        let before = std::mem::replace(&mut lease.scheduled, next);
        if before != next {
            self.schedule.remove(&(before, place));
        }
        if next == Instant::FAR_FUTURE {
            return false;
        }
        self.schedule.insert((next, place));
        let wake = next < self.next_look;
        self.next_look = self.next_look.min(next);
        wake
    }

    fn take(&mut self, place: usize) -> Option<Lease> {
        let lease = self.leases.try_remove(place)?;
        self.schedule.remove(&(lease.scheduled, place));
        if let Owner::Named(owner) = &lease.held.owner {
            self.named.remove(owner, &lease.held.keys, place, true);
        }
        Some(lease)
    }

    /// Forgets the leases on keys that a named owner gives back: on `keys`, or on all.
    pub fn give_up(&mut self, now: Instant, owner: &[u8], keys: Option<&[LockKey]>) {
        self.named.gives_back(now, owner);
        self.noted.forget(owner, keys);
        for place in self.named.places(owner, keys) {
            let Some(lease) = self.leases.get_mut(place).present() else { continue };
            let goes = |key: &LockKey| keys.is_none_or(|keys| is_among(key, keys));
            let (gone, kept): (Vec<_>, Vec<_>) = lease.held.keys.iter().cloned().partition(goes);
            if kept.is_empty() {
                self.take(place);
                continue;
            }
            lease.held = lease.held.part(&kept);
            self.named.remove(owner, &gone, place, false);
        }
    }

    /// Whether the named owner of a hold took one of its keys again later.
    #[must_use]
    pub fn has_later(&self, now: Instant, held: &NewLease) -> bool {
        let is_later = |place| self.leases.get(place).is_some_and(|other| other.held.sent_at >= held.sent_at);
        let places = self.named.places(held.owner.as_bytes(), Some(&held.keys));
        places.into_iter().any(is_later) || self.noted.has_later(now, held)
    }

    /// Takes a lease out. Nobody asks Redis about it from now on.
    pub fn release(&mut self, now: Instant, hold: HoldId) -> Option<Ended> {
        let state = self.state(now, hold);
        let good_until = self.get(hold)?.last_call();
        let ended = |lease: Lease| Ended { held: lease.held, state, good_until, unrenewed: lease.unrenewed };
        self.take(hold.place()).map(ended)
    }

    /// How far the lease can be trusted at `now`, even if nobody has looked since then.
    #[must_use]
    pub fn state(&self, now: Instant, hold: HoldId) -> LeaseState {
        self.get(hold).map_or(LeaseState::Gone, |lease| lease.state(now))
    }

    /// Time until the lease counts as lost, which is a little before it can lapse. Zero: it is lost, or was given back. `None`: it has no
    /// end.
    #[must_use]
    pub fn remaining(&self, now: Instant, hold: HoldId) -> Option<Duration> {
        match self.get(hold) {
            Some(lease) if !lease.state.is_lost() => {
                (lease.deadline != Instant::FAR_FUTURE).then(|| lease.last_call().since(now))
            }
            _ => Some(Duration::ZERO),
        }
    }

    /// Why the hold's last renewal failed, if it did.
    #[must_use]
    pub fn unrenewed(&self, hold: HoldId) -> Option<&Unrenewed> {
        self.get(hold)?.unrenewed.as_ref()
    }

    /// The lease's parts, as registered.
    #[must_use]
    pub fn held(&self, hold: HoldId) -> Option<&NewLease> {
        self.get(hold).map(|lease| &lease.held)
    }

    /// Ends all renewals. Returns every lease that is renewed, because the process may leave it behind. A lease that counts as lost may
    /// still be in Redis, if a renewal was executed and its answer was lost. Such a lease is only returned if Redis can tell it from a
    /// later one.
    pub fn end_renewals(&mut self) -> Vec<NewLease> {
        self.ended = true;
        let leases = self.leases.iter().map(|(_, lease)| lease).filter(|lease| lease.held.renews);
        let left = leases.filter(|lease| !lease.state.is_lost() || lease.held.is_told_apart());
        left.map(|lease| lease.held.clone()).collect()
    }

    /// Whether a renewal is under way that may still give a lock its full length.
    #[must_use]
    pub fn is_renewing(&self) -> bool {
        self.leases.iter().any(|(_, lease)| lease.asking && lease.held.renews)
    }

    /// Every lease and every noted lock: on these keys, or all.
    #[must_use]
    pub fn facts(&self, now: Instant, keys: Option<&BTreeSet<LockKey>>) -> Vec<LeaseFacts> {
        let asked = |key: &LockKey| keys.is_none_or(|keys| keys.contains(key));
        let watched = self.leases.iter().flat_map(|(_, lease)| {
            let NewLease { keys, owner, tokens, label, since, lease: length, .. } = &lease.held;
            let last_call = lease.last_call();
            keys.iter().enumerate().filter(|(_, key)| asked(key)).map(move |(at, key)| LeaseFacts {
                key: key.clone(),
                owner: owner.clone(),
                token: tokens.get(at).copied(),
                label: label.clone(),
                since: *since,
                lease: *length,
                left: (last_call != Instant::FAR_FUTURE).then(|| last_call.since(now)),
                state: Some(lease.state(now)),
            })
        });
        watched.chain(self.noted.facts(now, keys)).collect()
    }

    /// The work that is due at `now`: renewals to send, and leases that are lost because their time has ended. Returns when to look again.
    pub fn poll(&mut self, now: Instant, due: &mut Vec<Renewal>, lost: &mut Vec<(HoldId, Loss)>) -> Instant {
        if self.ended {
            return Instant::FAR_FUTURE;
        }
        while let Some((at, place)) = self.schedule.first().copied().filter(|(at, _)| *at <= now) {
            self.schedule.remove(&(at, place));
            let Some(lease) = self.leases.get_mut(place).present() else { continue };
            lease.scheduled = Instant::FAR_FUTURE;
            let hold = HoldId::new(place, lease.serial);
            let last_call = lease.last_call();
            if now >= last_call {
                lease.state = LeaseState::Lapsed;
                lost.push((hold, lease.loss()));
                continue;
            }
            if !lease.asking && now >= lease.due_at {
                lease.asking = true;
                lease.asked_on_grant = lease.on_grant;
                // Nothing is due until the answer, unless `hurry` makes it so.
                lease.due_at = Instant::FAR_FUTURE;
                due.push(lease.renewal(hold));
            }
            self.reschedule(place);
        }
        self.next_look = self.schedule.first().map_or(Instant::FAR_FUTURE, |(at, _)| *at);
        self.next_look
    }

    /// Applies a renewal's answer. `sent_at`: when the renewal was sent. True: the lease is lost by it.
    pub fn answered(&mut self, sent_at: Instant, hold: HoldId, answer: RenewalAnswer) -> bool {
        let Some(lease) = self.get_mut(hold) else { return false };
        lease.asking = false;
        let lost = match answer {
            _ if lease.state.is_lost() => return false,
            RenewalAnswer::Held { left } => {
                lease.state = LeaseState::Held;
                lease.on_grant = false;
                lease.unrenewed = None;
                lease.extend(sent_at, left);
                lease.due_at = lease.due_at.min(lease.next_due(sent_at));
                false
            }
            // Redis may have executed the claim after the renewal, whichever was answered first. The grant stood until then.
            RenewalAnswer::NotOurs if lease.asked_on_grant => {
                lease.due_at = lease.due_at.min(sent_at + CLAIM_PERIOD / 8);
                false
            }
            RenewalAnswer::NotOurs => {
                lease.state = LeaseState::Lost;
                lease.unrenewed = None;
                true
            }
        };
        self.reschedule(hold.place());
        lost
    }

    /// A renewal got no answer, or was not tried. The renewal tries again soon, until the deadline.
    pub fn failed(&mut self, now: Instant, hold: HoldId, why: &Unrenewed) {
        let Some(lease) = self.get_mut(hold) else { return };
        lease.asking = false;
        lease.unrenewed = Some(why.clone());
        if lease.state == LeaseState::Held {
            lease.state = LeaseState::Suspect;
        }
        lease.due_at = now + (lease.counted / 20).clamp(RETRY.0, RETRY.1);
        self.reschedule(hold.place());
    }

    /// Makes every lease due at once, because an event may have taken locks away.
    pub fn hurry(&mut self, now: Instant) {
        let mut places = Vec::with_capacity(self.leases.len());
        for (place, lease) in &mut self.leases {
            if !lease.on_grant && !lease.state.is_lost() {
                lease.due_at = now;
                places.push(place);
            }
        }
        for place in places {
            self.reschedule(place);
        }
    }

    /// Makes the leases on these keys due at once, because their locks were taken away.
    pub fn hurry_on(&mut self, now: Instant, keys: &BTreeSet<LockKey>) {
        let mut places: Vec<usize> = keys.iter().flat_map(|key| self.named.on_key(key)).collect();
        // Jobs are not indexed by key. There are few at a time, and nothing else needs such an index.
        let jobs = self.leases.iter().filter(|(_, lease)| lease.held.owner.is_unique());
        places.extend(
            jobs.filter(|(_, lease)| lease.held.keys.iter().any(|key| keys.contains(key)))
                .map(|(place, _)| place),
        );
        for place in places {
            if let Some(lease) = self.leases.get_mut(place)
                && !lease.on_grant
                && !lease.state.is_lost()
            {
                lease.due_at = now;
                self.reschedule(place);
            }
        }
    }

    fn get(&self, hold: HoldId) -> Option<&Lease> {
        self.leases.get(hold.place()).filter(|lease| HoldId::new(hold.place(), lease.serial) == hold)
    }

    fn get_mut(&mut self, hold: HoldId) -> Option<&mut Lease> {
        self.leases.get_mut(hold.place()).filter(|lease| HoldId::new(hold.place(), lease.serial) == hold)
    }
}
