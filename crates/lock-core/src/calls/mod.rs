//! The table of calls: what each is, where it stands, and who waits for it; those that wait for a connection, in order; and the error
//! replies on which somebody else decides.

mod acquire;
mod claim;
mod release;
mod release_all;

pub(crate) use acquire::{Acquire, Hint, Place};
pub(crate) use claim::Claim;
pub(crate) use release::{By, Release};
pub(crate) use release_all::{MOST_CUTS, ReleaseAll, Step};

use crate::call_id::CallId;
use crate::ids::Owner;
use crate::key::LockKey;
use crate::present::Present;
use crate::resp::Said;
use crate::time::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// Something that takes one or more commands.
#[derive(Debug)]
pub(crate) struct Call {
    serial: u64,
    /// The caller's own number for the call; `None` when nobody waits for the outcome any more.
    caller: Option<u64>,
    state: State,
    pub(crate) kind: Kind,
    pub(crate) limit: Option<Instant>,
    /// When the command that is under way has taken too long.
    pub(crate) command_limit: Option<Instant>,
    /// A command of this call was sent and its reply never came: it may or may not have been executed.
    pub(crate) in_doubt: bool,
    /// Redirections in a row.
    pub(crate) redirections: u32,
    /// The next command is for a node that is about to get the slot.
    pub(crate) asking: bool,
    /// Its last command had the script's text, so that the server cannot say that it does not know the script.
    pub(crate) whole: bool,
    /// It was sent again by the hash, behind another command that had a script's text.
    pub(crate) behind_text: bool,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Acquire(Acquire),
    Release(Release),
    ReleaseAll(ReleaseAll),
    Renew(Renew),
    Claim(Claim),
    Leave(Leave),
}

/// Something that is said about locks that are held.
#[derive(Debug)]
pub(crate) struct Renew {
    pub(crate) keys: Arc<[LockKey]>,
    pub(crate) owner: Owner,
    /// What tells a named owner's hold from others of the same name, per key.
    pub(crate) tokens: Option<Box<[u64]>>,
    pub(crate) what: crate::commands::renew::Renewing,
}

/// A client leaves a queue, passes on a grant, or both.
#[derive(Debug)]
pub(crate) struct Leave {
    pub(crate) key: LockKey,
    pub(crate) remove: bool,
    pub(crate) pass: bool,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Waiting for a connection.
    Backlog,
    /// A command of it is not answered.
    InFlight,
    /// Pausing until its retry timer, or in a line of those that poll.
    Pausing,
    /// Waiting in a queue.
    Parked,
    /// Waiting in a queue, and named in a release that is not answered yet.
    Hinted,
    /// Answered with an error, on which somebody else decides.
    Judged,
    /// Holds its keys, but whether enough replicas have them is not known yet.
    Unacknowledged,
}

impl Call {
    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn caller(&self) -> Option<u64> {
        self.caller
    }

    /// Whether somebody waits for the outcome.
    pub(crate) fn is_wanted(&self) -> bool {
        self.caller.is_some()
    }

    /// The acquire, if it may hold keys of which nobody was told: an answer is not there or was lost, or it waits for one key of several and
    /// has those before it.
    pub(crate) fn may_have_taken(&self) -> Option<&Acquire> {
        let Kind::Acquire(acquire) = &self.kind else { return None };
        let may = match self.state {
            State::Backlog => false,
            State::Pausing | State::Parked => acquire.keys.len() > 1 || self.in_doubt,
            State::InFlight | State::Hinted | State::Judged | State::Unacknowledged => true,
        };
        may.then_some(acquire)
    }

    pub(crate) fn is_release(&self) -> bool {
        matches!(self.kind, Kind::Release(_))
    }

    /// Whether it is the release of a job's lock, which goes on whatever happens to its caller.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(&self.kind, Kind::Release(release) if release.of_job)
    }

    /// Whether somebody waits for it and nothing is lost when it is given up.
    pub(crate) fn may_be_given_up(&self) -> bool {
        self.is_wanted() && !self.goes_on()
    }

    /// The slot of its keys; `None` for what goes to every node.
    pub(crate) fn slot(&self) -> Option<u16> {
        match &self.kind {
            Kind::Acquire(acquire) => acquire.keys.first().map(LockKey::slot),
            Kind::Release(release) => release.keys.first().map(LockKey::slot),
            Kind::Claim(claim) => Some(claim.key.slot()),
            Kind::ReleaseAll(_) | Kind::Renew(_) | Kind::Leave(_) => None,
        }
    }

    /// How many wait for its outcome.
    fn callers(&self) -> usize {
        let others = if let Kind::Release(release) = &self.kind { release.also.len() } else { 0 };
        usize::from(self.caller.is_some()) + others
    }
}

/// An error reply that waits for a verdict.
#[derive(Debug)]
struct Question {
    call: CallId,
    text: Said,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    slab: slab::Slab<Call>,
    serial: u64,
    /// Those that wait for a connection. Entries of calls that are gone stay until they are the greater part: an outage may end very
    /// many calls, one after the other.
    backlog: VecDeque<CallId>,
    gone: usize,
    questions: Vec<Question>,
    callers: usize,
}

impl Calls {
    /// `serial`: from where calls are numbered.
    pub(crate) fn numbered_from(serial: u64) -> Self {
        Self { serial, ..Self::default() }
    }

    pub(crate) fn insert(&mut self, caller: Option<u64>, kind: Kind, limit: Option<Instant>) -> CallId {
        self.serial += 1;
        self.enter(Call {
            serial: self.serial,
            caller,
            state: State::Pausing,
            kind,
            limit,
            command_limit: None,
            in_doubt: false,
            redirections: 0,
            asking: false,
            whole: false,
            behind_text: false,
        })
    }

    /// Puts a call in that was taken out of another table.
    pub(crate) fn put(&mut self, call: Call) -> CallId {
        // It may have been here before, and have the same id again: its old place in the backlog must not come back to life.
        self.forget_gone();
        self.enter(call)
    }

    fn enter(&mut self, mut call: Call) -> CallId {
        call.state = State::Pausing;
        self.callers += call.callers();
        let serial = call.serial;
        // More than four thousand million calls at once do not fit into memory.
        CallId { index: u32::try_from(self.slab.insert(call)).unwrap_or(u32::MAX), serial }
    }

    /// Takes a call out, with those who wait for it.
    pub(crate) fn take(&mut self, id: CallId) -> Option<Call> {
        self.get(id)?;
        let call = self.slab.try_remove(id.index as usize)?;
        self.callers -= call.callers();
        if call.state == State::Backlog {
            self.left_backlog();
        }
        Some(call)
    }

    /// Forgets a call that nobody waits for.
    pub(crate) fn forget(&mut self, id: CallId) {
        let call = self.take(id);
        debug_assert!(call.is_none_or(|call| call.callers() == 0), "a caller is forgotten");
    }

    pub(crate) fn get(&self, id: CallId) -> Option<&Call> {
        self.slab.get(id.index as usize).filter(|call| call.serial == id.serial)
    }

    pub(crate) fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        self.slab.get_mut(id.index as usize).filter(|call| call.serial == id.serial)
    }

    /// The call at a place, if it is this caller's.
    pub(crate) fn of_caller_at(&self, index: u32, caller: u64) -> Option<CallId> {
        let call = self.slab.get(index as usize).filter(|call| call.caller == Some(caller))?;
        Some(CallId { index, serial: call.serial })
    }

    pub(crate) fn of_caller(&self, caller: u64) -> Option<CallId> {
        self.iter().find(|(_, call)| call.caller == Some(caller)).map(|(id, _)| id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (CallId, &Call)> {
        self.slab.iter().map(|(index, call)| {
            (CallId { index: u32::try_from(index).unwrap_or(u32::MAX), serial: call.serial }, call)
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slab.is_empty()
    }

    /// Whether somebody waits for a call.
    pub(crate) fn has_callers(&self) -> bool {
        self.callers > 0
    }

    pub(crate) fn state(&self, id: CallId) -> Option<State> {
        self.get(id).map(|call| call.state)
    }

    /// Sets where a call stands; [`Self::enqueue`] sets [`State::Backlog`].
    pub(crate) fn set_state(&mut self, id: CallId, state: State) {
        debug_assert!(state != State::Backlog, "a call enters the backlog by its end or its front");
        let Some(call) = self.get_mut(id).present() else { return };
        if std::mem::replace(&mut call.state, state) == State::Backlog {
            self.left_backlog();
        }
    }

    pub(crate) fn acquire(&self, id: CallId) -> Option<&Acquire> {
        match &self.get(id)?.kind {
            Kind::Acquire(acquire) => Some(acquire),
            _ => None,
        }
    }

    pub(crate) fn acquire_mut(&mut self, id: CallId) -> Option<&mut Acquire> {
        match &mut self.get_mut(id)?.kind {
            Kind::Acquire(acquire) => Some(acquire),
            _ => None,
        }
    }

    pub(crate) fn release(&self, id: CallId) -> Option<&Release> {
        match &self.get(id)?.kind {
            Kind::Release(release) => Some(release),
            _ => None,
        }
    }

    pub(crate) fn release_mut(&mut self, id: CallId) -> Option<&mut Release> {
        match &mut self.get_mut(id)?.kind {
            Kind::Release(release) => Some(release),
            _ => None,
        }
    }

    pub(crate) fn release_all_mut(&mut self, id: CallId) -> Option<&mut ReleaseAll> {
        match &mut self.get_mut(id)?.kind {
            Kind::ReleaseAll(all) => Some(all),
            _ => None,
        }
    }

    pub(crate) fn claim(&self, id: CallId) -> Option<&Claim> {
        match &self.get(id)?.kind {
            Kind::Claim(claim) => Some(claim),
            _ => None,
        }
    }

    pub(crate) fn claim_mut(&mut self, id: CallId) -> Option<&mut Claim> {
        match &mut self.get_mut(id)?.kind {
            Kind::Claim(claim) => Some(claim),
            _ => None,
        }
    }

    /// Those who wait for the call's outcome, who from now on are told: the others first, then its own caller.
    pub(crate) fn take_callers(&mut self, id: CallId) -> Vec<u64> {
        let Some(call) = self.get_mut(id) else { return Vec::new() };
        let mut callers = match &mut call.kind {
            Kind::Release(release) => std::mem::take(&mut release.also),
            _ => Vec::new(),
        };
        callers.extend(call.caller.take());
        self.callers -= callers.len();
        callers
    }

    /// Everybody who waits for a call, of whom none waits any more.
    pub(crate) fn take_all_callers(&mut self) -> Vec<u64> {
        let ids: Vec<CallId> = self.iter().map(|(id, _)| id).collect();
        ids.into_iter().flat_map(|id| self.take_callers(id)).collect()
    }

    /// The call waits for a connection, behind all others.
    pub(crate) fn enqueue(&mut self, id: CallId) {
        if self.enter_backlog(id) {
            self.backlog.push_back(id);
        }
    }

    /// The same, before all others.
    pub(crate) fn enqueue_first(&mut self, id: CallId) {
        if self.enter_backlog(id) {
            self.backlog.push_front(id);
        }
    }

    fn enter_backlog(&mut self, id: CallId) -> bool {
        let Some(call) = self.get_mut(id).present() else { return false };
        debug_assert!(call.state != State::Backlog, "a call waits twice");
        call.state = State::Backlog;
        true
    }

    fn waits(&self, id: CallId) -> bool {
        self.state(id) == Some(State::Backlog)
    }

    /// Those that wait for a connection, in order.
    pub(crate) fn waiting(&self) -> Vec<CallId> {
        self.backlog.iter().copied().filter(|id| self.waits(*id)).collect()
    }

    /// Takes out those that wait, in order: there is a connection. Each is to be sent now.
    pub(crate) fn take_waiting(&mut self) -> Vec<CallId> {
        let waiting = self.waiting();
        for id in &waiting {
            if let Some(call) = self.get_mut(*id) {
                call.state = State::Pausing;
            }
        }
        self.backlog.clear();
        self.gone = 0;
        waiting
    }

    /// A call that waited does not wait any more.
    fn left_backlog(&mut self) {
        self.gone += 1;
        if self.gone > self.backlog.len() / 2 {
            self.forget_gone();
        }
    }

    fn forget_gone(&mut self) {
        if self.gone > 0 {
            let mut backlog = std::mem::take(&mut self.backlog);
            backlog.retain(|id| self.waits(*id));
            self.backlog = backlog;
            self.gone = 0;
        }
    }

    /// Somebody else decides on an error reply. Gives the question's number.
    pub(crate) fn ask_about(&mut self, id: CallId, text: Said) -> u64 {
        self.set_state(id, State::Judged);
        self.questions.push(Question { call: id, text });
        id.serial
    }

    /// The call and the error that a question was about.
    pub(crate) fn take_question(&mut self, number: u64) -> Option<(CallId, Said)> {
        let at = self.questions.iter().position(|open| open.call.serial == number)?;
        let Question { call, text } = self.questions.swap_remove(at);
        Some((call, text))
    }

    pub(crate) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// All questions: the connection is gone, and whoever was asked is not waited for.
    pub(crate) fn take_questions(&mut self) -> Vec<(CallId, Said)> {
        std::mem::take(&mut self.questions).into_iter().map(|open| (open.call, open.text)).collect()
    }

    /// Recounts what is counted.
    pub(crate) fn check(&self) -> Result<(), String> {
        let callers: usize = self.slab.iter().map(|(_, call)| call.callers()).sum();
        if self.callers != callers {
            return Err(format!("callers: counted {}, found {callers}", self.callers));
        }
        let mut waiting = self.waiting();
        if self.backlog.len() - self.gone != waiting.len() {
            return Err(format!("backlog: {} entries, {} gone, {waiting:?}", self.backlog.len(), self.gone));
        }
        waiting.sort_unstable();
        waiting.dedup();
        let said = self.slab.iter().filter(|(_, call)| call.state == State::Backlog).count();
        if waiting.len() != said {
            return Err(format!("backlog: {said} calls say that they wait, found {waiting:?}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
