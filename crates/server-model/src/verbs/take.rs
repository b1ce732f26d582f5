//! take and claim: the verbs by which `execute` gets locks.

use crate::call::Call;
use crate::reply::{Fault, Outcome, Reply};

pub(super) fn take(call: &mut Call<'_>) -> Outcome<Reply> {
    let count = call.keys.len() / 3;
    let sync = call.flag(2 * count + 1);
    let mut reply = vec![Reply::Int(1)];
    for at in 0..count {
        let (lock, queue, counter) = (call.key(at)?, call.key(count + at)?, call.key(2 * count + at)?);
        let (owner, lease) = (call.needed(at + 1)?, call.needed(count + at + 1)?);
        let waited = call.exists(queue);
        reply.push(match if waited { Ok(false) } else { call.set_if_absent(lock, owner, lease) } {
            Ok(true) => Reply::Int(token_for(call, lock, counter, sync)),
            Ok(false) => Reply::Int(0),
            Err(Fault(text)) => Reply::Error(text.into()),
        });
    }
    Ok(Reply::Array(reply))
}

/// 0: the lock cannot be taken this way, and is free again.
fn token_for(call: &mut Call<'_>, lock: &[u8], counter: &[u8], sync: bool) -> i64 {
    call.next_token(counter, sync, 0).unwrap_or_else(|_| {
        call.delete(lock);
        0
    })
}

pub(super) fn claim(call: &mut Call<'_>) -> Outcome<Reply> {
    let (lock, queue) = (call.key(0)?, call.key(1)?);
    let (grant, owner, lease) = (call.needed(1)?, call.needed(2)?, call.needed(3)?);
    let mine = call.get(lock)?.is_some_and(|holder| holder == grant || holder == owner);
    if mine {
        call.expire(lock, lease)?;
    }
    if let Some(ticket) = call.given(5) {
        call.add_lower(queue, ticket, call.needed(4)?)?;
        call.expire(queue, b"60000")?;
    }
    if mine {
        call.set(lock, owner, Some(lease))?;
    }
    Ok(Reply::ints(&[i64::from(mine)]))
}
