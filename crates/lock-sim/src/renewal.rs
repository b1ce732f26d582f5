//! The renewal of a process: its own thread and its own connection, which work while the JavaScript thread stands still.

use crate::world::{Happening, MS, World};
use lock_core::resp::Value;
use lock_core::{Instant, RenewalCall, ScriptCall, Unrenewed};
use server_model::{Reply, Verb};
use std::collections::VecDeque;

/// Longest pause between two looks, in ns.
const LOOK_NS: u64 = 100 * MS;

/// A renewal on its way.
#[derive(Debug)]
pub(crate) struct Renewing {
    process: usize,
    life: u64,
    sent_at: Instant,
    call: RenewalCall,
    /// The parts that are not asked yet, slot by slot if servers keep to slots.
    parts: VecDeque<(u16, RenewalCall)>,
    answer: Option<Vec<i64>>,
}

impl World {
    /// Something is to be renewed from now on.
    pub(crate) fn begin_renewal(&mut self, process: usize) {
        let Some(one) = self.processes.get_mut(process) else { return };
        if one.renewal_at.is_none() {
            let (at, life) = (self.now + MS, one.life);
            one.renewal_at = Some(at);
            self.at(at, Happening::Renew { process, life });
        }
    }

    pub(crate) fn renew(&mut self, process: usize, life: u64) {
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process).filter(|one| one.life == life) else { return };
        if one.stopped_until > self.now {
            let until = one.stopped_until;
            return self.at(until, Happening::Renew { process, life });
        }
        let (mut due, mut lost) = (Vec::new(), Vec::new());
        let next = one.leases.lock().poll(now, &mut due, &mut lost);
        one.renewal_at =
            (next != Instant::FAR_FUTURE).then(|| next.as_nanos().clamp(self.now + MS, self.now + LOOK_NS));
        let again = one.renewal_at;
        let callers: Vec<u64> = lost.into_iter().filter_map(|(hold, _)| one.caller_of(hold)).collect();
        callers.into_iter().for_each(|caller| self.oracle.ended(caller));
        if let Some(at) = again {
            self.at(at, Happening::Renew { process, life });
        }
        let by_slot = self.servers.is_cluster();
        for call in RenewalCall::for_due(due, by_slot) {
            let pause = self.latency();
            let parts = if by_slot { call.by_slot().into() } else { VecDeque::from([(0, call.clone())]) };
            let answer = Some(Vec::new());
            self.renewing.push(Some(Renewing { process, life, sent_at: now, call, parts, answer }));
            self.after(pause, Happening::RenewAtServer(self.renewing.len() - 1));
        }
    }

    pub(crate) fn renew_at_server(&mut self, at: usize) {
        let clocks = [self.us_of(0), self.us_of(1)];
        let Some(Some(renewing)) = self.renewing.get_mut(at) else { return };
        let Some((slot, part)) = renewing.parts.pop_front() else { return };
        let ScriptCall { keys, args, .. } = part.script(false);
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        // A node that has given the slot away names the new node. A node that is giving it away refuses a command whose keys are in two
        // places.
        let first = keys.first().copied().unwrap_or_default();
        let server = self.servers.place_of(slot, clocks, first);
        let us = clocks.get(server).copied().unwrap_or(0);
        let is_split =
            self.servers.is_on_its_way(slot) && !keys.iter().all(|key| self.servers.has(server, us, key));
        let broken = is_split
            || !self.servers.serves(server)
            || self.processes.get(renewing.process).is_none_or(|one| one.renewal_broken_until > self.now);
        // A broken connection loses the question or the answer.
        let mut heard = None;
        if !broken || !is_split && self.servers.serves(server) && self.rng.bool() {
            let reply = self.servers.at(server).data.run(us, Verb::Renew, &keys, &args, &mut |_, _| 0);
            if let Reply::Array(items) = reply {
                let number =
                    |item: &Reply| Value::Int(if let Reply::Int(number) = item { *number } else { 0 });
                heard = part.read(&Value::Array(items.iter().map(number).collect()));
            }
        }
        renewing.answer =
            renewing.answer.take().zip(heard.filter(|_| !broken)).map(|(all, here)| [all, here].concat());
        if renewing.answer.is_some() && !renewing.parts.is_empty() {
            let pause = self.latency();
            return self.after(pause, Happening::RenewAtServer(at));
        }
        let (process, answer, sent_at) = (renewing.process, renewing.answer.clone(), renewing.sent_at);
        let limit = renewing.call.answer_limit(sent_at);
        let pause = if broken { u64::try_from(limit.as_nanos()).unwrap_or(0) } else { self.latency() };
        self.note(|| format!("renewal of process {process}, sent at {sent_at:?}: {answer:?}"));
        self.after(pause, Happening::RenewAnswered(at));
    }

    pub(crate) fn renew_answered(&mut self, at: usize) -> Result<(), String> {
        let now = self.instant();
        let Some(Some(renewing)) = self.renewing.get(at) else { return Ok(()) };
        let (process, life) = (renewing.process, renewing.life);
        let Some(one) = self.processes.get_mut(process).filter(|one| one.life == life) else { return Ok(()) };
        if one.stopped_until > self.now {
            let until = one.stopped_until;
            self.at(until, Happening::RenewAnswered(at));
            return Ok(());
        }
        let mut leases = one.leases.lock();
        let lost = match &renewing.answer {
            Some(answer) => renewing.call.take_in(&mut leases, now, renewing.sent_at, answer, None),
            None => {
                renewing.call.failed(&mut leases, now, &Unrenewed::failed("no answer"));
                Vec::new()
            }
        };
        drop(leases);
        for caller in lost.into_iter().filter_map(|(hold, _)| one.caller_of(hold)) {
            self.oracle.ended(caller);
        }
        if let Some(slot) = self.renewing.get_mut(at) {
            *slot = None;
        }
        self.begin_renewal(process);
        Ok(())
    }
}
