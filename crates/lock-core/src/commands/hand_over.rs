//! `hand over`: the release of a lock of `execute`. It names the client's waiter that may have the lock next.

use super::answer::{Answer, Refusal, Returned, indexes, number, tagged};
use super::encode::{SendContext, SideKeys, append_lease, append_ticket};
use crate::ids::Owner;
use crate::key::LockKey;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use std::time::Duration;

/// The client's oldest waiter, for the release that names it.
#[derive(Clone, Debug)]
pub(crate) struct SuccessorHint {
    pub(crate) ticket: u64,
    /// The arguments to give it the lock at once. `None`: it has to ask by itself.
    pub(crate) successor: Option<Successor>,
}

/// A waiter that can have the lock at once.
#[derive(Clone, Debug)]
pub(crate) struct Successor {
    pub(crate) owner: Owner,
    pub(crate) lease: Duration,
    /// The ticket of the client's waiter after it.
    pub(crate) next_ticket: Option<u64>,
    /// How many waiters may follow it without a command.
    pub(crate) followers: u64,
}

/// The waiters of a cohort that were served without a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served {
    /// They have tickets up to this one.
    pub(crate) up_to: u64,
    /// All who came after the cohort began have this ticket or a later one.
    pub(crate) beyond: u64,
}

/// The arguments of `hand over`.
#[derive(Debug)]
pub(crate) struct HandOver<'a> {
    pub(crate) keys: &'a [LockKey],
    pub(crate) owner: &'a Owner,
    /// The grant on which the job began, while its claim is not answered.
    pub(crate) grant: Option<&'a [u8]>,
    pub(crate) hint: Option<&'a SuccessorHint>,
    /// The client's waiters up to this ticket were served without a command.
    pub(crate) served_up_to: Option<u64>,
}

pub(crate) fn encode(hand_over: &HandOver<'_>, context: SendContext<'_>, out: &mut Vec<u8>) {
    let HandOver { keys, owner, grant, hint, served_up_to } = hand_over;
    let alone = grant.is_none() && hint.is_none() && served_up_to.is_none();
    context.append_eval(out, Script::HandOver, keys.len() * 3, if alone { 2 } else { 10 });
    let mut side = SideKeys::default();
    for key in *keys {
        append_text(out, key.name());
        side.append(out, |side| key.queue(side));
        side.append(out, |side| key.counter(side));
    }
    append_text(out, owner.as_bytes());
    context.append_sync(out, keys);
    if alone {
        return;
    }
    append_text(out, grant.unwrap_or_default());
    append_text(out, context.client);
    append_ticket(out, hint.map(|hint| hint.ticket));
    match hint.and_then(|hint| hint.successor.as_ref()) {
        Some(Successor { owner, lease, next_ticket, followers }) => {
            append_text(out, owner.as_bytes());
            append_lease(out, Some(*lease));
            append_ticket(out, *next_ticket);
            append_integer(out, *followers);
        }
        None => (0..4).for_each(|_| append_text(out, b"")),
    }
    append_ticket(out, *served_up_to);
}

/// The answer. `release` has the same answers, but it gives and grants nothing.
pub(crate) fn decode(reply: &Value) -> Answer<Returned> {
    match tagged(reply) {
        Some((2, rest)) => Ok(Returned::Given {
            token: rest.first().and_then(number),
            first_foreign_ticket: rest.get(1).and_then(number),
        }),
        Some((3, rest)) => Ok(Returned::Granted { token: rest.first().and_then(number) }),
        Some((1, [Value::Int(1), ..])) => Ok(Returned::Released),
        Some((1, rest)) => Ok(Returned::NotHeld(indexes(rest.get(1..).unwrap_or_default()))),
        _ => Err(Refusal::of(reply)),
    }
}
