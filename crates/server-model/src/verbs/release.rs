//! hand over, release, roll back and leave: the verbs that give locks back or leave queues.

use super::park::text_number;
use crate::call::Call;
use crate::parts::{index, is_grant_to};
use crate::reply::{Fault, LUA, Outcome, Reply};
use crate::store::number;

pub(super) fn hand_over(call: &mut Call<'_>) -> Outcome<Reply> {
    let (owner, grant, me) = (call.needed(1)?, call.arg(3), call.arg(4));
    let more = call.given(9).and_then(number).unwrap_or(0);
    let mut token = None;
    let (mut all, mut missed) = (1, Vec::new());
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(3) {
        let (queue, counter) = (call.key(at + 1)?, call.key(at + 2)?);
        let ours = call
            .get(lock)?
            .is_some_and(|holder| holder == owner || (Some(holder) == grant && !holder.is_empty()));
        if ours {
            if let (Some(served), Some(me)) = (call.given(10), me)
                && let Some(score) = call.score(queue, me)?
                && score <= text_number(served)?
            {
                call.remove(queue, me)?;
            }
            if let (Some(ticket), Some(me)) = (call.given(5), me) {
                call.expire(queue, b"60000")?;
                call.add_lower(queue, ticket, me)?;
            }
            token = call.grant_next(lock, queue, counter, call.flag(2), me, more)?;
        } else {
            all = 0;
            missed.push(index(at / 3));
        }
    }
    let Some(token) = token else {
        return Ok(Reply::ints(&[&[1, all], missed.as_slice()].concat()));
    };
    let Some(next_owner) = call.given(6) else { return Ok(Reply::ints(&[3, token])) };
    call.set(call.key(0)?, next_owner, Some(call.needed(7)?))?;
    let mut reply = vec![2, token];
    if more > 0 {
        let other = call.first_score(call.key(1)?)?.unwrap_or(i64::MAX);
        reply.push(other.min(token + more + 1));
    }
    if let (Some(ticket), Some(me)) = (call.given(8), me) {
        call.add_lower(call.key(1)?, ticket, me)?;
        call.expire(call.key(1)?, b"60000")?;
    }
    Ok(Reply::ints(&reply))
}

pub(super) fn give_back(call: &mut Call<'_>) -> Outcome<Reply> {
    let count = call.keys.len() / 3;
    let (mut reply, mut common) = (vec![Reply::Int(1)], true);
    for at in 0..count {
        let (lock, queue, counter) = (call.key(at)?, call.key(count + at)?, call.key(2 * count + at)?);
        let owner = call.needed(at + 1)?;
        let ours = call.get(lock).is_ok_and(|holder| holder == Some(owner));
        common = common && ours && !call.exists(queue);
        let passed = if ours { call.grant_next(lock, queue, counter, true, None, 0) } else { Ok(None) };
        reply.push(match passed {
            Ok(_) => Reply::Int(ours.into()),
            Err(Fault(text)) => Reply::Error(text.into()),
        });
    }
    Ok(if common { Reply::Int(1) } else { Reply::Array(reply) })
}

pub(super) fn release(call: &mut Call<'_>) -> Outcome<Reply> {
    let (owner, stride) = (call.needed(1)?, call.stride(2)?);
    let queued = stride == 4;
    let (mut locks, mut remembered) = (call.keys, None);
    if queued {
        let (last, rest) = call.keys.split_last().ok_or(LUA)?;
        (locks, remembered) = (rest, Some(*last));
        if let Some(answer) = call.get(last)? {
            let answer = number(answer);
            return Ok(Reply::ints(&answer.map_or(vec![1], |answer| vec![1, answer])));
        }
    }
    let (mut all, mut missed) = (1, Vec::new());
    for (at, lock) in locks.iter().copied().enumerate().step_by(stride) {
        if !call.holds(lock, owner)? {
            all = 0;
            missed.push(index(at / stride));
        } else if queued {
            call.delete(call.key(at + 1)?);
            call.grant_next(lock, call.key(at + 2)?, call.key(at + 3)?, call.flag(3), None, 0)?;
        } else {
            call.delete(lock);
        }
    }
    if let Some(remembered) = remembered {
        call.set(remembered, all.to_string().as_bytes(), Some(b"60000"))?;
    }
    Ok(Reply::ints(&[&[1, all], missed.as_slice()].concat()))
}

pub(super) fn roll_back(call: &mut Call<'_>) -> Outcome<Reply> {
    let (owner, attempt) = (call.needed(1)?, call.needed(2)?);
    let mut reply = vec![1];
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(4) {
        let record_key = call.key(at + 1)?;
        if !call.holds(lock, owner)? {
            continue;
        }
        match call.record_of(lock, record_key)? {
            None => reply.push(index(at / 4)),
            Some(record) if record.names(attempt) => {
                let keys = [lock, record_key, call.key(at + 2)?, call.key(at + 3)?];
                call.roll_back_one(keys, call.flag(3), &record, attempt)?;
            }
            Some(_) => {}
        }
    }
    Ok(Reply::ints(&reply))
}

pub(super) fn leave(call: &mut Call<'_>) -> Outcome<Reply> {
    let (lock, queue, counter, client) = (call.key(0)?, call.key(1)?, call.key(2)?, call.needed(1)?);
    if call.flag(2) {
        call.remove(queue, client)?;
    }
    if call.flag(3) && call.get(lock)?.is_some_and(|holder| is_grant_to(holder, client)) {
        call.grant_next(lock, queue, counter, call.flag(4), None, 0)?;
    }
    Ok(Reply::ints(&[1]))
}
