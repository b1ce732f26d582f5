//! `acquire`: takes all keys or none, in the modes without a queue.

use super::encode::{SendContext, SideKeys, append_flag, append_lease};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{append_integer, append_text};
use crate::script::Script;
use std::time::Duration;

/// The arguments of `acquire`.
#[derive(Debug)]
pub(crate) struct Poll<'a> {
    pub(crate) keys: &'a [LockKey],
    pub(crate) owner: &'a Owner,
    pub(crate) attempt: &'a AttemptId,
    pub(crate) lease: Option<Duration>,
    /// The caller will ask again.
    pub(crate) waits: bool,
    pub(crate) promises_end: bool,
    /// The client may use the lock keys only.
    pub(crate) plain: bool,
}

/// The answers are those of [`super::park`].
pub(crate) fn encode(poll: &Poll<'_>, context: SendContext<'_>, out: &mut Vec<u8>) {
    let stride = if poll.plain { 1 } else { 5 };
    context.append_eval(out, Script::Acquire, poll.keys.len() * stride, if poll.plain { 3 } else { 7 });
    let mut side = SideKeys::default();
    for key in poll.keys {
        append_text(out, key.name());
        if !poll.plain {
            side.append(out, |side| key.counter(side));
            side.append(out, |side| key.record(side));
            side.append(out, |side| key.polled(side));
            side.append(out, |side| key.queue(side));
        }
    }
    append_text(out, poll.owner.as_bytes());
    append_lease(out, poll.lease);
    append_integer(out, stride as u64);
    if !poll.plain {
        context.append_sync(out, poll.keys);
        append_text(out, poll.attempt);
        append_flag(out, poll.promises_end);
        append_flag(out, poll.waits);
    }
}
