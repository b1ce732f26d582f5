//! acquire: all keys or none, without a queue.

use super::{index, stride};
use crate::call::Call;
use crate::parts::{SANE_TOKEN, promise, record_text};
use crate::reply::{Outcome, Reply};

/// What a lock is to this attempt: whose hold it becomes, and the token if it is held already.
struct Hold {
    attempts: Vec<u8>,
    token: Option<i64>,
    lease: Vec<u8>,
}

pub(super) fn acquire(call: &mut Call<'_>) -> Outcome<Reply> {
    let (owner, lease) = (call.needed(1)?, call.needed(2)?);
    if call.arg(3) == Some(b"2")
        && call.keys.len() < 3
        && lease != b"0"
        && let Some(reply) = common_path(call, owner, lease)?
    {
        return Ok(reply);
    }
    let stride = stride(call, 3)?;
    let attempt = call.arg(5).unwrap_or_default();
    let (mut holds, mut refused) = (Vec::new(), vec![0]);
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(stride) {
        match look(call, owner, attempt, stride, at, lock)? {
            Some(hold) => holds.push(hold),
            None => refused.push(index(at / stride)),
        }
    }
    if refused.len() > 1 {
        return Ok(Reply::ints(&refused));
    }
    if stride > 1 {
        for (lock, hold) in holds.iter_mut().enumerate() {
            // Raised also where the token is known.
            if hold.token.is_none() || call.flag(4) {
                let token = call.next_token(call.key(lock * stride + 1)?, call.flag(4), 0)?;
                hold.token.get_or_insert(token);
            }
        }
    }
    let mut reply = vec![1];
    for (lock, hold) in holds.iter().enumerate() {
        let timed = hold.lease != b"0";
        call.set(call.key(lock * stride)?, owner, timed.then_some(hold.lease.as_slice()))?;
        if let Some(token) = hold.token {
            if stride == 3 {
                let ms: &[u8] = if timed { &hold.lease } else { b"86400000" };
                let attempts = promise(hold.attempts.clone(), call.flag(6));
                call.set(call.key(lock * 3 + 2)?, &record_text(&attempts, token, timed), Some(ms))?;
            }
            reply.push(token);
        }
    }
    Ok(Reply::ints(&reply))
}

/// One free key of `execute`; `None` when it is for the long way.
fn common_path(call: &mut Call<'_>, owner: &[u8], lease: &[u8]) -> Outcome<Option<Reply>> {
    let lock = call.key(0)?;
    if !call.set_if_absent(lock, owner, lease)? {
        return Ok(None);
    }
    let token = call.increment(call.key(1)?, 1);
    if let Ok(token) = token
        && token >= SANE_TOKEN
        && !call.flag(4)
    {
        return Ok(Some(Reply::ints(&[1, token])));
    }
    call.delete(lock);
    token.map(|_| None)
}

/// `None`: another's.
fn look(
    call: &Call<'_>,
    owner: &[u8],
    attempt: &[u8],
    stride: usize,
    at: usize,
    lock: &[u8],
) -> Outcome<Option<Hold>> {
    let Some(holder) = call.get(lock)? else {
        return Ok(Some(Hold { attempts: attempt.to_vec(), token: None, lease: call.needed(2)?.to_vec() }));
    };
    if holder != owner {
        return Ok(None);
    }
    let record = if stride < 3 { None } else { call.record_of(lock, call.key(at + 2)?)? };
    if owner == b"*" && record.as_ref().is_none_or(|record| !record.names(attempt)) {
        return Ok(None);
    }
    let named = record.as_ref().map(|record| record.attempts.as_slice());
    let lease = call.time_left(lock, named, call.needed(2)?)?;
    Ok(Some(match record {
        Some(record) if record.names(attempt) => {
            Hold { attempts: record.attempts, token: Some(record.token), lease }
        }
        Some(record) => Hold {
            attempts: call.join(lock, Some(&record.attempts), attempt),
            token: Some(record.token),
            lease,
        },
        None => Hold { attempts: call.join(lock, None, attempt), token: None, lease },
    }))
}
