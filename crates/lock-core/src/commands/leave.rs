//! `leave`: a client leaves a queue, passes on a grant, or both. The answer does not matter.

use super::encode::{SendContext, SideKeys, append_flag};
use crate::key::LockKey;
use crate::resp::append_text;
use crate::script::Script;

/// `remove`: leaves the queue. `pass`: passes on a grant already made to the client.
pub(crate) fn encode(key: &LockKey, remove: bool, pass: bool, context: SendContext<'_>, out: &mut Vec<u8>) {
    context.append_eval(out, Script::Leave, 3, 4);
    let mut side = SideKeys::default();
    append_text(out, key.name());
    side.append(out, |side| key.queue(side));
    side.append(out, |side| key.counter(side));
    append_text(out, context.client);
    append_flag(out, remove);
    append_flag(out, pass);
    context.append_sync(out, std::slice::from_ref(key));
}
