//! acquire: all keys or none, without a queue.

use crate::call::Call;
use crate::parts::{SANE_TOKEN, index, promise, record_text};
use crate::reply::{Outcome, Reply};

/// The hold of this attempt on a lock: its owner, and the token if the lock is held already.
struct Hold {
    attempts: Vec<u8>,
    token: Option<i64>,
    lease: Vec<u8>,
    /// The owner held it before, by other attempts.
    joined: bool,
}

pub(super) fn acquire(call: &mut Call<'_>) -> Outcome<Reply> {
    let (owner, lease) = (call.needed(1)?, call.needed(2)?);
    let unique = owner.starts_with(b"execute:");
    if call.stride(3)? == 5
        && call.keys.len() == 5
        && unique
        && !call.exists(call.key(3)?)
        && !call.exists(call.key(4)?)
        && let Some(reply) = common_path(call, owner, lease)?
    {
        return Ok(reply);
    }
    let stride = call.stride(3)?;
    let (mut holds, mut refused) = (Vec::new(), vec![0]);
    let locks: Vec<&[u8]> = call.keys.iter().copied().step_by(stride).collect();
    for (at, lock) in locks.into_iter().enumerate() {
        match look(call, owner, unique, stride, at * stride, lock)? {
            Some(hold) => holds.push(hold),
            None => refused.push(index(at)),
        }
    }
    if refused.len() > 1 {
        return Ok(Reply::ints(&refused));
    }
    if stride > 1 {
        for (lock, hold) in holds.iter_mut().enumerate() {
            // The counter is raised even if the token is known.
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
            if stride == 5 && !unique {
                let ms: &[u8] = if timed { &hold.lease } else { b"86400000" };
                let attempts = promise(hold.attempts.clone(), call.flag(6));
                call.set(call.key(lock * 5 + 2)?, &record_text(&attempts, token, timed), Some(ms))?;
            }
            reply.push(token);
        }
    }
    if holds.iter().any(|hold| hold.joined) {
        reply.push(-1);
    }
    Ok(Reply::ints(&reply))
}

/// One free key of `execute`. `None`: this case does not apply.
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

/// `None`: another owner holds the lock, or it is left alone for others.
fn look(
    call: &mut Call<'_>,
    owner: &[u8],
    unique: bool,
    stride: usize,
    at: usize,
    lock: &[u8],
) -> Outcome<Option<Hold>> {
    let (attempt, waits) = (call.arg(5).unwrap_or_default(), call.flag(7));
    let side = if stride == 5 { Some((call.key(at + 2)?, call.key(at + 3)?)) } else { None };
    let (record_key, polled) = side.unzip();
    let holder = call.get(lock)?.map(<[u8]>::to_vec);
    if waits
        && let Some(polled) = polled
        && call.exists(call.key(at + 4)?)
    {
        call.mark_queued(polled)?;
    }
    let Some(holder) = holder else {
        if waits
            && let Some(polled) = polled
            && !call.may_take(polled, true, false)?
        {
            return Ok(None);
        }
        return Ok(Some(Hold {
            attempts: attempt.to_vec(),
            token: None,
            lease: call.needed(2)?.to_vec(),
            joined: false,
        }));
    };
    let mut record = None;
    if let Some(record_key) = record_key.filter(|_| holder == owner && !unique) {
        record = call.record_of(lock, record_key)?;
    }
    if holder != owner || (owner == b"*" && record.as_ref().is_none_or(|record| !record.names(attempt))) {
        if waits && let (Some(polled), Some(record_key)) = (polled, record_key) {
            let ours = match holder.as_slice() {
                text if text.starts_with(b"grant:") => true,
                text if text.starts_with(b"execute:") => text.get(22) == Some(&b'8'),
                _ => call.record_of(lock, record_key)?.is_some(),
            };
            call.mark_polled(polled, ours, true)?;
        }
        return Ok(None);
    }
    let named = record.as_ref().map(|record| record.attempts.as_slice());
    let lease = call.time_left(lock, named, call.needed(2)?)?;
    let joined = !unique;
    let keys = [lock, record_key.unwrap_or_default()];
    Ok(Some(match record {
        Some(record) if record.names(attempt) => {
            let attempts =
                call.asked_again(record_key.unwrap_or_default(), &record.attempts, attempt, &lease)?;
            Hold { attempts, token: Some(record.token), lease, joined: false }
        }
        Some(record) => Hold {
            attempts: call.join(keys, Some(&record.attempts), attempt, &lease)?,
            token: Some(record.token),
            lease,
            joined,
        },
        None => Hold { attempts: call.join(keys, None, attempt, &lease)?, token: None, lease, joined },
    }))
}
