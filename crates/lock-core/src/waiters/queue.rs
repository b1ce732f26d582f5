//! The waiters of one key, and the commands about it that are under way.

use crate::call_id::CallId;
use crate::key::LockKey;
use crate::lease::CLAIM_PERIOD;
use crate::time::Instant;
use std::collections::BTreeSet;
use std::time::Duration;

/// A grant to this client that none of its waiters has taken over yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The fencing token in the grant's text.
    pub(crate) token: u64,
    /// All other clients' waiters had this ticket or a later one. `None`: not known.
    pub(crate) first_foreign_ticket: Option<u64>,
    /// The grant surely stands until then.
    pub(crate) until: Instant,
}

/// When a key's next poll comes, and whether a poll is due.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) next: Instant,
    pub(super) is_due: bool,
}

/// A queue stays as long as there is a waiter or an unanswered command about one.
#[derive(Debug)]
pub(crate) struct KeyQueue {
    pub(crate) key: LockKey,
    pub(super) serial: u64,
    /// Ticket and call of every waiter whose park was answered.
    waiters: BTreeSet<(u64, CallId)>,
    /// When the client sent the last command whose answer said that Redis had granted this client nothing.
    not_granted_at: Instant,
    /// When the oldest waiter asks by itself, whatever the client heard until then.
    poll_at: Instant,
    armed_at: Option<Instant>,
    /// Unanswered parks that may take a grant over.
    deciding: Vec<CallId>,
    /// Unanswered claims: a job may be running on a grant.
    claiming: Vec<CallId>,
    /// The number of unanswered leaves.
    leaving: u32,
    grant: Option<Grant>,
}

impl KeyQueue {
    pub(super) fn new(key: LockKey, serial: u64) -> Self {
        Self {
            key,
            serial,
            waiters: BTreeSet::new(),
            not_granted_at: Instant::from_nanos(0),
            poll_at: Instant::FAR_FUTURE,
            armed_at: None,
            deciding: Vec::new(),
            claiming: Vec::new(),
            leaving: 0,
            grant: None,
        }
    }

    pub(super) fn oldest(&self) -> Option<(u64, CallId)> {
        self.waiters.first().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.waiters.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = CallId> {
        self.waiters.iter().map(|(_, call)| *call)
    }

    /// Ticket and call of every waiter.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, CallId)> {
        self.waiters.iter().copied()
    }

    pub(super) fn has(&self, ticket: u64, call: CallId) -> bool {
        self.waiters.contains(&(ticket, call))
    }

    /// The ticket of the oldest waiter other than `call`.
    pub(super) fn ticket_beside(&self, call: CallId) -> Option<u64> {
        self.waiters.iter().find(|(_, other)| *other != call).map(|(ticket, _)| *ticket)
    }

    pub(super) fn insert(&mut self, ticket: u64, call: CallId) {
        self.waiters.insert((ticket, call));
    }

    pub(super) fn remove(&mut self, ticket: u64, call: CallId) {
        self.waiters.remove(&(ticket, call));
    }

    /// Whether no command is under way that decides on a grant, except this many claims.
    pub(super) fn is_quiet(&self, claims: usize) -> bool {
        self.deciding.is_empty() && self.claiming.len() == claims && self.leaving == 0 && self.grant.is_none()
    }

    /// Whether nothing is left of the queue.
    pub(super) fn is_idle(&self) -> bool {
        self.waiters.is_empty() && self.deciding.is_empty() && self.claiming.is_empty() && self.leaving == 0
    }

    /// A command that was sent then was answered, and no grant had been made.
    pub(super) fn not_granted_at(&mut self, sent_at: Instant) {
        self.not_granted_at = self.not_granted_at.max(sent_at);
    }

    pub(super) fn grant(&mut self, token: u64, first_foreign_ticket: Option<u64>, sent_at: Option<Instant>) {
        // The server executed that command before it made the grant, so the grant stands at least for a claim period from that moment.
        let since = sent_at.map_or(self.not_granted_at, |sent_at| sent_at.max(self.not_granted_at));
        self.grant = Some(Grant { token, first_foreign_ticket, until: since + CLAIM_PERIOD });
    }

    pub(super) fn take_grant(&mut self) -> Option<Grant> {
        self.grant.take()
    }

    /// Makes the oldest waiter ask then at the latest. Returns when to set a timer for it.
    pub(super) fn poll_at(&mut self, at: Instant) -> Option<Instant> {
        self.poll_at = at;
        let sooner = self.armed_at.is_none_or(|armed| at < armed);
        sooner.then(|| *self.armed_at.insert(at))
    }

    /// A timer of the queue is due. `None`: another timer counts, or no call waits.
    pub(super) fn poll_due(&mut self, now: Instant, pause: Duration) -> Option<Due> {
        if self.armed_at.is_some_and(|armed| armed > now) {
            return None;
        }
        self.armed_at = None;
        self.waiters.first()?;
        let is_due = now >= self.poll_at;
        if is_due {
            self.poll_at = now + pause;
        }
        Some(Due { next: *self.armed_at.insert(self.poll_at), is_due })
    }

    pub(super) fn is_deciding(&self) -> bool {
        !self.deciding.is_empty()
    }

    pub(super) fn begin_deciding(&mut self, park: CallId) {
        debug_assert!(!self.deciding.contains(&park), "a park is sent twice");
        self.deciding.push(park);
    }

    pub(super) fn end_deciding(&mut self, park: CallId) {
        debug_assert!(self.deciding.contains(&park), "a park decides that was not sent");
        self.deciding.retain(|other| *other != park);
    }

    pub(super) fn is_claimed(&self) -> bool {
        !self.claiming.is_empty()
    }

    pub(super) fn claims(&self) -> usize {
        self.claiming.len()
    }

    pub(super) fn counts_claim(&self, claim: CallId) -> bool {
        self.claiming.contains(&claim)
    }

    pub(super) fn begin_claiming(&mut self, claim: CallId) {
        self.claiming.push(claim);
    }

    /// Claims of an earlier connection are not counted.
    pub(super) fn end_claiming(&mut self, claim: CallId) {
        self.claiming.retain(|other| *other != claim);
    }

    pub(super) fn is_being_left(&self) -> bool {
        self.leaving > 0
    }

    pub(super) fn begin_leaving(&mut self) {
        self.leaving += 1;
    }

    pub(super) fn end_leaving(&mut self) {
        debug_assert!(self.leaving > 0, "a leave that was not counted");
        self.leaving -= u32::from(self.leaving > 0);
    }

    /// Deciding parks, claims, and leaves, for the comparison with the calls.
    pub(crate) fn under_way(&self) -> (&[CallId], &[CallId], u32) {
        (&self.deciding, &self.claiming, self.leaving)
    }
}
