//! The leases of running jobs: when to renew, until when the lock can be trusted, and what became of it.
//!
//! Shared by the JavaScript thread (which registers and releases) and the renewal thread (which polls). The
//! table holds no lock and reads no clock itself.
//!
//! Methods: mutators `register`, `release`; `poll` says what is due; `answered` and `failed` take a renewal's
//! outcome; getters `state`, `remaining`, `owner`, `tokens`.

use crate::ids::Owner;
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
    /// Fencing tokens in the order of the keys; empty where the server gives none.
    pub tokens: Box<[u64]>,
    /// Length of the lease.
    pub lease: Duration,
    /// When the request that took the keys was sent: the lease counts from there.
    pub sent_at: Instant,
}

#[derive(Debug)]
struct Lease {
    serial: u64,
    held: NewLease,
    state: LeaseState,
    deadline: Instant,
    renew_at: Instant,
    renewing: bool,
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
    /// The time left to set.
    pub lease: Duration,
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
        let renew_at = held.sent_at + held.lease / 3;
        let lease = Lease {
            serial: self.serial,
            state: LeaseState::Held,
            deadline: held.sent_at + held.lease,
            renew_at,
            renewing: false,
            held,
        };
        let hold = HoldId::new(self.leases.insert(lease), self.serial);
        let wake = renew_at < self.next_look;
        if wake {
            self.next_look = renew_at;
        }
        (hold, wake)
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
            Some(lease) if now >= lease.deadline => LeaseState::Lost,
            Some(lease) => lease.state,
        }
    }

    /// Time until the lease can lapse; zero once it is lost or given back.
    #[must_use]
    pub fn remaining(&self, now: Instant, hold: HoldId) -> Duration {
        match self.get(hold) {
            Some(lease) if lease.state != LeaseState::Lost => lease.deadline.since(now),
            _ => Duration::ZERO,
        }
    }

    /// The lease's parts, as registered.
    #[must_use]
    pub fn held(&self, hold: HoldId) -> Option<&NewLease> {
        self.get(hold).map(|lease| &lease.held)
    }

    /// Every lease that is not lost: for the step at exit.
    pub fn alive(&self) -> impl Iterator<Item = &NewLease> {
        self.leases.iter().filter(|(_, lease)| lease.state != LeaseState::Lost).map(|(_, lease)| &lease.held)
    }

    /// Number of leases.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leases.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leases.is_empty()
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
            let last_call = lease.deadline.back(margin(lease.held.lease));
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
                due.push(Renewal {
                    hold,
                    keys: Arc::clone(&lease.held.keys),
                    owner: lease.held.owner.clone(),
                    lease: lease.held.lease,
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
                lease.deadline = sent_at + lease.held.lease;
                lease.renew_at = sent_at + lease.held.lease / 3;
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
        lease.renew_at = now + (lease.held.lease / 20).max(Duration::from_millis(20));
    }

    /// Makes every lease due at once: something happened that may have taken locks away.
    pub fn hurry(&mut self, now: Instant) {
        for (_, lease) in &mut self.leases {
            lease.renew_at = now;
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
