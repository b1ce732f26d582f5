//! `renew` on the main connection, for locks that are held. No caller waits for the answer.

use super::encode::{SendContext, SideKeys};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{append_integer, append_text};
use crate::script::Script;

/// The kind of the renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewing {
    /// This much time left, in ms.
    ExactlyMs(u64),
    /// The attempt, which joined a hold, will not be rolled back.
    ConfirmJoin(AttemptId),
}

/// `tokens`: the tokens, per key, that tell a named owner's hold from others of the same name. A hold that others share stays as it is.
pub(crate) fn encode(
    keys: &[LockKey],
    owner: &Owner,
    tokens: Option<&[u64]>,
    what: Renewing,
    context: SendContext<'_>,
    out: &mut Vec<u8>,
) {
    let (count, stride) = (keys.len(), if tokens.is_some() { 2 } else { 1 });
    context.append_eval(out, Script::Renew, count * stride, 1 + count * (stride + 1));
    let mut side = SideKeys::default();
    for key in keys {
        append_text(out, key.name());
        if tokens.is_some() {
            side.append(out, |side| key.record(side));
        }
    }
    append_integer(out, stride as u64);
    for at in 0..count {
        append_text(out, owner.as_bytes());
        match what {
            Renewing::ExactlyMs(ms) => append_integer(out, ms),
            Renewing::ConfirmJoin(attempt) => append_text(out, &[b"=".as_slice(), &attempt].concat()),
        }
        if let Some(tokens) = tokens {
            append_integer(out, tokens.get(at).copied().unwrap_or_default());
        }
    }
}
