//! `revoke`: takes away locks of the namespace that SCAN has found.

use super::answer::{Answer, Refusal};
use super::encode::{SendContext, SideKeys, append_flag};
use crate::key::LockKey;
use crate::resp::{Value, append_header, append_integer, append_text};
use crate::script::Script;

/// `owner`: only this owner's locks. `None`: all locks.
pub(crate) fn encode(
    keys: &[LockKey],
    owner: Option<&[u8]>,
    plain: bool,
    context: SendContext<'_>,
    out: &mut Vec<u8>,
) {
    let stride = if plain { 1 } else { 4 };
    context.append_eval(out, Script::Revoke, keys.len() * stride, 4);
    let mut side = SideKeys::default();
    for key in keys {
        append_text(out, key.name());
        if !plain {
            side.append(out, |side| key.record(side));
            side.append(out, |side| key.queue(side));
            side.append(out, |side| key.counter(side));
        }
    }
    append_integer(out, stride as u64);
    append_flag(out, owner.is_none());
    append_text(out, owner.unwrap_or_default());
    // The locks are of all slots, and this connection has not used most of them.
    append_flag(out, true);
}

/// Asks for names of keys.
pub(crate) fn encode_scan(cursor: &[u8], pattern: &[u8], count: u64, out: &mut Vec<u8>) {
    append_header(out, 6);
    for part in [b"SCAN", cursor, b"MATCH", pattern, b"COUNT"] {
        append_text(out, part);
    }
    append_integer(out, count);
}

/// The result of either command.
#[derive(Debug)]
pub(crate) enum Revoked {
    /// This many locks were taken away.
    Freed(u64),
    /// Names, and the cursor for the next SCAN.
    Found { cursor: Vec<u8>, names: Vec<Vec<u8>> },
}

pub(crate) fn decode(reply: Value) -> Answer<Revoked> {
    let parts = match reply {
        Value::Array(items) => <[Value; 2]>::try_from(items).map_err(Value::Array),
        other => Err(other),
    };
    match parts {
        Ok([Value::Int(1), Value::Int(freed)]) => Ok(Revoked::Freed(u64::try_from(freed).unwrap_or(0))),
        Ok([Value::Text(cursor), Value::Array(names)]) => {
            let name = |item| if let Value::Text(name) = item { Some(name) } else { None };
            Ok(Revoked::Found { cursor, names: names.into_iter().filter_map(name).collect() })
        }
        Ok([first, _]) | Err(first) => Err(Refusal::of(&first)),
    }
}
