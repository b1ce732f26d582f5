//! The leases of running jobs: when to renew, until when the lock can be trusted, and what became of it.
//!
//! Shared by the JavaScript thread (which registers and releases) and the renewal thread (which polls). The
//! table holds no lock and reads no clock itself.
//!
//! Methods: mutators `register`, `release`, `give_up`; `poll` says what is due; `answered` and `failed` take a
//! renewal's outcome, `claimed` and `lose` a claim's; getters `state`, `remaining`, `held`.

use crate::client::{CLAIM_PERIOD, Claiming};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

/// What is left of an `execute` lock's lease when its process ends, in milliseconds: a COMMIT may be in flight.
pub const EXIT_LEASE_MS: u64 = 2_000;

/// Names one registered lease. Fits a JavaScript number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HoldId(u64);

/// Place in the table and serial number share the 53 bits that a JavaScript number has. The serial number
/// begins anew after two thousand million holds; nobody keeps an id for that long.
const PLACE_BITS: u32 = 22;
const SERIAL_MASK: u64 = (1 << (53 - PLACE_BITS)) - 1;

impl HoldId {
    fn new(place: usize, serial: u64) -> Self {
        Self(((serial & SERIAL_MASK) << PLACE_BITS) | place as u64)
    }

    /// The id as JavaScript carries it.
    #[must_use]
    pub const fn to_number(self) -> u64 {
        self.0
    }

    /// The id that JavaScript gave back; one that never was is found in no table.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    fn place(self) -> usize {
        usize::try_from(self.0 & ((1 << PLACE_BITS) - 1)).unwrap_or(usize::MAX)
    }
}

/// How far a lease can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// Renewed in time.
    Held,
    /// The last renewal failed; the lease has not lapsed.
    Suspect,
    /// Another owner may hold the keys.
    Lost,
    /// Given back, or never there.
    Gone,
}

/// What a new lease consists of.
#[derive(Clone, Debug)]
pub struct NewLease {
    /// The lock keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// The attempt that took them, by which a named owner's holds are told apart.
    pub attempt: AttemptId,
    /// Fencing tokens in the order of the keys; empty where the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease.
    pub lease: Duration,
    /// When the request that took the keys was sent: the lease counts from there.
    pub sent_at: Instant,
    /// Whether it is renewed.
    pub renews: bool,
    /// The claim is not answered yet: its number, and until when the grant stands.
    pub claim: Option<Claiming>,
    /// The keys were waited for.
    pub waited: bool,
}

impl NewLease {
    /// When a lease that counts from `sent_at` is renewed.
    fn renew_at(&self, sent_at: Instant) -> Option<Instant> {
        self.renews.then(|| sent_at + self.lease / 3)
    }
}

#[derive(Debug)]
struct Lease {
    serial: u64,
    held: NewLease,
    state: LeaseState,
    /// Nothing has shown yet that the grant was taken over.
    on_grant: bool,
    deadline: Instant,
    renew_at: Instant,
    renewing: bool,
}

impl Lease {
    /// When it has to be told that the lease is lost, unless it was renewed.
    fn last_call(&self) -> Instant {
        self.deadline.back(margin(self.length()))
    }

    /// The grant, while nothing has shown that it was taken over.
    fn grant(&self) -> Option<Arc<[u8]>> {
        let claiming = self.held.claim.as_ref().filter(|_| self.on_grant);
        claiming.map(|claiming| Arc::clone(&claiming.grant))
    }

    fn length(&self) -> Duration {
        if self.on_grant { CLAIM_PERIOD } else { self.held.lease }
    }
}

/// One lease that is due: set its keys' time left to `lease`.
#[derive(Clone, Debug)]
pub struct Renewal {
    /// Which lease.
    pub hold: HoldId,
    /// Its keys.
    pub keys: Arc<[LockKey]>,
    /// Their owner.
    pub owner: Owner,
    /// What tells the hold from others of the same owner; `None` when the owner does.
    pub attempt: Option<AttemptId>,
    /// The time left to set.
    pub lease: Duration,
    /// The lock may still be this grant, which is to be taken over then: the job blocks the thread that would have claimed it.
    pub grant: Option<Arc<[u8]>>,
    /// Until when the answer is worth having.
    pub deadline: Instant,
}

/// What a renewal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewalAnswer {
    /// Every key was still the owner's.
    Extended,
    /// At least one was not: no later renewal can win it back.
    NotOurs,
}

/// All leases of one client.
#[derive(Debug)]
pub struct LeaseTable {
    leases: slab::Slab<Lease>,
    serial: u64,
    /// When the renewal thread will look again; an earlier need has to wake it.
    next_look: Instant,
}

impl Default for LeaseTable {
    fn default() -> Self {
        Self { leases: slab::Slab::new(), serial: 0, next_look: Instant::FAR_FUTURE }
    }
}

/// The abort comes this much before the lease can lapse: a share for clocks that run at different speeds and
/// a fixed part for the way to the JavaScript thread.
pub(crate) fn margin(lease: Duration) -> Duration {
    lease / 100 + Duration::from_millis(10)
}

impl LeaseTable {
    /// Takes in a lease. The flag says that the renewal thread must be woken, since it would look too late.
    pub fn register(&mut self, held: NewLease) -> (HoldId, bool) {
        self.serial += 1;
        let grant = held.claim.as_ref().map(|claiming| claiming.until);
        let on_grant = grant.is_some();
        // A job may block the thread that claims; then the renewal does.
        let latest = if on_grant { held.sent_at + CLAIM_PERIOD / 4 } else { Instant::FAR_FUTURE };
        let renew_at = held.renew_at(held.sent_at).map_or(Instant::FAR_FUTURE, |at| at.min(latest));
        let deadline = grant.unwrap_or(held.sent_at + held.lease);
        let state = LeaseState::Held;
        let lease = Lease { serial: self.serial, state, on_grant, deadline, renew_at, renewing: false, held };
        // A grant that is not taken over in time has to be told like a lease that is not renewed.
        let look_at = renew_at.min(lease.last_call());
        let hold = HoldId::new(self.leases.insert(lease), self.serial);
        (hold, self.must_wake(look_at))
    }

    /// The claim of a hold was answered: it has its full lease, counted from `sent_at`. The flag is that of
    /// [`Self::register`].
    pub fn claimed(&mut self, sent_at: Instant, hold: HoldId) -> bool {
        let Some(lease) = self.get_mut(hold).filter(|lease| lease.state != LeaseState::Lost) else {
            return false;
        };
        lease.held.claim = None;
        lease.on_grant = false;
        // It may have been renewed since.
        lease.deadline = lease.deadline.max(sent_at + lease.held.lease);
        lease.renew_at = lease.held.renew_at(sent_at).unwrap_or(Instant::FAR_FUTURE);
        let renew_at = lease.renew_at;
        self.must_wake(renew_at)
    }

    /// A hold is lost. False when that was known.
    pub fn lose(&mut self, hold: HoldId) -> bool {
        let Some(lease) = self.get_mut(hold) else { return false };
        std::mem::replace(&mut lease.state, LeaseState::Lost) != LeaseState::Lost
    }

    /// Whether the renewal thread would look too late for what is due at `at`.
    fn must_wake(&mut self, at: Instant) -> bool {
        let wake = at < self.next_look;
        if wake {
            self.next_look = at;
        }
        wake
    }

    /// Stops the renewal of what a named owner gives back: `keys`, or all.
    pub fn give_up(&mut self, owner: &[u8], keys: Option<&[LockKey]>) {
        self.leases.retain(|_, lease| {
            if lease.held.owner.is_unique() || lease.held.owner.as_bytes() != owner {
                return true;
            }
            let kept = |key: &LockKey| keys.is_some_and(|keys| !keys.contains(key));
            if lease.held.keys.iter().all(kept) {
                return true;
            }
            let held = &mut lease.held;
            // There is a token per key, or none at all.
            let tokens =
                held.keys.iter().zip(&held.tokens).filter(|(key, _)| kept(key)).map(|(_, token)| *token);
            held.tokens = tokens.collect();
            held.keys = held.keys.iter().filter(|key| kept(key)).cloned().collect();
            !held.keys.is_empty()
        });
    }

    /// Takes a lease out; from here on it is renewed no more. Gives what is needed to release it and how far it
    /// could be trusted at `now`.
    pub fn release(&mut self, now: Instant, hold: HoldId) -> Option<(NewLease, LeaseState)> {
        let state = self.state(now, hold);
        self.get(hold)?;
        self.leases.try_remove(hold.place()).map(|lease| (lease.held, state))
    }

    /// How far the lease can be trusted at `now`, whether or not anybody has looked since.
    #[must_use]
    pub fn state(&self, now: Instant, hold: HoldId) -> LeaseState {
        match self.get(hold) {
            None => LeaseState::Gone,
            Some(lease) if now >= lease.last_call() => LeaseState::Lost,
            Some(lease) => lease.state,
        }
    }

    /// Time until the lease counts as lost, a little before it can lapse; zero once it is, or was given back.
    #[must_use]
    pub fn remaining(&self, now: Instant, hold: HoldId) -> Duration {
        match self.get(hold) {
            Some(lease) if lease.state != LeaseState::Lost => lease.last_call().since(now),
            _ => Duration::ZERO,
        }
    }

    /// The lease's parts, as registered.
    #[must_use]
    pub fn held(&self, hold: HoldId) -> Option<&NewLease> {
        self.get(hold).map(|lease| &lease.held)
    }

    /// Every lease that is renewed and not lost: what is left behind when the process ends.
    pub fn alive(&self) -> impl Iterator<Item = &NewLease> {
        let leases = self.leases.iter().map(|(_, lease)| lease);
        leases.filter(|lease| lease.held.renews && lease.state != LeaseState::Lost).map(|lease| &lease.held)
    }

    /// What is due at `now`: renewals to send and leases that are lost because their time is over. Returns when
    /// to look again.
    pub fn poll(&mut self, now: Instant, due: &mut Vec<Renewal>, lost: &mut Vec<HoldId>) -> Instant {
        let mut next = Instant::FAR_FUTURE;
        for (place, lease) in &mut self.leases {
            if lease.state == LeaseState::Lost {
                continue;
            }
            let hold = HoldId::new(place, lease.serial);
            let last_call = lease.last_call();
            if now >= last_call {
                lease.state = LeaseState::Lost;
                lost.push(hold);
                continue;
            }
            next = next.min(last_call);
            if lease.renewing {
                continue;
            }
            if now >= lease.renew_at {
                lease.renewing = true;
                // Unless somebody is in a hurry meanwhile.
                lease.renew_at = Instant::FAR_FUTURE;
                due.push(Renewal {
                    hold,
                    keys: Arc::clone(&lease.held.keys),
                    owner: lease.held.owner.clone(),
                    attempt: (!lease.held.owner.is_unique()).then_some(lease.held.attempt),
                    lease: lease.held.lease,
                    grant: lease.grant(),
                    deadline: last_call,
                });
            } else {
                next = next.min(lease.renew_at);
            }
        }
        self.next_look = next;
        next
    }

    /// Takes a renewal's answer; `sent_at` is when it was asked for. True when the lease is lost by it.
    pub fn answered(&mut self, sent_at: Instant, hold: HoldId, answer: RenewalAnswer) -> bool {
        let Some(lease) = self.get_mut(hold) else { return false };
        lease.renewing = false;
        if lease.state == LeaseState::Lost {
            return false;
        }
        match answer {
            RenewalAnswer::Extended => {
                lease.state = LeaseState::Held;
                lease.on_grant = false;
                lease.deadline = sent_at + lease.held.lease;
                lease.renew_at = lease.renew_at.min(sent_at + lease.held.lease / 3);
                false
            }
            RenewalAnswer::NotOurs => {
                lease.state = LeaseState::Lost;
                true
            }
        }
    }

    /// A renewal got no answer, or was not tried: try again soon, until the deadline.
    pub fn failed(&mut self, now: Instant, hold: HoldId) {
        let Some(lease) = self.get_mut(hold) else { return };
        lease.renewing = false;
        if lease.state == LeaseState::Held {
            lease.state = LeaseState::Suspect;
        }
        lease.renew_at = now + (lease.length() / 20).max(Duration::from_millis(20));
    }

    /// Makes every lease due at once: something happened that may have taken locks away.
    pub fn hurry(&mut self, now: Instant) {
        for (_, lease) in &mut self.leases {
            if !lease.on_grant && lease.held.renews {
                lease.renew_at = now;
            }
        }
        self.next_look = now;
    }

    fn get(&self, hold: HoldId) -> Option<&Lease> {
        self.leases.get(hold.place()).filter(|lease| HoldId::new(hold.place(), lease.serial) == hold)
    }

    fn get_mut(&mut self, hold: HoldId) -> Option<&mut Lease> {
        self.leases.get_mut(hold.place()).filter(|lease| HoldId::new(hold.place(), lease.serial) == hold)
    }
}

#[cfg(test)]
mod tests {
    use super::HoldId;

    #[test]
    fn ids_fit_a_javascript_number_however_many_holds_there_were() {
        for serial in [1, (1 << 31) - 1, 1 << 31, u64::MAX] {
            let id = HoldId::new(123, serial);
            assert!(id.to_number() < 1 << 53);
            assert_eq!(id.place(), 123);
        }
    }
}
