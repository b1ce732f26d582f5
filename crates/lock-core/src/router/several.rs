//! Calls that take keys of several slots. They take one slot after the other, in the order in which all clients take keys, so no two calls
//! wait for each other. They keep the shares alive that they hold already, and give all of them back if the call fails.

use super::cluster::Cluster;
use super::counted::no_table;
use super::fragments::{FIRST_FRAGMENT, Fragment, HeldShare, Several, Share, TableEnd, by_slot};
use super::node_id::{FIRST, done};
use crate::calls::Call;
use crate::client::{Asked, Client, asked_for, closed_error};
use crate::error::{Code, Error};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::lease::{is_late, longest_end};
use crate::present::Present;
use crate::requests::{AcquireRequest, Hold, Outcome, ReleaseAllRequest, TaskKey, WaitPolicy, Wanted};
use crate::time::Instant;
use std::sync::Arc;
use std::time::Duration;

impl Cluster {
    pub(super) fn acquire(
        &mut self,
        first: &mut Client,
        now: Instant,
        request: AcquireRequest,
    ) -> Result<TaskKey, Error> {
        let groups = by_slot(&request.keys);
        if let [_] | [] = groups.as_slice() {
            let slot = request.keys.first().map_or(0, LockKey::slot);
            return self.at(first, slot).1.acquire(now, request);
        }
        if first.is_closed() {
            return Err(closed_error());
        }
        let owner = match &request.wanted {
            Wanted::Execute => self.ids.execute_owner(),
            Wanted::Named(name) => Owner::Named(Arc::clone(name)),
        };
        let attempt = self.ids.attempt();
        self.acquire_several(first, now, request, owner, attempt);
        Ok(0)
    }

    /// Takes keys of several slots, one slot after the other.
    pub(super) fn acquire_several(
        &mut self,
        first: &mut Client,
        now: Instant,
        mut request: AcquireRequest,
        owner: Owner,
        attempt: AttemptId,
    ) {
        let named = std::mem::take(&mut request.named);
        let end = match request.wait {
            WaitPolicy::Limit(limit) | WaitPolicy::TryFor(limit) => Some(now + limit),
            WaitPolicy::None | WaitPolicy::Endless => None,
        };
        let groups = by_slot(&request.keys).into_iter();
        let shares = groups.map(|keys| Share { keys, held: None, asked: None }).collect();
        let call = self.calls.number();
        self.calls
            .several
            .insert(call, Several { request, named, owner, attempt, end, shares, waited: false });
        self.take_next(first, now, call);
    }

    /// Asks for the next share of a call, or tells that the call holds all of them.
    fn take_next(&mut self, first: &mut Client, now: Instant, call: u64) {
        let Some(several) = self.calls.several.get(&call).present() else { return };
        let stale = |share: &Share| {
            let is_due = several.refresh_at(share).is_some_and(|at| at <= now);
            is_due || (share.asked.is_none() && !several.is_whole(share))
        };
        let next = several.shares.iter().position(|share| share.held.is_none());
        match next.or_else(|| several.shares.iter().position(stale)) {
            Some(at) => self.ask_share(first, now, call, at),
            // The answers for the shares that are being kept alive decide.
            None if several.shares.iter().any(|share| share.asked.is_some()) => {}
            None => {
                if let Some(several) = self.calls.several.remove(&call) {
                    self.confirm_shares(first, now, &several);
                    self.events
                        .push_back((FIRST, done(several.request.caller, Outcome::Held(several.hold()))));
                }
            }
        }
    }

    /// The call holds all shares, and its caller is told.
    fn confirm_shares(&mut self, first: &mut Client, now: Instant, several: &Several) {
        let joined = several.shares.iter().filter_map(|share| Some((share, share.held.as_ref()?)));
        for (share, held) in joined.filter(|(_, held)| held.joined) {
            let slot = share.keys.first().map_or(0, LockKey::slot);
            let (keys, tokens) = (Arc::clone(&share.keys), held.tokens.clone());
            self.at(first, slot).1.confirm_join(now, keys, several.owner.clone(), tokens, several.attempt);
        }
    }

    /// Asks for a share. A new share waits as the call asks. A share that is held does not wait.
    fn ask_share(&mut self, first: &mut Client, now: Instant, call: u64, at: usize) {
        if first.is_closed() {
            return self.fail_several(first, now, call, closed_error());
        }
        let number = self.calls.number();
        let Some(several) = self.calls.several.get_mut(&call).present() else { return };
        let (wait, lease) = (several.wait(now), several.lease_of(at));
        let Some(share) = several.shares.get_mut(at).filter(|share| share.asked.is_none()) else { return };
        share.asked = Some(number);
        let request = AcquireRequest {
            caller: number,
            keys: Arc::clone(&share.keys),
            lease,
            wait: if share.held.is_some() { WaitPolicy::None } else { wait },
            ..several.request.clone()
        };
        let (owner, attempt, slot) =
            (several.owner.clone(), several.attempt, share.keys.first().map_or(0, LockKey::slot));
        self.calls.fragments.insert(number, Fragment::Share(call, at));
        self.at(first, slot).1.acquire_as(now, request, owner, attempt, true);
    }

    /// A call of a client ended. It is a caller's own call or a fragment.
    pub(super) fn ended(&mut self, first: &mut Client, now: Instant, caller: u64, outcome: Outcome) {
        match self.calls.fragments.remove(&caller) {
            Some(Fragment::Counted(call)) => {
                if let Some((caller, outcome)) = self.fragment_counted(first, now, call, outcome) {
                    // The call may itself be a fragment, of a call that waited for nodes.
                    self.ended(first, now, caller, outcome);
                }
            }
            Some(Fragment::Share(call, at)) => self.share_answered(first, now, call, at, outcome),
            // The router gave the fragment up after its client had answered it, and did not roll it back.
            None if caller >= FIRST_FRAGMENT => {
                if let Outcome::Held(hold) = outcome {
                    self.give_back_unwanted(first, now, hold);
                }
            }
            None => self.events.push_back((FIRST, done(caller, outcome))),
        }
    }

    fn give_back_unwanted(&mut self, first: &mut Client, now: Instant, hold: Hold) {
        let (keys, owner, attempt) = (Arc::clone(&hold.keys), hold.owner.clone(), hold.attempt);
        self.roll_back_share(first, now, keys, owner, attempt, &HeldShare::of(hold));
    }

    /// Gives back a share, at the client that has its slot now.
    fn roll_back_share(
        &mut self,
        first: &mut Client,
        now: Instant,
        keys: Arc<[LockKey]>,
        owner: Owner,
        attempt: AttemptId,
        held: &HeldShare,
    ) {
        let client = self.at(first, keys.first().map_or(0, LockKey::slot)).1;
        let sure = !held.joined && !is_late(now, held.sent_at, held.lease);
        if let Some(by) = client.gives_back_by(&owner, attempt, &keys, sure) {
            client.give_back(now, keys, owner, by, longest_end(now, held.lease));
        }
    }

    fn share_answered(&mut self, first: &mut Client, now: Instant, call: u64, at: usize, outcome: Outcome) {
        let Some(several) = self.calls.several.get_mut(&call).present() else { return };
        let Some(share) = several.shares.get_mut(at).present() else { return };
        share.asked = None;
        match outcome {
            Outcome::Held(hold) => {
                // Asking again reports a held share as joined, because its owner holds it already, so the earlier flag counts.
                // If the share may have lapsed, another hold of the owner may stand there, so the reported flag counts.
                let before = share.held.as_ref().filter(|held| !is_late(now, held.sent_at, held.lease));
                let joined = before.map_or(hold.joined, |held| held.joined);
                several.waited |= hold.waited;
                share.held = Some(HeldShare { joined, ..HeldShare::of(hold) });
                self.take_next(first, now, call);
            }
            Outcome::Failed(error) if error.code == Code::NotAcquired && share.held.is_some() => {
                // The share is lost. The call takes the keys again from here on, in their order.
                share.held = None;
                let later = several.shares.iter().skip(at + 1);
                if later.into_iter().any(|share| share.held.is_some() || share.asked.is_some()) {
                    return self.start_anew(first, now, call);
                }
                self.take_next(first, now, call);
            }
            Outcome::Failed(error)
                if error.code == Code::Refused
                    && share.held.as_mut().is_some_and(|held| held.ask_again(now)) =>
            {
                // Under the same names a late roll-back would take away what the call has taken again by then.
                let (keys, owner) = (Arc::clone(&share.keys), several.owner.clone());
                let slot = keys.first().map_or(0, LockKey::slot);
                if self.at(first, slot).1.gives_back(&keys, &owner) {
                    self.start_anew(first, now, call);
                }
            }
            Outcome::Failed(error) => self.fail_several(first, now, call, error),
            _ => {}
        }
    }

    /// Begins again without any share. Nodes pause and slots move, so a give-back of now may arrive late. Under the same names it would
    /// take away what the call has taken again by then.
    fn start_anew(&mut self, first: &mut Client, now: Instant, call: u64) {
        let count = self.calls.several.get(&call).map_or(0, |several| several.shares.len());
        for at in 0..count {
            self.drop_share(first, now, call, at);
        }
        let Some(several) = self.calls.several.get_mut(&call).present() else { return };
        if matches!(several.request.wanted, Wanted::Execute) {
            several.owner = self.ids.execute_owner();
        }
        several.attempt = self.ids.attempt();
        self.take_next(first, now, call);
    }

    /// Gives a share back and stops asking for it.
    fn drop_share(&mut self, first: &mut Client, now: Instant, call: u64, at: usize) {
        let Some(several) = self.calls.several.get_mut(&call).present() else { return };
        let Some(share) = several.shares.get_mut(at).present() else { return };
        let (held, asked, keys) = (share.held.take(), share.asked.take(), Arc::clone(&share.keys));
        let (owner, attempt) = (several.owner.clone(), several.attempt);
        if let Some(number) = asked {
            self.calls.fragments.remove(&number);
            self.cancel_everywhere(first, now, number);
        }
        if let Some(held) = held {
            self.roll_back_share(first, now, keys, owner, attempt, &held);
        }
    }

    fn fail_several(&mut self, first: &mut Client, now: Instant, call: u64, error: Error) {
        let count = self.calls.several.get(&call).map_or(0, |several| several.shares.len());
        for at in 0..count {
            self.drop_share(first, now, call, at);
        }
        if let Some(several) = self.calls.several.remove(&call) {
            let error = match error.code {
                Code::NotAcquired => error,
                _ => error.with_keys(several.named),
            };
            self.events.push_back((FIRST, done(several.request.caller, Outcome::Failed(error))));
        }
    }

    /// Keeps the shares of unfinished calls alive.
    pub(super) fn keep_fragments(&mut self, first: &mut Client, now: Instant) {
        let late: Vec<(u64, WaitPolicy, Vec<String>)> = (self.calls.several.iter())
            .filter(|(_, several)| several.late_at().is_some_and(|at| at <= now))
            .map(|(call, several)| (*call, several.request.wait, several.named.clone()))
            .collect();
        for (call, wait, named) in late {
            let error = match wait {
                WaitPolicy::TryFor(_) => {
                    let first = named.first().map_or("", |name| name);
                    let message = format!("Failed to acquire lock for key \"{first}\"");
                    Error::new(Code::NotAcquired, message).with_keys(named)
                }
                _ => Error::new(Code::Timeout, "Timed-out acquiring lock."),
            };
            self.fail_several(first, now, call, error);
        }
        let due: Vec<(u64, usize)> = (self.calls.several.iter())
            .flat_map(|(call, several)| {
                let due = several.shares.iter().map(|share| several.refresh_at(share)).enumerate();
                due.filter(|(_, at)| at.is_some_and(|at| at <= now)).map(|(at, _)| (*call, at))
            })
            .collect();
        for (call, at) in due {
            self.ask_share(first, now, call, at);
        }
    }

    pub(super) fn cancel(&mut self, first: &mut Client, now: Instant, index: TaskKey, caller: u64) {
        // Most calls stay where they were put first.
        let mut is_done = first.cancel(now, index, caller);
        self.each(|client| is_done = is_done || client.cancel(now, index, caller));
        if is_done {
            return;
        }
        let several = self.calls.several.iter().find(|(_, several)| several.request.caller == caller);
        match several.map(|(call, _)| *call) {
            Some(call) => {
                let error = Error::new(Code::Aborted, "The call was withdrawn by its signal.");
                self.fail_several(first, now, call, error);
            }
            None => self.cancel_everywhere(first, now, caller),
        }
    }

    /// Withdraws a call at the client that has it.
    fn cancel_everywhere(&mut self, first: &mut Client, now: Instant, caller: u64) {
        first.cancel_caller(now, caller);
        self.each(|client| client.cancel_caller(now, caller));
    }

    /// Parts of `releaseAll` whose node is gone. Other nodes have its locks now.
    pub(super) fn free_elsewhere(
        &mut self,
        first: &mut Client,
        now: Instant,
        parts: Vec<(ReleaseAllRequest, u64)>,
    ) {
        for (part, freed) in parts {
            self.ended(first, now, part.caller, Outcome::FreedSome(freed));
        }
    }

    /// A lookup of the table of slots has ended. Calls of `releaseAll` that waited for it begin anew if there is a node that they did not
    /// ask. They fail if the table cannot be had, because nobody knows then whether they asked all nodes.
    pub(super) fn end_lookup(&mut self, first: &mut Client, now: Instant, found: bool) {
        let ended = if found {
            self.calls.table_found(&self.ids())
        } else {
            self.calls.table_not_found(first.lookups_to_come().is_none())
        };
        for (fragment, end) in ended {
            let outcome = match end {
                TableEnd::AskedAll => Outcome::Freed(0),
                TableEnd::NewNode => Outcome::FreedSome(0),
                TableEnd::NotFound => Outcome::Failed(no_table()),
            };
            self.ended(first, now, fragment, outcome);
        }
        // After a lookup that found nothing, the next one comes by itself.
        if found && self.calls.awaits_table() {
            self.look_up_in(now, Duration::ZERO);
        }
    }

    /// Repeats a call slot by slot after the server refused it because of its slots. The server executed nothing of it.
    pub(super) fn split(&mut self, first: &mut Client, now: Instant, call: Call) {
        match asked_for(call, now) {
            Some(Asked::Acquire { request, owner, attempt }) => {
                self.acquire_several(first, now, request, owner, attempt);
            }
            Some(Asked::Release(request)) => {
                self.release(first, now, request);
            }
            Some(Asked::GiveBack { keys, owner, by, until }) => {
                for keys in by_slot(&keys) {
                    let slot = keys.first().map_or(0, LockKey::slot);
                    self.at(first, slot).1.give_back(now, keys, owner.clone(), by, until);
                }
            }
            None => {}
        }
    }
}
