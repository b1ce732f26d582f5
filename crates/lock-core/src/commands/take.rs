//! `take`: takes free keys that nobody waits for, each for one call of `execute`. Several calls share one command.

use super::answer::{Acquired, Answer, Refusal};
use super::encode::{SendContext, append_flag, append_keys_by_kind, append_lease};
use crate::ids::Owner;
use crate::key::LockKey;
use crate::resp::{Value, append_text};
use crate::script::Script;
use std::time::Duration;

/// One call's part of the command.
#[derive(Debug)]
pub(crate) struct Take<'a> {
    pub(crate) key: &'a LockKey,
    pub(crate) owner: &'a Owner,
    pub(crate) lease: Option<Duration>,
}

pub(crate) fn encode(takes: &[Take<'_>], context: SendContext<'_>, out: &mut Vec<u8>) {
    let syncs = context.in_cluster;
    context.append_eval(out, Script::Take, takes.len() * 3, takes.len() * 2 + usize::from(syncs));
    append_keys_by_kind(takes.iter().map(|take| take.key), out);
    takes.iter().for_each(|take| append_text(out, take.owner.as_bytes()));
    takes.iter().for_each(|take| append_lease(out, take.lease));
    if syncs {
        append_flag(out, true);
    }
}

/// The answer to each of `count` calls.
pub(crate) fn decode(reply: &Value, count: usize) -> Vec<Answer<Acquired>> {
    let per_call = |item: &Value| match item {
        Value::Int(0) => Ok(Acquired::Contended),
        Value::Int(token) => {
            Ok(Acquired::Held { tokens: u64::try_from(*token).into_iter().collect(), joined: false })
        }
        other => Err(Refusal::of(other)),
    };
    match reply {
        Value::Array(items) if items.len() == count + 1 => items.iter().skip(1).map(per_call).collect(),
        other => (0..count).map(|_| Err(Refusal::of(other))).collect(),
    }
}
