//! take and claim: the ways into a lock that `execute` uses.

use crate::call::Call;
use crate::parts::SANE_TOKEN;
use crate::reply::{Outcome, Reply};

pub(super) fn take(call: &mut Call<'_>) -> Outcome<Reply> {
    let (lock, owner, lease) = (call.key(0)?, call.needed(1)?, call.needed(2)?);
    if call.set_if_absent(lock, owner, lease)? {
        if !call.exists(call.key(1)?)
            && let Ok(token) = call.increment(call.key(2)?)
            && token >= SANE_TOKEN
        {
            return Ok(Reply::ints(&[1, token]));
        }
        call.delete(lock);
    }
    Ok(Reply::ints(&[0]))
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
