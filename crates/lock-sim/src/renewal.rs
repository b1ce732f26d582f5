//! The renewal of a process: its own thread and its own connection, which work while the JavaScript thread stands still.

use crate::process::Process;
use crate::world::{Happening, MS, World};
use lock_core::{Instant, Renewal, RenewalAnswer, Term};
use server_model::{Reply, Verb};

/// Longest pause between two looks, in ns.
const LOOK_NS: u64 = 100 * MS;

/// A renewal on its way.
#[derive(Debug)]
pub(crate) struct Renewing {
    process: usize,
    life: u64,
    sent_at: Instant,
    renewal: Renewal,
    answer: Option<RenewalAnswer>,
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
        let next = one.leases.poll(now, &mut due, &mut lost);
        one.renewal_at =
            (next != Instant::FAR_FUTURE).then(|| next.as_nanos().clamp(self.now + MS, self.now + LOOK_NS));
        let again = one.renewal_at;
        let callers: Vec<u64> = lost.into_iter().filter_map(|(hold, _)| one.caller_of(hold)).collect();
        callers.into_iter().for_each(|caller| self.oracle.ended(caller));
        if let Some(at) = again {
            self.at(at, Happening::Renew { process, life });
        }
        for renewal in due {
            let pause = self.latency();
            self.renewing.push(Some(Renewing { process, life, sent_at: now, renewal, answer: None }));
            self.after(pause, Happening::RenewAtServer(self.renewing.len() - 1));
        }
    }

    pub(crate) fn renew_at_server(&mut self, at: usize) {
        let us = self.server_us();
        let Some(Some(renewing)) = self.renewing.get_mut(at) else { return };
        let renewal = &renewing.renewal;
        let broken =
            self.processes.get(renewing.process).is_none_or(|one| one.renewal_broken_until > self.now);
        // A broken connection loses the question or the answer.
        if !broken || self.rng.bool() {
            let (verb, keys, args) = command(renewal);
            // The first number of a renewal is the reply's tag.
            let skipped = usize::from(verb == Verb::Renew);
            let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let reply = self.server.data.run(us, verb, &keys, &args, &mut |_, _| 0);
            if let Reply::Array(items) = reply {
                let number = |item: &Reply| if let Reply::Int(number) = item { *number } else { 0 };
                let answers: Vec<i64> = items.iter().skip(skipped).map(number).collect();
                renewing.answer = Some(renewal.read(&answers));
            }
        }
        if broken {
            renewing.answer = None;
        }
        let (process, answer) = (renewing.process, renewing.answer);
        let (sent_at, owner) = (renewing.sent_at, format!("{:?}", renewal.owner));
        let limit = (renewing.renewal.lease / 6)
            .clamp(std::time::Duration::from_millis(100), std::time::Duration::from_secs(5));
        let pause = if broken { u64::try_from(limit.as_nanos()).unwrap_or(0) } else { self.latency() };
        self.note(|| format!("renewal of process {process} for {owner}, sent at {sent_at:?}: {answer:?}"));
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
        let lost = take_answer(one, now, renewing);
        if let Some(caller) = lost {
            self.oracle.ended(caller);
        }
        if let Some(slot) = self.renewing.get_mut(at) {
            *slot = None;
        }
        self.begin_renewal(process);
        Ok(())
    }
}

/// The caller whose hold is lost by the answer.
fn take_answer(process: &mut Process, now: Instant, renewing: &Renewing) -> Option<u64> {
    let hold = renewing.renewal.hold;
    match renewing.answer {
        Some(answer) => {
            let lost = process.leases.answered(renewing.sent_at, hold, answer);
            if lost { process.caller_of(hold) } else { None }
        }
        None => {
            process.leases.failed(now, hold);
            None
        }
    }
}

/// What is asked of Redis.
fn command(renewal: &Renewal) -> (Verb, Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let owner = renewal.owner.as_bytes().to_vec();
    if let (Some(grant), Some(key)) = (&renewal.grant, renewal.keys.first()) {
        let keys = vec![key.name().to_vec(), key.queue_name()];
        let lease = Term::Exactly(renewal.lease).text().into_bytes();
        return (Verb::Claim, keys, vec![grant.to_vec(), owner, lease, Vec::new(), Vec::new()]);
    }
    let (mut keys, mut args) = (Vec::new(), Vec::new());
    args.push(if renewal.tokens.is_some() { b"2".to_vec() } else { b"1".to_vec() });
    for (at, key) in renewal.keys.iter().enumerate() {
        keys.push(key.name().to_vec());
        args.extend([owner.clone(), renewal.term.text().into_bytes()]);
        if let Some(tokens) = &renewal.tokens {
            keys.push(key.record_name());
            args.push(tokens.get(at).copied().unwrap_or_default().to_string().into_bytes());
        }
    }
    (Verb::Renew, keys, args)
}
