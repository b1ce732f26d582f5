//! `release` by owner, for all calls but `execute`; `roll back` by attempt; and the question who owns a lock.

use super::answer::{Answer, Refusal, Returned, indexes, tagged};
use super::encode::{SendContext, SideKeys};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{Value, append_header, append_integer, append_text};
use crate::script::Script;

/// Releases by owner. The answers are those of [`super::hand_over`].
pub(crate) fn encode(
    keys: &[LockKey],
    owner: &Owner,
    request: &AttemptId,
    context: SendContext<'_>,
    out: &mut Vec<u8>,
) {
    context.append_eval(out, Script::Release, keys.len() * 4 + 1, 3);
    append_keys(keys, out);
    if let Some(key) = keys.first() {
        SideKeys::default().append(out, |side| key.remembered(request, side));
    }
    append_text(out, owner.as_bytes());
    append_integer(out, 4);
    context.append_sync(out, keys);
}

/// Releases by owner if the client may use the lock keys only.
pub(crate) fn encode_plain(keys: &[LockKey], owner: &Owner, context: SendContext<'_>, out: &mut Vec<u8>) {
    context.append_eval(out, Script::Release, keys.len(), 2);
    keys.iter().for_each(|key| append_text(out, key.name()));
    append_text(out, owner.as_bytes());
    append_integer(out, 1);
}

/// Rolls back everything that one attempt took.
pub(crate) fn encode_roll_back(
    keys: &[LockKey],
    owner: &Owner,
    attempt: &AttemptId,
    context: SendContext<'_>,
    out: &mut Vec<u8>,
) {
    context.append_eval(out, Script::RollBack, keys.len() * 4, 3);
    append_keys(keys, out);
    append_text(out, owner.as_bytes());
    append_text(out, attempt);
    context.append_sync(out, keys);
}

pub(crate) fn decode_roll_back(reply: &Value) -> Answer<Returned> {
    match tagged(reply) {
        Some((1, doubtful)) => Ok(Returned::RolledBack { doubtful: indexes(doubtful) }),
        _ => Err(Refusal::of(reply)),
    }
}

/// Asks who owns the lock.
pub(crate) fn encode_verify_owner(keys: &[LockKey], out: &mut Vec<u8>) {
    append_header(out, 2);
    append_text(out, b"GET");
    keys.iter().for_each(|key| append_text(out, key.name()));
}

/// The lock's owner in Redis.
pub(crate) fn decode_verify_owner(reply: Value) -> Answer<Option<Vec<u8>>> {
    match reply {
        Value::Text(holder) => Ok(Some(holder)),
        Value::Nil => Ok(None),
        other => Err(Refusal::of(&other)),
    }
}

/// Lock key, hold record, queue and counter of every lock.
fn append_keys(keys: &[LockKey], out: &mut Vec<u8>) {
    let mut side = SideKeys::default();
    for key in keys {
        append_text(out, key.name());
        side.append(out, |side| key.record(side));
        side.append(out, |side| key.queue(side));
        side.append(out, |side| key.counter(side));
    }
}
