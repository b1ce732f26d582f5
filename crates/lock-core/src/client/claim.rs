//! The quick ways from one holder of `execute` to the next: a job that begins on a grant while the claim is under
//! way, and a release that names the client's next waiter.

use super::encoding::{append_eval, append_side, append_ticket, lease_ms};
use super::queue::{Granted, KeyQueue};
use super::release::{By, Release};
use super::requests::{Claiming, Event, Hold, Outcome};
use super::run::{Followers, MOST_FOLLOWERS};
use super::{Client, Kind, State};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// Pause before a claim that Redis answered with an error is tried again.
const CLAIM_RETRY: Duration = Duration::from_millis(100);

/// Puts owner and lease in place of a grant on which a job is running already.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) key: LockKey,
    grant: Arc<[u8]>,
    owner: Owner,
    lease: Duration,
    client: AttemptId,
    sent_at: Instant,
    /// Until when the grant stands.
    until: Instant,
    /// The job has ended; its release named the grant too.
    pub(super) superseded: bool,
    /// Made on this connection, so that its queue counts it.
    pub(super) counted: bool,
}

impl Claim {
    /// `next`: the ticket of the client's next waiter.
    pub(super) fn encode(&mut self, now: Instant, whole: bool, next: Option<u64>, out: &mut Vec<u8>) {
        self.sent_at = now;
        append_eval(out, Script::Claim, whole, 2, 5);
        append_text(out, self.key.name());
        append_side(out, &mut Vec::new(), |side| self.key.queue(side));
        append_text(out, &self.grant);
        append_text(out, self.owner.as_bytes());
        append_integer(out, lease_ms(self.lease));
        append_text(out, &self.client);
        append_ticket(out, next);
    }
}

/// What a release says of the client's oldest waiter.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    ticket: u64,
    to: Option<Heir>,
}

/// A waiter that can be given the lock at once.
#[derive(Clone, Debug)]
struct Heir {
    task: u32,
    owner: Owner,
    lease: Duration,
    /// The ticket after its own.
    next: Option<u64>,
    /// How many may follow it without a word to Redis.
    followers: u64,
}

impl Offer {
    pub(super) fn encode(offer: Option<&Self>, out: &mut Vec<u8>) {
        append_ticket(out, offer.map(|offer| offer.ticket));
        match offer.and_then(|offer| offer.to.as_ref()) {
            Some(Heir { owner, lease, next, followers, .. }) => {
                append_text(out, owner.as_bytes());
                append_integer(out, lease_ms(*lease));
                append_ticket(out, *next);
                append_integer(out, *followers);
            }
            None => (0..4).for_each(|_| append_text(out, b"")),
        }
    }
}

impl Client {
    /// The job of a waiter begins on the grant; its claim follows.
    pub(super) fn begin_on_grant(&mut self, now: Instant, index: u32, granted: Granted) {
        let Some(Kind::Acquire(acquire)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return;
        };
        // The claim tells Redis of the next.
        acquire.left_alone = false;
        let (Some(lease), Some(key)) = (acquire.lease, acquire.keys.first().cloned()) else { return };
        let Granted { token, horizon, until } = granted;
        // From the claim on, a lease that is shorter than the grant counts.
        let until = until.min(now + lease);
        let mut hold = Hold {
            keys: Arc::clone(&acquire.keys),
            owner: acquire.owner.clone(),
            attempt: acquire.attempt,
            tokens: Box::new([token]),
            lease: Some(lease),
            sent_at: now,
            claim: None,
            waited: true,
            keep: acquire.keep,
        };
        let (_, _, Some(queue)) = self.queues.enter(&key) else { return };
        queue.claiming += 1;
        let grant = [b"grant:", &self.link.client_id()[..], b":", token.to_string().as_bytes()].concat();
        let grant: Arc<[u8]> = grant.into();
        let claim = Claim {
            grant: Arc::clone(&grant),
            owner: hold.owner.clone(),
            lease,
            client: *self.link.client_id(),
            sent_at: now,
            until,
            superseded: false,
            counted: true,
            key,
        };
        let task = self.insert(None, Kind::Claim(claim), None);
        let serial = self.serial;
        self.unsent.push((task, serial));
        self.claims.insert(serial, task);
        let claiming = Claiming { claim: serial, until, grant };
        hold.claim = Some(claiming.clone());
        if let Some(horizon) = horizon {
            let followers = Followers { token: token + 1, count: MOST_FOLLOWERS, horizon };
            self.begin_run(now, index, now, followers, Some(claiming));
        }
        self.step_out(now, index);
        self.handed_on(now, &hold.keys);
        self.finish(index, Outcome::Held(hold));
    }

    /// Also when it seems to come too late: if the job blocked the thread, the renewal has claimed meanwhile.
    pub(super) fn send_claim(&mut self, now: Instant, index: u32, whole: bool) {
        let Some(Kind::Claim(claim)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind) else {
            return;
        };
        // Whose job began on the grant, and who followed, waits no more.
        let queue = self.queues.find(&claim.key).filter(|_| claim.counted);
        let next = queue.and_then(KeyQueue::first).map(|(ticket, _)| ticket);
        claim.encode(now, whole, next, &mut self.out);
    }

    pub(super) fn claim_reply(&mut self, now: Instant, index: u32, reply: &Value) {
        let Some(Kind::Claim(claim)) = self.tasks.get(index as usize).map(|task| &task.kind) else { return };
        let sent_at = claim.sent_at;
        match reply {
            Value::Array(items) if items.first() == Some(&Value::Int(1)) => {
                self.end_claim(now, index, Some(sent_at));
            }
            Value::Array(_) => self.end_claim(now, index, None),
            _ => self.claim_failed(now, index),
        }
    }

    /// Redis did not carry the claim out, which says nothing about the grant. It is tried again for as long as the grant may stand.
    fn claim_failed(&mut self, now: Instant, index: u32) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::Claim(claim) = &task.kind else { return };
        if claim.superseded || now + CLAIM_RETRY >= claim.until {
            let key = claim.key.clone();
            // The lease ends with the grant, unless the renewal can claim.
            self.forget_claim(index);
            return self.settle(now, &key);
        }
        task.state = State::Pausing;
        self.timers.set(now + CLAIM_RETRY, Timer::Retry(index, task.serial));
    }

    fn end_claim(&mut self, now: Instant, index: u32, sent_at: Option<Instant>) {
        let Some(task) = self.tasks.get(index as usize) else { return };
        let Kind::Claim(claim) = &task.kind else { return };
        let number = task.serial;
        let key = claim.key.clone();
        if !claim.superseded {
            self.run_claimed(now, &key, number, sent_at);
        }
        let Some(Kind::Claim(claim)) = self.tasks.get(index as usize).map(|task| &task.kind) else { return };
        if !claim.superseded {
            self.events.push_back(match sent_at {
                Some(sent_at) => Event::Claimed { claim: number, sent_at },
                None => Event::ClaimLost { claim: number },
            });
        }
        self.forget_claim(index);
        self.settle(now, &key);
    }

    /// Forgets a claim that needs no answer any more.
    pub(super) fn forget_claim(&mut self, index: u32) {
        let Some(task) = self.tasks.get(index as usize) else { return };
        let Kind::Claim(claim) = &task.kind else { return };
        if claim.counted
            && let Some(queue) = self.queues.find_mut(&claim.key)
        {
            queue.claiming = queue.claiming.saturating_sub(1);
        }
        self.claims.remove(&task.serial);
        self.forget(index);
    }

    /// After the connection was lost: claims are asked again in the name of a client that is no more.
    pub(super) fn detach_claims(&mut self) {
        for index in self.claims.values() {
            if let Some(Kind::Claim(claim)) = self.tasks.get_mut(*index as usize).map(|task| &mut task.kind) {
                claim.counted = false;
            }
        }
    }

    /// Whether the claim is under way here.
    pub(crate) fn knows_claim(&self, claim: u64) -> bool {
        self.claims.contains_key(&claim)
    }

    /// The grant of a claim that is not answered yet, for the release of its hold; the claim is not sent any more.
    pub(crate) fn supersede(&mut self, claim: u64) -> Option<Arc<[u8]>> {
        let index = *self.claims.get(&claim)?;
        let Some(Kind::Claim(of_task)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind) else {
            return None;
        };
        of_task.superseded = true;
        let grant = Arc::clone(&of_task.grant);
        let pauses = self.tasks.get(index as usize).is_some_and(|task| task.state == State::Pausing);
        if pauses || self.unsent.contains(&(index, claim)) {
            self.forget_claim(index);
        }
        Some(grant)
    }

    /// Names the client's oldest waiter in a release that is about to be sent.
    pub(super) fn offer(&mut self, now: Instant, index: u32) {
        let Some(Kind::Release(release)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return;
        };
        release.sent_at = now;
        release.offer = None;
        let gives = self.link.hands_off() && release.owner.is_unique() && release.by != By::Look;
        let (keys, served) = (Arc::clone(&release.keys), release.served);
        let ([key], true) = (&keys[..], gives) else { return };
        let waiting = self.queues.find(key).and_then(|queue| Some((queue, queue.first()?)));
        let Some((queue, (ticket, oldest))) = waiting else {
            // By now, the entry that would be taken out may be that of a waiter not known yet.
            let unknown = served.filter(|_| self.is_parking(key));
            if let Some(Kind::Release(release)) =
                self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
            {
                release.offer = unknown.map(|served| Offer { ticket: served.beyond, to: None });
            }
            return;
        };
        // The claim of the very hold that is given back is answered before this release.
        let own = u32::from(release.claim.is_some_and(|claim| self.claims.contains_key(&claim)));
        let next = queue.ticket_beside(oldest);
        let free = queue.claiming <= own;
        let followers = if self.config.safety.is_none() { queue.len() - 1 } else { 0 };
        let followers = (followers as u64).min(MOST_FOLLOWERS);
        let waiter = self.tasks.get_mut(oldest as usize).filter(|task| free && task.state == State::Parked);
        let to = waiter.and_then(|task| match &mut task.kind {
            Kind::Acquire(acquire) if acquire.is_simple() => {
                task.state = State::Offered;
                acquire.left_alone = next.is_none();
                let owner = acquire.owner.clone();
                acquire.lease.map(|lease| Heir { task: oldest, owner, lease, next, followers })
            }
            _ => None,
        });
        if let Some(Kind::Release(release)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind) {
            release.offer = Some(Offer { ticket, to });
        }
    }

    /// The answer to a release: what became of the waiter that it named. `token`: the lock is this client's.
    /// `horizon`: nobody else has an earlier ticket.
    pub(super) fn offer_answered(
        &mut self,
        now: Instant,
        index: u32,
        given: bool,
        token: Option<u64>,
        horizon: Option<u64>,
    ) {
        let Some(Kind::Release(Release { keys, offer, sent_at, .. })) =
            self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return;
        };
        let (keys, offer, sent_at) = (Arc::clone(keys), offer.take(), *sent_at);
        let Some(key) = keys.first() else { return };
        if let Some(Heir { task: waiter, followers: count, .. }) = offer.and_then(|offer| offer.to)
            && let Some(task) = self.tasks.get_mut(waiter as usize)
            && task.state == State::Offered
        {
            task.state = State::Parked;
            let waits = matches!(&task.kind, Kind::Acquire(acquire) if acquire.place.is_some());
            match (given, task.caller.is_some()) {
                (true, _) => {
                    if let (Some(token), Some(horizon)) = (token, horizon) {
                        let followers = Followers { token: token + 1, count, horizon };
                        self.begin_run(now, waiter, sent_at, followers, None);
                    }
                    return self.held(now, waiter, token.into_iter().collect(), sent_at);
                }
                (false, false) => self.withdraw(now, waiter),
                // Everybody polls by now.
                (false, true) if !waits => self.pause(now, waiter),
                (false, true) => {}
            }
        }
        match token {
            Some(token) => self.granted(now, key, token, None, Some(sent_at)),
            None => self.settle(now, key),
        }
    }
}
