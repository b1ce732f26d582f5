//! renew, revoke and probe.

use crate::call::Call;
use crate::parts::{DAY_MS, is_shared, keep_ends, moved, without_end_of};
use crate::reply::{LUA, NOT_AN_INTEGER, Outcome, Reply};
use crate::store::number;

pub(super) fn renew(call: &mut Call<'_>) -> Outcome<Reply> {
    let stride = call.stride(1)?;
    let (mut reply, mut arg) = (vec![1], 2);
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(stride) {
        // A value that is no string belongs to nobody.
        let mine = call.get(lock).ok().flatten().is_some_and(|holder| call.arg(arg) == Some(holder));
        reply.push(match (mine, stride) {
            (false, _) => 0,
            (true, 1) => renew_lock(call, lock, None, arg)?,
            (true, _) => {
                let record_key = call.key(at + 1)?;
                let record = call.get(record_key)?.and_then(attempts_and_token);
                let record = record.filter(|(_, token)| call.arg(arg + 2) == Some(token));
                match record {
                    Some((attempts, token)) => {
                        renew_lock(call, lock, Some((record_key, &attempts, &token)), arg)?
                    }
                    None => 0,
                }
            }
        });
        arg += stride + 1;
    }
    Ok(Reply::ints(&reply))
}

/// Sets the time left of a lock that is its holder's, and that of its record.
fn renew_lock(
    call: &mut Call<'_>,
    lock: &[u8],
    record: Option<(&[u8], &[u8], &[u8])>,
    arg: usize,
) -> Outcome<i64> {
    let ms = call.needed(arg + 1)?;
    if let Some(attempt) = ms.strip_prefix(b"=") {
        // A lock without a record has no ends.
        let Some((record_key, attempts, token)) = record else { return Err(NOT_AN_INTEGER) };
        let left = call.pttl(lock);
        let kept = without_end_of(attempt, attempts);
        if kept != attempts {
            let end: &[u8] = if left < 0 { b":0" } else { b":1" };
            call.set_keeping_expiry(record_key, &[&kept[..], b":", token, end].concat());
        }
        return Ok(left);
    }
    let Some(least) = ms.strip_prefix(b"+") else {
        if record.is_some_and(|(_, attempts, _)| is_shared(attempts)) {
            return Ok(0);
        }
        let answer = call.expire(lock, ms)?;
        if let Some((record_key, ..)) = record {
            call.expire(record_key, ms)?;
        }
        return Ok(i64::from(answer));
    };
    let (text, least) = (least, number(least).ok_or(LUA)?);
    let mut left = call.pttl(lock);
    let late = (0..least).contains(&left);
    if late {
        left = least;
        call.expire(lock, text)?;
    }
    if let Some((record_key, attempts, token)) = record {
        let needed = if left < 0 { DAY_MS / 2 } else { least };
        let lives = call.pttl(record_key);
        let (kept, sure) = keep_ends(attempts, least, left, lives);
        if late || kept != attempts || lives < needed {
            let end: &[u8] = if left < 0 { b":0" } else { b":1" };
            let ms = if left < 0 { DAY_MS } else { left };
            let text = [&moved(&kept, ms - lives)[..], b":", token, end].concat();
            call.set(record_key, &text, Some(ms.to_string().as_bytes()))?;
        }
        left = sure;
    }
    Ok(left)
}

/// `^([^:]*):(%d+):`.
fn attempts_and_token(record: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut fields = record.splitn(3, |&byte| byte == b':');
    let (attempts, token, _) = (fields.next()?, fields.next()?, fields.next()?);
    let is_number = !token.is_empty() && token.iter().all(u8::is_ascii_digit);
    is_number.then(|| (attempts.to_vec(), token.to_vec()))
}

pub(super) fn revoke(call: &mut Call<'_>) -> Outcome<Reply> {
    let (stride, anybody, owner) = (call.stride(1)?, call.flag(2), call.arg(3));
    let mut freed = 0;
    for (at, lock) in call.keys.iter().copied().enumerate().step_by(stride) {
        let Some(holder) = call.get(lock).ok().flatten() else { continue };
        if !anybody && Some(holder) != owner {
            continue;
        }
        let record = if stride == 4 { call.get(call.key(at + 1)?)?.unwrap_or_default() } else { b"" };
        if let Some(token) = call.arg(5)
            && attempts_and_token(record).is_none_or(|(_, found)| found != token)
        {
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
        let holders =
            uuid.unwrap_or_else(|| recorded.split(|&byte| byte == b':').next().unwrap_or_default().to_vec());
        call.delete(record_key);
        call.grant_next(lock, call.key(at + 2)?, call.key(at + 3)?, call.flag(4), None, 0)?;
        let mut told = Vec::new();
        for attempt in holders.split(|byte| !byte.is_ascii_hexdigit()) {
            let mark = attempt.get(..12).unwrap_or_default();
            if (attempt.len() == 12 || attempt.len() == 32) && !told.contains(&mark) {
                told.push(mark);
                (call.publish)(&[b"mlr!o:", mark].concat(), lock);
            }
        }
    }
    Ok(Reply::ints(&[1, freed]))
}

/// The match of `%x+%-%x+` at the beginning, without the hyphen.
fn first_two_groups(uuid: &[u8]) -> Option<Vec<u8>> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (first, rest) = uuid.split_at_checked(digits(uuid))?;
    let rest = rest.strip_prefix(b"-")?;
    let second = rest.get(..digits(rest))?;
    (!first.is_empty() && !second.is_empty()).then(|| [first, second].concat())
}

pub(super) fn probe(call: &mut Call<'_>) -> Outcome<Reply> {
    // A lock key leaves nothing behind.
    let (counter, Ok(queue)) = (call.key(0)?, call.key(1)) else { return Ok(Reply::ints(&[1])) };
    // Without ACL no error of these commands is a missing right, so all errors are ignored.
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
