//! The table of calls: the kind of each call, its state, and its callers. It also has the backlog of calls that wait for a connection, in
//! order, and the error replies that wait for a verdict.

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

/// A request that takes one or more commands.
#[derive(Debug)]
pub(crate) struct Call {
    serial: u64,
    /// The caller's own number for the call. `None`: nobody waits for the outcome any more.
    caller: Option<u64>,
    state: State,
    pub(crate) kind: Kind,
    pub(crate) limit: Option<Instant>,
    /// The end of the time that the command under way may take.
    pub(crate) command_limit: Option<Instant>,
    /// A command of this call was sent, and its reply never came. Redis may or may not have executed it.
    pub(crate) in_doubt: bool,
    /// The number of redirections in a row.
    pub(crate) redirections: u32,
    /// The next command goes to a node that is about to get the slot.
    pub(crate) asking: bool,
    /// The last command had the script's text, so the server cannot answer that it does not know the script.
    pub(crate) whole: bool,
    /// The call was sent again by the hash, behind another command that had a script's text.
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

/// A command about locks that are held.
#[derive(Debug)]
pub(crate) struct Renew {
    pub(crate) keys: Arc<[LockKey]>,
    pub(crate) owner: Owner,
    /// The fencing tokens, per key. They tell a named owner's hold from others of the same name.
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

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The call waits for a connection.
    Backlog,
    /// A command of the call is not answered.
    InFlight,
    /// The call pauses until its retry timer, or stands in a line of polling calls.
    Pausing,
    /// The call waits in a queue.
    Parked,
    /// The call waits in a queue, and a release that is not answered yet named it.
    Hinted,
    /// The call was answered with an error, and the user's function or the router decides on it.
    Judged,
    /// The call holds its keys, but it is not known yet whether enough replicas have them.
    Unacknowledged,
}

impl Call {
    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn caller(&self) -> Option<u64> {
        self.caller
    }

    /// Whether a caller waits for the outcome.
    pub(crate) fn is_wanted(&self) -> bool {
        self.caller.is_some()
    }

    /// The acquire, if it may hold keys that no caller was told of. Either an answer has not come or was lost, or the call waits for one
    /// key of several and holds those before it.
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

    /// Whether a caller waits for it and nothing is lost if the client gives it up.
    pub(crate) fn may_be_given_up(&self) -> bool {
        self.is_wanted() && !self.goes_on()
    }

    /// The slot of the call's keys. `None`: the call goes to every node.
    pub(crate) fn slot(&self) -> Option<u16> {
        match &self.kind {
            Kind::Acquire(acquire) => acquire.keys.first().map(LockKey::slot),
            Kind::Release(release) => release.keys.first().map(LockKey::slot),
            Kind::Claim(claim) => Some(claim.key.slot()),
            Kind::ReleaseAll(_) | Kind::Renew(_) | Kind::Leave(_) => None,
        }
    }

    /// How many callers wait for the outcome.
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
    /// The calls that wait for a connection. An entry whose call is gone stays until such entries are the greater part, because an outage
    /// may end very many calls one by one.
    backlog: VecDeque<CallId>,
    gone: usize,
    questions: Vec<Question>,
    callers: usize,
}

impl Calls {
    /// `serial`: the number before that of the first call.
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

    /// Takes in a call of another table.
    pub(crate) fn put(&mut self, call: Call) -> CallId {
        // The call may have been here before, and may get the same id again. Its old place in the backlog must not become valid again.
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

    /// Takes a call out, with its callers.
    pub(crate) fn take(&mut self, id: CallId) -> Option<Call> {
        self.get(id)?;
        let call = self.slab.try_remove(id.index as usize)?;
        self.callers -= call.callers();
        if call.state == State::Backlog {
            self.left_backlog();
        }
        Some(call)
    }

    /// Forgets a call that has no callers.
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

    /// The call at this place, if it is this caller's.
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

    /// Whether a caller waits for a call.
    pub(crate) fn has_callers(&self) -> bool {
        self.callers > 0
    }

    pub(crate) fn state(&self, id: CallId) -> Option<State> {
        self.get(id).map(|call| call.state)
    }

    /// Sets a call's state. [`Self::enqueue`] sets [`State::Backlog`].
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

    /// Takes the callers who wait for the call's outcome, so that they can be told. Its own caller is the last.
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

    /// Takes the callers of all calls.
    pub(crate) fn take_all_callers(&mut self) -> Vec<u64> {
        let ids: Vec<CallId> = self.iter().map(|(id, _)| id).collect();
        ids.into_iter().flat_map(|id| self.take_callers(id)).collect()
    }

    /// Puts the call at the end of the backlog.
    pub(crate) fn enqueue(&mut self, id: CallId) {
        if self.enter_backlog(id) {
            self.backlog.push_back(id);
        }
    }

    /// Puts the call at the front of the backlog.
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

    /// The calls of the backlog, in order.
    pub(crate) fn waiting(&self) -> Vec<CallId> {
        self.backlog.iter().copied().filter(|id| self.waits(*id)).collect()
    }

    /// Takes the calls out of the backlog, in order. There is a connection, and the client sends each of them now.
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

    /// A call has left the backlog.
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

    /// Records a question about an error reply. Returns the question's number.
    pub(crate) fn ask_about(&mut self, id: CallId, text: Said) -> u64 {
        self.set_state(id, State::Judged);
        self.questions.push(Question { call: id, text });
        id.serial
    }

    /// Takes the call and the error of a question.
    pub(crate) fn take_question(&mut self, number: u64) -> Option<(CallId, Said)> {
        let at = self.questions.iter().position(|open| open.call.serial == number)?;
        let Question { call, text } = self.questions.swap_remove(at);
        Some((call, text))
    }

    pub(crate) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Takes all questions. The connection is gone, so the client does not wait for the verdicts.
    pub(crate) fn take_questions(&mut self) -> Vec<(CallId, Said)> {
        std::mem::take(&mut self.questions).into_iter().map(|open| (open.call, open.text)).collect()
    }

    /// Recounts everything that is counted.
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
