//! `park`: takes keys, or waits in the queue of the first key that another owner holds. Several waiters of `execute` for one key share one
//! command.

use super::answer::{Acquired, Answer, Refusal, indexes, number, tagged};
use super::encode::{SendContext, SideKeys, append_flag, append_lease, append_ticket};
use crate::ids::{AttemptId, Owner};
use crate::key::LockKey;
use crate::resp::{Value, append_integer, append_text};
use crate::script::Script;
use std::time::Duration;

/// The arguments of `park`.
#[derive(Debug)]
pub(crate) struct Park<'a> {
    pub(crate) keys: &'a [LockKey],
    pub(crate) owner: &'a Owner,
    pub(crate) attempt: &'a AttemptId,
    pub(crate) lease: Option<Duration>,
    /// The call waits if another owner holds a key. Else it is refused.
    pub(crate) waits: bool,
    /// The key, by index, in whose queue the call stands or stood, and its ticket there.
    pub(crate) place: Option<(usize, u64)>,
    /// The call may take over a grant to its client.
    pub(crate) may_take_grant: bool,
    /// The ticket of the client's next waiter.
    pub(crate) next_ticket: Option<u64>,
    /// How many more waiters the command parks.
    pub(crate) along: usize,
    /// The caller relies on the lock's end, so no later acquire of the same owner may bring it forward.
    pub(crate) promises_end: bool,
    /// The client gave this lock back a moment ago.
    pub(crate) takes_again: bool,
}

pub(crate) fn encode(park: &Park<'_>, context: SendContext<'_>, out: &mut Vec<u8>) {
    // Flags at the end that are false are left out.
    let flags = [park.promises_end, park.takes_again];
    let given = flags.iter().rposition(|flag| *flag).map_or(0, |last| last + 1);
    context.append_eval(out, Script::Park, park.keys.len() * 5, 11 + given);
    let mut side = SideKeys::default();
    for key in park.keys {
        append_text(out, key.name());
        side.append(out, |side| key.counter(side));
        side.append(out, |side| key.record(side));
        side.append(out, |side| key.queue(side));
        side.append(out, |side| key.polled(side));
    }
    append_text(out, park.owner.as_bytes());
    append_lease(out, park.lease);
    context.append_sync(out, park.keys);
    append_text(out, park.attempt);
    append_text(out, context.client);
    append_text(out, if park.waits { b"wait" } else { b"try" });
    append_integer(out, park.place.map_or(0, |(at, _)| at as u64 + 1));
    append_ticket(out, park.place.map(|(_, ticket)| ticket));
    append_flag(out, park.may_take_grant);
    append_ticket(out, park.next_ticket);
    append_integer(out, park.along as u64);
    for flag in flags.into_iter().take(given) {
        append_flag(out, flag);
    }
}

/// The answer to a command for this many keys. `poll` has the same answers.
pub(crate) fn decode(reply: &Value, keys: usize) -> Answer<Acquired> {
    let acquired = tagged(reply).and_then(|(tag, rest)| match (tag, rest) {
        (1, tokens) => Some(Acquired::Held {
            tokens: tokens.iter().filter_map(number).collect(),
            joined: tokens.last() == Some(&Value::Int(-1)),
        }),
        (0, []) => Some(Acquired::Contended),
        (0, at) => Some(Acquired::Refused { at: indexes(at) }),
        (2, [at, ticket, rest @ ..]) => {
            let at = usize::try_from(number(at)?).ok().filter(|at| *at < keys)?;
            let left = rest.first().and_then(number).map(Duration::from_millis);
            Some(Acquired::Parked { at, ticket: number(ticket)?, left })
        }
        _ => None,
    });
    acquired.ok_or_else(|| Refusal::of(reply))
}

/// The answer to each of the `count` waiters that shared the command, as if their parks had come one after the other.
pub(crate) fn decode_shared(reply: &Value, count: usize) -> Vec<Answer<Acquired>> {
    let nth = |at: usize| -> Answer<Acquired> {
        let later = u64::try_from(at).unwrap_or(u64::MAX);
        match tagged(reply) {
            Some((1, [token, ..])) if at == 0 => {
                Ok(Acquired::Held { tokens: number(token).into_iter().collect(), joined: false })
            }
            // The first waiter has the lock, and the others wait from this ticket on.
            Some((1, [_, ticket])) if number(ticket).is_some() => {
                let ticket = number(ticket).unwrap_or_default() + later - 1;
                Ok(Acquired::Parked { at: 0, ticket, left: None })
            }
            Some((1, _)) => Ok(Acquired::Refused { at: Box::new([0]) }),
            Some((2, _)) => decode(reply, 1).map(|acquired| match acquired {
                Acquired::Parked { at, ticket, left } => {
                    Acquired::Parked { at, ticket: ticket + later, left }
                }
                other => other,
            }),
            _ => decode(reply, 1),
        }
    };
    (0..count).map(nth).collect()
}
