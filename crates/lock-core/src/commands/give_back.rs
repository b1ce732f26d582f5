//! `give back`: releases of locks of `execute` that need no other argument. Several calls share one command.

use super::answer::{Answer, Refusal, Returned};
use super::encode::{SendContext, append_keys_by_kind};
use crate::ids::Owner;
use crate::key::LockKey;
use crate::resp::{Value, append_text};
use crate::script::Script;

/// One call's part of the command.
#[derive(Debug)]
pub(crate) struct GiveBack<'a> {
    pub(crate) key: &'a LockKey,
    pub(crate) owner: &'a Owner,
}

pub(crate) fn encode(gives: &[GiveBack<'_>], context: SendContext<'_>, out: &mut Vec<u8>) {
    context.append_eval(out, Script::GiveBack, gives.len() * 3, gives.len());
    append_keys_by_kind(gives.iter().map(|give| give.key), out);
    gives.iter().for_each(|give| append_text(out, give.owner.as_bytes()));
}

/// The answer to each of `count` calls.
pub(crate) fn decode(reply: &Value, count: usize) -> Vec<Answer<Returned>> {
    let per_call = |item: &Value| match item {
        Value::Int(1) => Ok(Returned::Released),
        Value::Int(0) => Ok(Returned::NotHeld(vec![0])),
        other => Err(Refusal::of(other)),
    };
    match reply {
        // One number answers all calls.
        Value::Int(1) => (0..count).map(|_| Ok(Returned::Released)).collect(),
        Value::Array(items) if items.len() == count + 1 => items.iter().skip(1).map(per_call).collect(),
        other => (0..count).map(|_| Err(Refusal::of(other))).collect(),
    }
}
