//! renew, free and probe.

use super::stride;
use crate::call::Call;
use crate::parts::names;
use crate::reply::{Outcome, Reply};

pub(super) fn renew(call: &mut Call<'_>) -> Outcome<Reply> {
    let stride = stride(call, 1)?;
    let (mut reply, mut arg) = (vec![1], 2);
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(stride) {
        let mut answer = false;
        // What is no string is nobody's.
        if call.get(lock).ok().flatten().is_some_and(|holder| call.arg(arg) == Some(holder)) {
            if stride == 1 {
                answer = call.expire(lock, call.needed(arg + 1)?)?;
            } else {
                let record_key = call.key(at + 1)?;
                let attempt = call.arg(arg + 2);
                let recorded = call.get(record_key)?.and_then(attempts_of);
                if recorded.zip(attempt).is_some_and(|(recorded, attempt)| names(recorded, attempt)) {
                    answer = call.expire(lock, call.needed(arg + 1)?)?;
                    call.expire(record_key, call.needed(arg + 1)?)?;
                }
            }
        }
        reply.push(i64::from(answer));
        arg += stride + 1;
    }
    Ok(Reply::ints(&reply))
}

/// What stands before the first colon.
fn attempts_of(record: &[u8]) -> Option<&[u8]> {
    record.iter().position(|&byte| byte == b':').and_then(|end| record.get(..end))
}

pub(super) fn free(call: &mut Call<'_>) -> Outcome<Reply> {
    let (stride, anybody, owner) = (stride(call, 1)?, call.flag(2), call.arg(3));
    let mut freed = 0;
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(stride) {
        let Some(holder) = call.get(lock).ok().flatten() else { continue };
        if !anybody && Some(holder) != owner {
            continue;
        }
        freed += 1;
        if stride != 4 {
            call.delete(lock);
            continue;
        }
        let record_key = call.key(at + 1)?;
        let uuid = holder.strip_prefix(b"execute:").and_then(first_two_groups);
        let recorded = call.get(record_key)?.unwrap_or_default();
        let whose = uuid.unwrap_or_else(|| first_mark(recorded));
        call.delete(record_key);
        call.pass_on(lock, call.key(at + 2)?, call.key(at + 3)?, call.flag(4), None, 0)?;
        if whose.len() == 12 {
            (call.publish)(&[b"mlr!o:", whose.as_slice()].concat(), lock);
        }
    }
    Ok(Reply::ints(&[1, freed]))
}

/// Twelve hexadecimal digits, possibly after pluses and commas.
fn first_mark(record: &[u8]) -> Vec<u8> {
    let at = record.iter().take_while(|byte| matches!(byte, b'+' | b',')).count();
    let mark = record.get(at..at + 12).filter(|mark| mark.iter().all(u8::is_ascii_hexdigit));
    mark.unwrap_or_default().to_vec()
}

/// `%x+%-%x+` at the beginning, without the hyphen.
fn first_two_groups(uuid: &[u8]) -> Option<Vec<u8>> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (first, rest) = uuid.split_at_checked(digits(uuid))?;
    let rest = rest.strip_prefix(b"-")?;
    let second = rest.get(..digits(rest))?;
    (!first.is_empty() && !second.is_empty()).then(|| [first, second].concat())
}

pub(super) fn probe(call: &mut Call<'_>) -> Outcome<Reply> {
    // Of a lock key nothing is left.
    let (counter, Ok(queue)) = (call.key(0)?, call.key(1)) else { return Ok(Reply::ints(&[1])) };
    // Without ACL no error of these is a missing right, so all of them are passed over.
    if call.increment(counter, 1).is_ok_and(|number| number == 1) {
        call.delete(counter);
    }
    if call.add_lower(queue, b"1", b"x").is_ok() {
        call.expire(queue, b"1000")?;
        call.pop_first(queue)?;
        call.remove(queue, b"x")?;
    }
    Ok(Reply::ints(&[1]))
}
