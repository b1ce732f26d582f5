//! Runs: waiters of this client that follow one another on one lock. Redis knows the first of them only: the lock keeps its owner
//! and its lease, and the next job begins as soon as the one before it has ended. Followers are those who came before everybody
//! else who waits, so the order of arrival is kept; and a run is short, so the lease is nearly whole for each of them.
//!
//! Whose job has ended is told so once Redis was seen to have the lock as theirs until then: by the release that ends the run, or
//! by a look of its own.

use super::batch::Sent;
use super::queue::KeyQueue;
use super::release::{By, Release};
use super::requests::{Claiming, Event, Hold, Outcome, ReleaseRequest};
use super::waiting::{CLAIM_PERIOD, LEAST_GRANT};
use super::{Client, Kind, State};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::margin;
use crate::time::Instant;
use crate::timers::Timer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// For how long followers may begin. A waiter whose ticket another client brings in late, out of turn, waits no longer than that.
const LONGEST: Duration = Duration::from_millis(10);
/// Of the lease, at most one in so many parts may be over when a follower begins.
const LEASE_PARTS: u32 = 4;
/// Most followers, for as many of whom a grant has tokens. Those must not outrun the server's clock in microseconds.
pub(super) const MOST_FOLLOWERS: u64 = 15;

/// Who may follow a waiter that is given a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followers {
    /// The token of the first of them; the others have the next ones.
    pub(super) token: u64,
    pub(super) count: u64,
    /// Everybody else who waits has this ticket or a later one.
    pub(super) horizon: u64,
}

#[derive(Debug)]
struct Run {
    owner: Owner,
    attempt: AttemptId,
    lease: Duration,
    /// When the command was sent that gave the lock to the first.
    sent_at: Instant,
    /// When the last follower may begin.
    closes_at: Instant,
    /// Who may follow from here on.
    followers: Followers,
    /// The latest ticket that was served without a word to Redis.
    served: Option<u64>,
    /// The run began on a grant whose claim is not answered yet: the grant may still stand for the lock's owner.
    claiming: Option<Claiming>,
    ended: Ended,
}

/// Callers whose job has ended and who are to be told.
#[derive(Debug, Default)]
struct Ended {
    callers: Vec<u64>,
    /// How long they wait for that.
    limit: Option<Instant>,
    /// When Redis will have freed the key by itself.
    until: Option<Instant>,
    /// When the lease of those jobs is over.
    good_until: Option<Instant>,
}

/// The runs of one connection.
#[derive(Debug, Default)]
pub(super) struct Runs {
    by_key: BTreeMap<LockKey, Run>,
    armed: bool,
}

impl Runs {
    /// How many wait to be told.
    pub(super) fn callers(&self) -> usize {
        self.by_key.values().map(|run| run.ended.callers.len()).sum()
    }
}

/// What is left of a run to the release that ends it.
#[derive(Debug, Default)]
pub(super) struct Rest {
    pub(super) ended: Vec<u64>,
    pub(super) served: Option<Served>,
}

/// Which waiters of a run were served without a word to Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served {
    /// Those up to this ticket.
    pub(super) up_to: u64,
    /// Whoever came after the run began has this ticket or a later one.
    pub(super) beyond: u64,
}

impl Client {
    /// A waiter is given the lock by a command that was sent at `sent_at`, or by a grant; others may follow it.
    pub(super) fn begin_run(
        &mut self,
        now: Instant,
        index: u32,
        sent_at: Instant,
        followers: Followers,
        claiming: Option<Claiming>,
    ) {
        let Some(task) = self.tasks.get(index as usize).filter(|task| task.caller.is_some()) else { return };
        let Kind::Acquire(acquire) = &task.kind else { return };
        let (Some(lease), Some(key)) = (acquire.lease, acquire.keys.first()) else { return };
        let closes_at = (now + LONGEST).min(sent_at + lease / LEASE_PARTS);
        let run = Run {
            owner: acquire.owner.clone(),
            attempt: acquire.attempt,
            lease,
            sent_at,
            closes_at: match &claiming {
                Some(claiming) => closes_at.min(claiming.until.back(margin(CLAIM_PERIOD) + LEAST_GRANT)),
                None => closes_at,
            },
            followers,
            served: None,
            claiming,
            ended: Ended::default(),
        };
        let key = key.clone();
        if let Some(before) = self.runs.by_key.insert(key.clone(), run) {
            self.look(now, key, before);
        }
    }

    /// The claim of a run's first is answered: when it was sent, if the lock is the run's.
    pub(super) fn run_claimed(&mut self, now: Instant, key: &LockKey, claim: u64, sent_at: Option<Instant>) {
        let of_claim = |run: &&mut Run| run.claiming.as_ref().is_some_and(|claiming| claiming.claim == claim);
        let Some(run) = self.runs.by_key.get_mut(key).filter(of_claim) else { return };
        if let Some(sent_at) = sent_at {
            run.claiming = None;
            run.sent_at = sent_at;
        } else if let Some(run) = self.runs.by_key.remove(key) {
            self.look(now, key.clone(), run);
        }
    }

    /// The job of a hold has ended: the next of its run begins at once, if there is one.
    pub(super) fn follow(&mut self, now: Instant, request: &ReleaseRequest) -> bool {
        let ([key], true) = (&request.keys[..], request.sound) else { return false };
        let Some(run) = self.runs.by_key.get_mut(key).filter(|run| run.owner == request.owner) else {
            return false;
        };
        let claim = run.claiming.as_ref().map(|claiming| claiming.claim);
        let under_way = |claim| self.claims.contains_key(&claim);
        if request.claim != claim || !request.claim.is_none_or(under_way) {
            return false;
        }
        if run.followers.count == 0 || now >= run.closes_at || !self.link.hands_off() {
            return false;
        }
        let quiet = self.queues.find(key).filter(|queue| queue.is_quiet(u32::from(claim.is_some())));
        let Some((ticket, index)) = quiet.and_then(KeyQueue::first) else { return false };
        let Some(task) = self.tasks.get_mut(index as usize) else { return false };
        let Kind::Acquire(acquire) = &mut task.kind else { return false };
        let ready = task.state == State::Parked && task.caller.is_some();
        if ticket >= run.followers.horizon
            || !ready
            || !acquire.is_simple()
            || acquire.lease != Some(run.lease)
        {
            return false;
        }
        let hold = Hold {
            keys: Arc::clone(&acquire.keys),
            owner: run.owner.clone(),
            attempt: run.attempt,
            tokens: Box::new([run.followers.token]),
            lease: Some(run.lease),
            sent_at: run.sent_at,
            claim: run.claiming.clone(),
            waited: true,
            keep: acquire.keep,
        };
        // Redis still has the client's entry in the queue.
        acquire.left_alone = false;
        run.followers.token += 1;
        run.followers.count -= 1;
        run.served = Some(ticket);
        run.ended.callers.push(request.caller);
        run.ended.limit = run.ended.limit.or(request.limit.map(|limit| now + limit));
        run.ended.until = request.lease_end;
        run.ended.good_until = request.good_until;
        self.callers += 1;
        if !std::mem::replace(&mut self.runs.armed, true) {
            // Once this turn is over, and if the run is not by then.
            self.timers.set(now, Timer::Look);
        }
        self.step_out(now, index);
        self.finish(index, Outcome::Held(hold));
        true
    }

    /// What is left of the run of a lock that is given back.
    pub(super) fn end_run(&mut self, key: Option<&LockKey>, owner: &Owner) -> Rest {
        let run = key.and_then(|key| self.runs.by_key.get(key)).filter(|run| run.owner == *owner);
        let run = run.and(key).and_then(|key| self.runs.by_key.remove(key));
        run.map_or_else(Rest::default, |Run { ended, served, followers, .. }| {
            let beyond = followers.token + followers.count;
            Rest { ended: ended.callers, served: served.map(|up_to| Served { up_to, beyond }) }
        })
    }

    /// Whether a command is under way that may bring the client into the key's queue.
    pub(super) fn is_parking(&self, key: &LockKey) -> bool {
        self.in_flight.iter().flat_map(Sent::tasks).any(|index| {
            let task = self.tasks.get(*index as usize);
            task.is_some_and(
                |task| matches!(&task.kind, Kind::Acquire(acquire) if acquire.keys.contains(key)),
            )
        })
    }

    /// Asks Redis for those who wait to be told that the lock was their own.
    pub(super) fn look_due(&mut self, now: Instant) {
        self.runs.armed = false;
        let waited_for = self.runs.by_key.iter().filter(|(_, run)| !run.ended.callers.is_empty());
        for key in waited_for.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            if let Some(run) = self.runs.by_key.remove(&key) {
                let rest = self.look(now, key.clone(), run);
                self.runs.by_key.insert(key, rest);
            }
        }
    }

    /// Asks for those of a run who wait to be told; gives the run back without them.
    fn look(&mut self, now: Instant, key: LockKey, mut run: Run) -> Run {
        let Ended { mut callers, limit, until, good_until } = std::mem::take(&mut run.ended);
        let Some(caller) = callers.pop() else { return run };
        // Counted again as the task's.
        self.callers -= 1;
        let (keys, by) = (Arc::new([key]), By::Look);
        let mut release = Release::automatic(now, keys, run.owner.clone(), by, run.attempt, until);
        release.hold = true;
        release.good_until = good_until;
        release.also = callers;
        release.grant = run.claiming.as_ref().map(|claiming| Arc::clone(&claiming.grant));
        self.add(now, Some(caller), Kind::Release(release), limit);
        run
    }

    /// The answer to a look: who holds the lock.
    pub(super) fn looked(&mut self, now: Instant, index: u32, holder: Option<&[u8]>) {
        let Some(task) = self.tasks.get(index as usize) else { return };
        let Kind::Release(release) = &task.kind else { return };
        // As with a release: after a broken connection the run may have ended since.
        let own = holder == Some(release.owner.as_bytes())
            || holder.is_some() && holder == release.grant.as_deref();
        if own || task.unsure || release.is_late(now) {
            return self.finish(index, Outcome::Released);
        }
        let keys = self.caller_names(&release.keys);
        let taken = release.keys.first().cloned();
        self.finish(index, Outcome::NotHeld(keys));
        // Another job of the run may be under way.
        self.events.extend(taken.map(|key| Event::TakenAway { key }));
    }

    /// The connection is gone: nobody follows any more, and who has ended does not wait for a server that is not there.
    pub(super) fn end_runs(&mut self) {
        for caller in self.take_ended() {
            self.callers -= 1;
            self.events.push_back(Event::Done { caller, outcome: Outcome::Released });
        }
    }

    /// Ends all runs. Whoever waits to be told is to be told.
    pub(super) fn take_ended(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.runs.by_key).into_values().flat_map(|run| run.ended.callers).collect()
    }
}
