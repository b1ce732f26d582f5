//! Calls that go to another node of a cluster: one client gives the call out, and another takes it in.

use super::state::{Client, Redirected};
use crate::call_id::CallId;
use crate::calls::{By, Call, Kind, Release, State};
use crate::connection::Identity;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::present::Present;
use crate::requests::{AcquireRequest, OfAttempt, ReleaseAllRequest, ReleaseRequest, WaitPolicy, Wanted};
use crate::time::Instant;
use crate::timers::Timer;
use std::sync::Arc;
use std::time::Duration;

/// A release may be redirected this many times as often as other calls, because the lock stays without it.
const RELEASE_TIMES: u32 = 10;

/// The server's identity for the last connection of a client.
#[derive(Debug)]
pub(crate) struct LastConnection(Identity);

/// A call in the form in which it was asked for.
pub(crate) enum Asked {
    /// Take keys, for this owner and attempt.
    Acquire { request: AcquireRequest, owner: Owner, attempt: AttemptId },
    /// Give keys back.
    Release(ReleaseRequest),
    /// Give back what was taken for nobody.
    GiveBack { keys: Arc<[LockKey]>, owner: Owner, by: By, until: Option<Instant> },
}

/// The request that a call stands for. `None`: nobody wants it any more.
pub(crate) fn asked_for(call: Call, now: Instant) -> Option<Asked> {
    let (caller, limit) = (call.caller(), call.limit);
    match call.kind {
        Kind::Acquire(acquire) => {
            let wait = match (acquire.wait, limit) {
                (WaitPolicy::Limit(_), Some(limit)) => WaitPolicy::Limit(limit.since(now)),
                (wait, _) => wait,
            };
            let request = AcquireRequest {
                caller: caller?,
                keys: acquire.keys,
                named: acquire.named,
                wanted: match &acquire.owner {
                    Owner::Execute(_) => Wanted::Execute,
                    Owner::Named(name) => Wanted::Named(Arc::clone(name)),
                },
                lease: acquire.lease,
                wait,
                keep: acquire.keep,
                label: acquire.label,
            };
            Some(Asked::Acquire { request, owner: acquire.owner, attempt: acquire.attempt })
        }
        Kind::Release(release) => Some(match (caller, release.by) {
            (Some(caller), By::Owner | By::Attempt(_)) => Asked::Release(ReleaseRequest {
                caller,
                keys: release.keys,
                owner: release.owner,
                lease_end: release.until.filter(|_| release.of_job),
                claim: release.claim,
                limit: limit.map(|limit| limit.since(now)),
                waited: false,
                sound: false,
                good_until: release.good_until,
                of_attempt: match release.by {
                    By::Attempt(attempt) => Some(OfAttempt { attempt, alone: false }),
                    _ => None,
                },
            }),
            (_, by) => {
                // The caller was told already, and giving back by owner is never wrong.
                let by = if by == By::VerifyOwner { By::Owner } else { by };
                Asked::GiveBack { keys: release.keys, owner: release.owner, by, until: release.until }
            }
        }),
        Kind::ReleaseAll(_) | Kind::Renew(_) | Kind::Claim(_) | Kind::Leave(_) => None,
    }
}

impl Client {
    /// Withdraws the call of this number, in whatever state it is.
    pub(crate) fn cancel_caller(&mut self, now: Instant, caller: u64) {
        if let Some(id) = self.calls.of_caller(caller) {
            self.cancel(now, id.index, caller);
        }
    }

    /// Whether the client takes no more calls.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether a command may name keys of one slot only.
    pub(crate) fn keeps_to_slots(&self) -> bool {
        self.connection.keeps_to_slots()
    }

    /// The last connection. The next client of this node gets it.
    pub(crate) fn last_connection(&self) -> Option<LastConnection> {
        self.connection.identity().map(LastConnection)
    }

    /// Makes the next connection end this one first, if the server still has it.
    pub(crate) fn succeed(&mut self, last: LastConnection) {
        self.connection.succeed(last.0);
    }

    /// In a cluster: tells a slot of this node, before the client connects.
    pub(crate) fn set_slot(&mut self, slot: u16) {
        self.connection.set_slot(slot);
    }

    /// Asks for the cluster's table of slots, unless a lookup is under way. Only for the client that stands for the lookup and has no
    /// connection.
    pub(crate) fn look_up(&mut self) {
        self.connection.reconnect(&mut self.fx);
    }

    /// How many lookups must end until one ends that began after this moment. `None`: there will be no more lookups.
    pub(crate) fn lookups_to_come(&self) -> Option<u32> {
        (!self.connection.is_stopped()).then(|| 1 + u32::from(self.connection.is_connecting()))
    }

    /// The table was found.
    pub(crate) fn looked_up(&mut self) {
        self.connection.looked_up();
    }

    /// The commands that were redirected since the last time.
    pub(crate) fn take_redirected(&mut self) -> Vec<Redirected> {
        std::mem::take(&mut self.redirected)
    }

    /// Whether the call was redirected as often as it may be.
    pub(crate) fn is_lost_way(&self, id: CallId) -> bool {
        self.calls.get(id).is_some_and(|call| {
            let goes_on = call.limit.is_some() || !call.is_wanted();
            let times = if call.is_release() { RELEASE_TIMES } else { 1 };
            !goes_on && self.is_redirected_beyond(call, times)
        })
    }

    /// Tells the caller of a redirected call that it failed.
    pub(crate) fn fail_redirected(&mut self, now: Instant, id: CallId, error: Error) {
        self.stop_waiting(now, id);
        if self.calls.get(id).is_some() {
            // There is a connection, so a roll-back must not wait for one.
            self.calls.set_state(id, State::Pausing);
        }
        self.fail_or_roll_back(now, id, error);
    }

    /// For the client that stands for the lookup: the table of slots has no node for the calls that wait here. This counts as one
    /// redirection.
    pub(crate) fn count_unplaced(&mut self, now: Instant) {
        for id in self.calls.waiting() {
            let Some(call) = self.calls.get_mut(id).filter(|call| call.slot().is_some()) else { continue };
            call.redirections += 1;
            if self.is_lost_way(id) {
                let message =
                    "Too many Cluster redirections. Last error: CLUSTERDOWN Hash slot not served".to_owned();
                self.fail_or_roll_back(now, id, Error::new(Code::Refused, message));
            }
        }
    }

    /// Makes a redirected call ask here once more.
    pub(crate) fn retry_redirected(&mut self, now: Instant, id: CallId, pause: Duration) {
        self.go_on(now, id, pause);
    }

    /// The slot of a call's keys.
    pub(crate) fn slot_of(&self, id: CallId) -> Option<u16> {
        self.calls.get(id)?.slot()
    }

    /// Takes a call out, so that another client can take it in.
    pub(crate) fn extract(&mut self, id: CallId) -> Option<Call> {
        let call = self.calls.get_mut(id)?;
        match &mut call.kind {
            Kind::Acquire(acquire) => {
                acquire.poll_armed = false;
                // The call holds the keys before the one at which it stands.
                call.in_doubt |= acquire.place.is_some_and(|place| place.at > 0);
                if let (Some(place), Some(key)) = (acquire.place, acquire.place_key().cloned()) {
                    self.waiters.take_out(&key, place.ticket, id);
                }
            }
            Kind::Claim(claim) => self.waiters.claim_taken_out(&claim.key, id),
            _ => {}
        }
        self.calls.take(id)
    }

    /// Takes out every call of these slots that has no command under way. The node will redirect the others.
    pub(crate) fn extract_slots(&mut self, left: impl Fn(u16) -> bool) -> Vec<Call> {
        let waiting = |state| matches!(state, State::Backlog | State::Pausing | State::Parked);
        let mut found: Vec<CallId> = (self.calls.iter())
            .filter(|(_, call)| waiting(call.state()) && call.slot().is_some_and(&left))
            .map(|(id, _)| id)
            .collect();
        found.sort_unstable_by_key(|id| id.serial);
        found.into_iter().filter_map(|id| self.extract(id)).collect()
    }

    /// The router lets the node go. The client's calls wait to be taken elsewhere. This is no failed reconnect, so no call fails for it.
    pub(crate) fn retire(&mut self, now: Instant) {
        self.config.retry.most_reconnects = None;
        self.give_up(now, "the node has no slots any more");
    }

    /// Takes in a call of another client. `asking`: the call comes here before this node owns the slot.
    pub(crate) fn adopt(&mut self, now: Instant, mut call: Call, asking: bool, pause: Duration) {
        call.asking = asking;
        let is_claim = matches!(call.kind, Kind::Claim(_));
        let (limit, command_limit) = (call.limit, call.command_limit);
        let id = self.calls.put(call);
        if let Some(at) = limit {
            self.fx.arm(at, Timer::Limit(id));
        }
        if let Some(at) = command_limit {
            self.fx.arm(at, Timer::Command(id));
        }
        if is_claim {
            self.waiters.adopt_claim(id);
        }
        self.go_on(now, id, pause);
    }

    /// Makes a call that was not executed ask again, unless nobody wants it any more.
    fn go_on(&mut self, now: Instant, id: CallId, pause: Duration) {
        if self.calls.get(id).is_none() {
            return;
        }
        self.calls.set_state(id, State::Pausing);
        let Some(call) = self.calls.get(id).present() else { return };
        match &call.kind {
            Kind::Acquire(_) if !call.is_wanted() => self.drop_unwanted(now, id),
            Kind::Claim(claim) if claim.superseded => self.forget_claim(id),
            // Redis has freed the lock by itself.
            Kind::Release(release)
                if !call.is_wanted() && release.until.is_some_and(|until| now >= until) =>
            {
                self.calls.forget(id);
            }
            _ if pause.is_zero() => self.submit(now, id),
            _ => self.fx.arm(now + pause, Timer::Retry(id)),
        }
    }

    /// Whether a call gives back what this owner took of the keys.
    pub(crate) fn gives_back(&self, keys: &[LockKey], owner: &Owner) -> bool {
        let is_one = |call: &Call| match &call.kind {
            Kind::Release(release) => release.owner == *owner && *release.keys == *keys,
            _ => false,
        };
        self.calls.iter().any(|(_, call)| is_one(call))
    }

    /// Gives back the keys that a part of a failed call took.
    pub(crate) fn give_back(
        &mut self,
        now: Instant,
        keys: Arc<[LockKey]>,
        owner: Owner,
        by: By,
        until: Option<Instant>,
    ) {
        let request = self.attempt();
        let release = Release::automatic(now, keys, owner, by, request, until);
        self.add(now, None, Kind::Release(release), None);
    }

    /// Takes out every `releaseAll`, with the number of locks that it has deleted, so that other nodes can be asked.
    pub(crate) fn take_release_alls(&mut self) -> Vec<(ReleaseAllRequest, u64)> {
        let of_all = |(id, call): (CallId, &Call)| match &call.kind {
            Kind::ReleaseAll(all) => Some((id, all.owner(), all.freed())),
            _ => None,
        };
        let found: Vec<_> = self.calls.iter().filter_map(of_all).collect();
        let mut requests = Vec::new();
        for (id, owner, freed) in found {
            let callers = self.calls.take_callers(id);
            requests.extend(
                callers.into_iter().map(|caller| (ReleaseAllRequest { caller, owner: owner.clone() }, freed)),
            );
            self.calls.forget(id);
        }
        requests
    }
}
