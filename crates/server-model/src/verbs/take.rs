//! take and claim: the ways into a lock that `execute` uses.

use crate::call::Call;
use crate::parts::SANE_TOKEN;
use crate::reply::{Fault, Outcome, Reply};

pub(super) fn take(call: &mut Call<'_>) -> Outcome<Reply> {
    let mut reply = vec![Reply::Int(1)];
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(3) {
        let (queue, counter) = (call.key(at + 1)?, call.key(at + 2)?);
        let (owner, lease) = (call.needed(at / 3 * 2 + 1)?, call.needed(at / 3 * 2 + 2)?);
        reply.push(match call.set_if_absent(lock, owner, lease) {
            Ok(true) => Reply::Int(token_for(call, lock, queue, counter)),
            Ok(false) => Reply::Int(0),
            Err(Fault(text)) => Reply::Error(text.into()),
        });
    }
    Ok(Reply::Array(reply))
}

/// 0: it is not to be taken in this way, and free again.
fn token_for(call: &mut Call<'_>, lock: &[u8], queue: &[u8], counter: &[u8]) -> i64 {
    if !call.exists(queue)
        && let Ok(token @ SANE_TOKEN..) = call.increment(counter, 1)
    {
        return token;
    }
    call.delete(lock);
    0
}

pub(super) fn claim(call: &mut Call<'_>) -> Outcome<Reply> {
    let (lock, queue) = (call.key(0)?, call.key(1)?);
    let (grant, owner, lease) = (call.needed(1)?, call.needed(2)?, call.needed(3)?);
    let mine = call.get(lock)?.is_some_and(|holder| holder == grant || holder == owner);
    if let Some(ticket) = call.given(5) {
        call.add_lower(queue, ticket, call.needed(4)?)?;
        call.expire(queue, b"60000")?;
    }
    if mine {
        call.set(lock, owner, Some(lease))?;
    }
    Ok(Reply::ints(&[i64::from(mine)]))
}
