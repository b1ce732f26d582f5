//! Cohorts: waiters of this client that follow one another on one lock. Redis knows only the first of them. The lock keeps its owner and
//! its lease, and the next job begins as soon as the one before it has ended. Only waiters who came before all other clients' waiters may
//! follow, so the order of arrival is kept. A cohort is short, so each follower has nearly the whole lease.
//!
//! A caller whose job has ended is told as soon as Redis has shown that the lock was still the cohort's. The release that ends the cohort
//! shows it, or else a GET.

use crate::commands::hand_over::Served;
use crate::effects::Effects;
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::{CLAIM_PERIOD, margin};
use crate::requests::{Claiming, Hold, Keep, ReleaseRequest};
use crate::time::Instant;
use crate::timers::Timer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long followers may begin. A waiter whose ticket another client brings in late, out of turn, waits no longer than this.
const LONGEST: Duration = Duration::from_millis(10);
/// A follower begins only while less than this part of the lease is over: one divided by this number.
const LEASE_PARTS: u32 = 4;
/// Most followers. A grant draws a token for each. With more, the counter would outrun the server's clock in microseconds.
pub(crate) const MOST_FOLLOWERS: u64 = 15;

/// The waiters that may follow the waiter that gets a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Followers {
    /// The token of the first follower. The others have the next tokens.
    pub(crate) token: u64,
    pub(crate) count: u64,
    /// All other clients' waiters have this ticket or a later one.
    pub(crate) first_foreign_ticket: u64,
}

/// The first waiter of a cohort.
#[derive(Debug)]
pub(crate) struct First {
    pub(crate) key: LockKey,
    pub(crate) owner: Owner,
    pub(crate) attempt: AttemptId,
    pub(crate) lease: Duration,
    /// When the command was sent that gave it the lock. For a grant: now.
    pub(crate) sent_at: Instant,
    /// The waiter began on a grant whose claim is not answered yet.
    pub(crate) claiming: Option<Claiming>,
    /// How much of the grant must be left so that another job may begin.
    pub(crate) least_grant: Duration,
}

#[derive(Debug)]
struct Cohort {
    owner: Owner,
    attempt: AttemptId,
    lease: Duration,
    sent_at: Instant,
    /// The last moment at which a follower may begin.
    closes_at: Instant,
    /// The waiters that may follow from here on.
    followers: Followers,
    /// The latest ticket that was served without a command.
    served: Option<u64>,
    /// The grant that may still stand in place of the lock's owner.
    claiming: Option<Claiming>,
    ended: Ended,
}

/// A caller whose job has ended and who was not told yet.
#[derive(Debug, Default)]
struct Ended {
    callers: Vec<u64>,
    /// How long the caller waits to be told.
    limit: Option<Instant>,
    /// When Redis will have freed the key by itself.
    until: Option<Instant>,
    /// The end of these jobs' lease.
    good_until: Option<Instant>,
}

/// The question who owns a lock, for callers whose jobs have ended.
#[derive(Debug)]
pub(crate) struct Verification {
    pub(crate) key: LockKey,
    pub(crate) owner: Owner,
    pub(crate) attempt: AttemptId,
    pub(crate) caller: u64,
    /// Other callers of the same answer.
    pub(crate) others: Vec<u64>,
    pub(crate) limit: Option<Instant>,
    pub(crate) until: Option<Instant>,
    pub(crate) good_until: Option<Instant>,
    /// The grant that may still stand in place of the owner.
    pub(crate) grant: Option<Arc<[u8]>>,
}

/// The cohorts of one connection.
#[derive(Debug, Default)]
pub(crate) struct Cohorts {
    by_key: BTreeMap<LockKey, Cohort>,
    armed: bool,
}

/// The rest of a cohort, for the release that ends it.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    pub(crate) ended: Vec<u64>,
    pub(crate) served: Option<Served>,
}

impl Cohorts {
    /// A waiter gets the lock, and others may follow it. Returns the question for the callers of an earlier cohort on the key.
    pub(crate) fn begin(&mut self, now: Instant, first: First, followers: Followers) -> Option<Verification> {
        let closes_at = (now + LONGEST).min(first.sent_at + first.lease / LEASE_PARTS);
        let cohort = Cohort {
            owner: first.owner,
            attempt: first.attempt,
            lease: first.lease,
            sent_at: first.sent_at,
            closes_at: match &first.claiming {
                Some(claiming) => {
                    closes_at.min(claiming.until.back(margin(CLAIM_PERIOD) + first.least_grant))
                }
                None => closes_at,
            },
            followers,
            served: None,
            claiming: first.claiming,
            ended: Ended::default(),
        };
        let mut before = self.by_key.insert(first.key.clone(), cohort)?;
        before.verify(&first.key)
    }

    /// The claim of a cohort's first waiter was answered. If the lock is the cohort's, notes when the claim was sent. Else returns the
    /// question for its callers.
    pub(crate) fn claimed(
        &mut self,
        key: &LockKey,
        claim: u64,
        sent_at: Option<Instant>,
    ) -> Option<Verification> {
        let of_claim = |claiming: &Claiming| claiming.claim == claim;
        let cohort =
            self.by_key.get_mut(key).filter(|cohort| cohort.claiming.as_ref().is_some_and(of_claim))?;
        if let Some(sent_at) = sent_at {
            cohort.claiming = None;
            cohort.sent_at = sent_at;
            return None;
        }
        self.by_key.remove(key).and_then(|mut cohort| cohort.verify(key))
    }

    /// Returns the claim on which the cohort's followers depend, if a waiter may follow after this release. `None`: no waiter may follow.
    pub(crate) fn may_follow(&self, now: Instant, request: &ReleaseRequest) -> Option<Option<u64>> {
        let ([key], true) = (&request.keys[..], request.sound) else { return None };
        let cohort = self.by_key.get(key).filter(|cohort| cohort.owner == request.owner)?;
        let claim = cohort.claiming.as_ref().map(|claiming| claiming.claim);
        let open = request.claim == claim && cohort.followers.count > 0 && now < cohort.closes_at;
        open.then_some(claim)
    }

    /// Whether a waiter with this ticket and lease may be next in the key's cohort.
    pub(crate) fn takes(&self, key: &LockKey, ticket: u64, lease: Option<Duration>) -> bool {
        self.by_key.get(key).is_some_and(|cohort| {
            ticket < cohort.followers.first_foreign_ticket && lease == Some(cohort.lease)
        })
    }

    /// The job of a hold has ended, and the waiter with this ticket is next. Returns its hold.
    pub(crate) fn follow(
        &mut self,
        now: Instant,
        request: &ReleaseRequest,
        ticket: u64,
        keep: Keep,
        fx: &mut Effects,
    ) -> Option<Hold> {
        let cohort = self.by_key.get_mut(request.keys.first()?)?;
        let hold = Hold {
            keys: Arc::clone(&request.keys),
            owner: cohort.owner.clone(),
            attempt: cohort.attempt,
            tokens: Box::new([cohort.followers.token]),
            lease: Some(cohort.lease),
            sent_at: cohort.sent_at,
            claim: cohort.claiming.clone(),
            waited: true,
            joined: false,
            keep,
            label: None,
        };
        cohort.followers.token += 1;
        cohort.followers.count -= 1;
        cohort.served = Some(ticket);
        cohort.ended.callers.push(request.caller);
        cohort.ended.limit = cohort.ended.limit.or(request.limit.map(|limit| now + limit));
        cohort.ended.until = request.lease_end;
        cohort.ended.good_until = request.good_until;
        if !std::mem::replace(&mut self.armed, true) {
            // The question is due after this turn, if the cohort has not ended by then.
            fx.arm(now, Timer::Verify);
        }
        Some(hold)
    }

    /// Ends the cohort of a lock that is given back. Returns the rest of it.
    pub(crate) fn end(&mut self, key: Option<&LockKey>, owner: &Owner) -> Rest {
        let cohort = key.and_then(|key| self.by_key.get(key)).filter(|cohort| cohort.owner == *owner);
        let cohort = cohort.and(key).and_then(|key| self.by_key.remove(key));
        cohort.map_or_else(Rest::default, |Cohort { ended, served, followers, .. }| {
            let beyond = followers.token + followers.count;
            Rest { ended: ended.callers, served: served.map(|up_to| Served { up_to, beyond }) }
        })
    }

    /// The questions for all callers who were not told yet.
    pub(crate) fn verify_due(&mut self) -> Vec<Verification> {
        self.armed = false;
        self.by_key.iter_mut().filter_map(|(key, cohort)| cohort.verify(key)).collect()
    }

    /// Ends all cohorts. Returns the callers who were not told yet.
    pub(crate) fn end_all(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.by_key).into_values().flat_map(|cohort| cohort.ended.callers).collect()
    }

    /// Whether a caller waits to be told.
    pub(crate) fn has_callers(&self) -> bool {
        self.by_key.values().any(|cohort| !cohort.ended.callers.is_empty())
    }
}

impl Cohort {
    /// The question for the callers who wait to be told. From now on the cohort does not count them.
    fn verify(&mut self, key: &LockKey) -> Option<Verification> {
        let Ended { mut callers, limit, until, good_until } = std::mem::take(&mut self.ended);
        let caller = callers.pop()?;
        Some(Verification {
            key: key.clone(),
            owner: self.owner.clone(),
            attempt: self.attempt,
            caller,
            others: callers,
            limit,
            until,
            good_until,
            grant: self.claiming.as_ref().map(|claiming| Arc::clone(&claiming.grant)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Cohorts, First, Followers};
    use crate::effects::Effects;
    use crate::ids::{IdSource, Owner};
    use crate::key::LockKey;
    use crate::requests::{Keep, ReleaseRequest};
    use crate::time::Instant;
    use std::time::Duration;

    const NOW: Instant = Instant::from_nanos(1 << 40);
    const MS: Duration = Duration::from_millis(1);
    const LEASE: Duration = Duration::from_secs(10);

    struct Rig {
        cohorts: Cohorts,
        fx: Effects,
        key: LockKey,
        owner: Owner,
    }

    impl Rig {
        /// A cohort whose first waiter has the lock. Two may follow, with tickets below 50.
        fn new() -> Self {
            let (mut cohorts, key) = (Cohorts::default(), LockKey::new(b"k".to_vec()));
            let mut ids = IdSource::new([7; 24]);
            let owner = ids.execute_owner();
            let first = First {
                key: key.clone(),
                owner: owner.clone(),
                attempt: ids.attempt(),
                lease: LEASE,
                sent_at: NOW,
                claiming: None,
                least_grant: Duration::ZERO,
            };
            let followers = Followers { token: 101, count: 2, first_foreign_ticket: 50 };
            assert!(cohorts.begin(NOW, first, followers).is_none());
            Self { cohorts, fx: Effects::default(), key, owner }
        }

        fn release(&self, caller: u64) -> ReleaseRequest {
            ReleaseRequest {
                caller,
                keys: [self.key.clone()].into(),
                owner: self.owner.clone(),
                lease_end: Some(NOW + LEASE),
                claim: None,
                limit: None,
                waited: true,
                sound: true,
                good_until: None,
                of_attempt: None,
            }
        }
    }

    #[test]
    fn followers_have_the_next_tokens_and_the_same_owner_until_there_are_no_more() {
        let mut rig = Rig::new();
        for (caller, token) in [(1, 101), (2, 102)] {
            let request = rig.release(caller);
            assert_eq!(rig.cohorts.may_follow(NOW, &request), Some(None));
            let hold = rig.cohorts.follow(NOW, &request, caller, Keep::Renewed, &mut rig.fx).unwrap();
            assert_eq!((&*hold.tokens, &hold.owner), (&[token][..], &rig.owner));
        }
        assert_eq!(rig.cohorts.may_follow(NOW, &rig.release(3)), None);
    }

    #[test]
    fn nobody_follows_an_unsound_hold_another_owner_or_after_ten_milliseconds() {
        let rig = Rig::new();
        let unsound = ReleaseRequest { sound: false, ..rig.release(1) };
        assert_eq!(rig.cohorts.may_follow(NOW, &unsound), None);
        let other = ReleaseRequest { owner: Owner::Named(b"other"[..].into()), ..rig.release(1) };
        assert_eq!(rig.cohorts.may_follow(NOW, &other), None);
        assert_eq!(rig.cohorts.may_follow(NOW + 9 * MS, &rig.release(1)), Some(None));
        assert_eq!(rig.cohorts.may_follow(NOW + 10 * MS, &rig.release(1)), None);
    }

    #[test]
    fn only_waiters_before_everybody_elses_and_with_the_same_lease_follow() {
        let rig = Rig::new();
        assert!(rig.cohorts.takes(&rig.key, 49, Some(LEASE)));
        assert!(!rig.cohorts.takes(&rig.key, 50, Some(LEASE)));
        assert!(!rig.cohorts.takes(&rig.key, 49, Some(LEASE / 2)));
    }

    #[test]
    fn a_caller_whose_job_has_ended_is_told_once_by_the_cohorts_release_or_by_a_question() {
        let mut rig = Rig::new();
        let request = rig.release(1);
        rig.cohorts.follow(NOW, &request, 7, Keep::Renewed, &mut rig.fx);
        assert!(rig.cohorts.has_callers() && rig.fx.next_due() == Some(NOW));
        let asked = rig.cohorts.verify_due();
        assert_eq!(asked.iter().map(|asked| asked.caller).collect::<Vec<_>>(), [1]);
        assert!(rig.cohorts.verify_due().is_empty() && !rig.cohorts.has_callers());
        let request = rig.release(2);
        rig.cohorts.follow(NOW, &request, 8, Keep::Renewed, &mut rig.fx);
        let rest = rig.cohorts.end(Some(&rig.key), &rig.owner);
        assert_eq!(
            (rest.ended, rest.served.map(|served| (served.up_to, served.beyond))),
            (vec![2], Some((8, 103)))
        );
    }

    #[test]
    fn callers_that_wait_to_be_told_are_given_out_when_the_connection_is_gone() {
        let mut rig = Rig::new();
        let request = rig.release(1);
        rig.cohorts.follow(NOW, &request, 7, Keep::Renewed, &mut rig.fx);
        assert_eq!(rig.cohorts.end_all(), [1]);
        assert!(!rig.cohorts.has_callers());
    }
}
