//! `claim`: puts the owner and the full lease in place of a grant.

use super::answer::{Answer, Refusal};
use super::encode::{SendContext, SideKeys, append_lease, append_ticket};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{Value, append_text};
use crate::script::Script;
use std::time::Duration;

/// The arguments of `claim`.
#[derive(Debug)]
pub(crate) struct Claiming<'a> {
    pub(crate) key: &'a LockKey,
    pub(crate) grant: &'a [u8],
    pub(crate) owner: &'a Owner,
    pub(crate) lease: Duration,
    /// The client that has the grant.
    pub(crate) client: &'a AttemptId,
    /// The ticket of the client's next waiter.
    pub(crate) next_ticket: Option<u64>,
}

pub(crate) fn encode(claiming: &Claiming<'_>, context: SendContext<'_>, out: &mut Vec<u8>) {
    context.append_eval(out, Script::Claim, 2, 5);
    append_text(out, claiming.key.name());
    SideKeys::default().append(out, |side| claiming.key.queue(side));
    append_text(out, claiming.grant);
    append_text(out, claiming.owner.as_bytes());
    append_lease(out, Some(claiming.lease));
    append_text(out, claiming.client);
    append_ticket(out, claiming.next_ticket);
}

/// Whether the lock is the owner's.
pub(crate) fn decode(reply: &Value) -> Answer<bool> {
    match reply {
        Value::Array(items) => Ok(items.first() == Some(&Value::Int(1))),
        other => Err(Refusal::of(other)),
    }
}

/// The text of a grant in Redis.
pub(crate) fn grant_text(client: &AttemptId, token: u64) -> Vec<u8> {
    [b"grant:", &client[..], b":", token.to_string().as_bytes()].concat()
}
