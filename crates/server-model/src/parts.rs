//! The shared parts of scripts, `scripts/parts/*.lua`, except the turns on a polled key (`polled.rs`).

use crate::call::Call;
use crate::reply::{LUA, Outcome};
use crate::store::number;

/// A counter below this was lost with the data, because TIME in microseconds has been above it since 2001.
pub(crate) const SANE_TOKEN: i64 = 1_000_000_000_000_000;

/// Attempts and token of the hold that is there now.
pub(crate) struct Record {
    pub(crate) attempts: Vec<u8>,
    pub(crate) token: i64,
}

/// Tokens that come with a grant, for waiters that may follow.
const FOLLOWERS: i64 = 15;

impl Record {
    /// Whether the record names this attempt.
    pub(crate) fn names(&self, attempt: &[u8]) -> bool {
        names(&self.attempts, attempt)
    }
}

/// How long a hold record of a lock without an end lives, in ms.
pub(crate) const DAY_MS: i64 = 86_400_000;

/// Most attempts that a record names.
const MOST_NAMED: usize = 64;

/// The part of an entry before the `@`.
fn attempt_of(entry: &[u8]) -> &[u8] {
    entry.split(|&byte| byte == b'@').next().unwrap_or_default()
}

fn entries(attempts: &[u8]) -> impl Iterator<Item = &[u8]> {
    attempts.split(|&byte| byte == b',').filter(|entry| !entry.is_empty())
}

/// `names`: whether a list of attempts has this one.
pub(crate) fn names(attempts: &[u8], attempt: &[u8]) -> bool {
    entries(attempts).any(|entry| attempt_of(entry) == attempt)
}

/// The index of a lock, as a reply names it.
pub(crate) fn index(lock: usize) -> i64 {
    i64::try_from(lock).unwrap_or(i64::MAX)
}

/// Whether the lock's value is a grant to this client.
pub(crate) fn is_grant_to(holder: &[u8], client: &[u8]) -> bool {
    let token = holder.strip_prefix(b"grant:").and_then(|rest| rest.strip_prefix(client));
    token.is_some_and(|token| token.starts_with(b":"))
}

/// Stands in front of the attempts if a caller was promised the lock's end.
const PROMISED: &[u8] = b"!";

/// `change`: the list without an attempt, or with it as the last, by a new entry.
fn change(attempts: &[u8], attempt: &[u8], entry: Option<&[u8]>) -> Vec<u8> {
    let mut list: Vec<&[u8]> = entries(attempts)
        .filter(|other| *other != b"+" && *other != PROMISED && attempt_of(other) != attempt)
        .collect();
    let promised = entries(attempts).any(|other| other == PROMISED);
    let mut others = entries(attempts).any(|other| other == b"+");
    list.extend(entry);
    if list.len() > MOST_NAMED {
        others = true;
        list.remove(list.iter().position(|entry| !entry.contains(&b'@')).unwrap_or(0));
    }
    if others {
        list.insert(0, b"+");
    }
    if promised && !list.is_empty() {
        list.insert(0, PROMISED);
    }
    list.join(&b","[..])
}

/// `promise`: the same attempts with the mark that the lock's end is promised, if `promises` says so.
pub(crate) fn promise(attempts: Vec<u8>, promises: bool) -> Vec<u8> {
    if !promises || attempts.starts_with(PROMISED) {
        return attempts;
    }
    [PROMISED, b",", &attempts].concat()
}

/// The list after a confirmation: a roll-back of the attempt would restore no end.
pub(crate) fn without_end_of(attempt: &[u8], attempts: &[u8]) -> Vec<u8> {
    let confirmed = |entry: &[u8]| attempt_of(entry) == attempt && entry.len() > attempt.len();
    let kept: Vec<&[u8]> =
        entries(attempts).map(|entry| if confirmed(entry) { attempt } else { entry }).collect();
    kept.join(&b","[..])
}

/// How long before the record's end a lock would have ended without the attempt of this entry. `None`: never, or not known.
fn before_of(entry: &[u8]) -> Option<i64> {
    entry.split(|&byte| byte == b'@').nth(1).and_then(number)
}

/// The attempts after `change` was applied to their ends.
fn with_ends(attempts: &[u8], mut change: impl FnMut(&[u8], i64) -> Option<i64>) -> Vec<u8> {
    let mut changed = |entry: &[u8]| match before_of(entry) {
        Some(before) => {
            let attempt = attempt_of(entry);
            let before = change(attempt, before).map_or("n".to_owned(), |before| before.to_string());
            [attempt, b"@", before.as_bytes()].concat()
        }
        None => entry.to_vec(),
    };
    let all: Vec<Vec<u8>> = attempts.split(|&byte| byte == b',').map(&mut changed).collect();
    all.join(&b","[..])
}

/// `moved`: the attempts for a record that ends `by` ms later.
pub(crate) fn moved(attempts: &[u8], by: i64) -> Vec<u8> {
    with_ends(attempts, |_, before| Some(before + by))
}

/// `keep_ends`: the attempts with ends of at least `least` ms from now, and the time that the lock has left after any one roll-back.
pub(crate) fn keep_ends(attempts: &[u8], least: i64, left: i64, lives: i64) -> (Vec<u8>, i64) {
    let mut sure = left;
    let kept = with_ends(attempts, |_, before| {
        let ends = (lives - before).max(least);
        if sure < 0 || ends < sure {
            sure = ends.max(1);
        }
        Some(lives - ends)
    });
    (kept, sure)
}

/// `record_ms`: how long the record of a lock lives that is given `ms`.
fn record_ms(ms: &[u8]) -> Outcome<i64> {
    if ms == b"0" { Ok(DAY_MS) } else { number(ms).ok_or(LUA) }
}

/// Whether another attempt may hold the lock, too.
pub(crate) fn is_shared(attempts: &[u8]) -> bool {
    let named = if attempts.starts_with(PROMISED) { attempts.get(2..).unwrap_or_default() } else { attempts };
    named.iter().any(|byte| matches!(byte, b',' | b'+'))
}

impl Call<'_> {
    /// `next_token`: the next number of the slot's counter, and `more` after it.
    pub(crate) fn next_token(&mut self, counter: &[u8], sync: bool, more: i64) -> Outcome<i64> {
        let token = self.increment(counter, 1 + more)? - more;
        let floor = i64::try_from(self.now_us).unwrap_or(i64::MAX);
        if (token < SANE_TOKEN || sync) && token < floor {
            self.set(counter, (floor + more).to_string().as_bytes(), None)?;
            return Ok(floor);
        }
        Ok(token)
    }

    /// `record_of`: the hold record, if it belongs to the hold that is there now.
    pub(crate) fn record_of(&self, lock: &[u8], record_key: &[u8]) -> Outcome<Option<Record>> {
        let Some(record) = self.get(record_key)? else { return Ok(None) };
        let mut fields = record.split(|&byte| byte == b':');
        let (Some(attempts), Some(token), Some(timed), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Ok(None);
        };
        let left = self.pttl(lock);
        let current = match timed {
            b"0" => left == -1,
            // On Redis before 7.2 the clock moves between the two writes of one script.
            b"1" => left >= 0 && (left - self.pttl(record_key)).abs() <= 5,
            _ => false,
        };
        let token = token.iter().all(u8::is_ascii_digit).then(|| number(token)).flatten();
        Ok(token.filter(|_| current).map(|token| Record { attempts: attempts.to_vec(), token }))
    }

    /// `join`: the attempts with one more, which takes a lock that its owner holds already.
    pub(crate) fn join(
        &self,
        [lock, record_key]: [&[u8]; 2],
        attempts: Option<&[u8]>,
        attempt: &[u8],
        ms: &[u8],
    ) -> Outcome<Vec<u8>> {
        let (left, lives) = (self.pttl(lock), record_ms(ms)?);
        let before = if left < 0 { "n".to_owned() } else { (lives - left).to_string() };
        let entry = [attempt, b"@", before.as_bytes()].concat();
        let earlier =
            attempts.map_or(b"+".to_vec(), |attempts| moved(attempts, lives - self.pttl(record_key)));
        Ok(change(&earlier, attempt, Some(&entry)))
    }

    /// `asked_again`: the attempts when one of them gives the lock `ms` more.
    pub(crate) fn asked_again(
        &self,
        record_key: &[u8],
        attempts: &[u8],
        attempt: &[u8],
        ms: &[u8],
    ) -> Outcome<Vec<u8>> {
        let by = record_ms(ms)? - self.pttl(record_key);
        Ok(with_ends(attempts, |other, before| match ms {
            _ if other == attempt => Some(before + by),
            b"0" => None,
            _ => Some((before + by).min(0)),
        }))
    }

    /// `time_left`: the time left in ms (`0`: none) that an acquire of `ms` gives a lock which its owner holds already.
    pub(crate) fn time_left(&self, lock: &[u8], attempts: Option<&[u8]>, ms: &[u8]) -> Outcome<Vec<u8>> {
        if ms == b"0" || !attempts.is_some_and(|attempts| attempts.starts_with(PROMISED)) {
            return Ok(ms.to_vec());
        }
        let left = self.pttl(lock);
        Ok(match left {
            ..0 => b"0".to_vec(),
            _ if left > number(ms).ok_or(LUA)? => left.to_string().into_bytes(),
            _ => ms.to_vec(),
        })
    }

    /// `roll_back_one`: one attempt, which the record names, gives up a lock.
    pub(crate) fn roll_back_one(
        &mut self,
        [lock, record_key, queue, counter]: [&[u8]; 4],
        sync: bool,
        record: &Record,
        attempt: &[u8],
    ) -> Outcome<()> {
        let rest = change(&record.attempts, attempt, None);
        let last = entries(&record.attempts).last().filter(|entry| attempt_of(entry) == attempt);
        let has_end = last.is_some_and(|entry| entry.contains(&b'@'));
        let (before, lives) = (last.and_then(before_of), self.pttl(record_key));
        let left = before.map(|before| lives - before);
        if rest.is_empty() || left.is_some_and(|left| left < 1) {
            self.delete(record_key);
            return self.grant_next(lock, queue, counter, sync, None, 0).map(|_| ());
        }
        let timed = if has_end { left.is_some() } else { self.pttl(lock) >= 0 };
        let rest = match (before, has_end) {
            (Some(before), _) => moved(&rest, -before),
            (None, true) => moved(&rest, DAY_MS - lives),
            (None, false) => rest,
        };
        self.set_keeping_expiry(record_key, &record_text(&rest, record.token, timed));
        match (has_end, left) {
            (_, Some(left)) => {
                let left = left.to_string();
                self.expire(lock, left.as_bytes())?;
                self.expire(record_key, left.as_bytes())?;
            }
            (true, None) => {
                self.persist(lock);
                self.expire(record_key, b"86400000")?;
            }
            (false, None) => {}
        }
        Ok(())
    }

    /// `grant_next`: gives a lock to the first client in its queue that lives, or deletes it. Returns the token if that client is `me`.
    pub(crate) fn grant_next(
        &mut self,
        lock: &[u8],
        queue: &[u8],
        counter: &[u8],
        sync: bool,
        me: Option<&[u8]>,
        followers: i64,
    ) -> Outcome<Option<i64>> {
        let mut drawn = None;
        while let Some(head) = self.pop_first(queue)? {
            let token = match drawn {
                Some(token) => token,
                None => {
                    let more = if me == Some(head.as_slice()) { followers } else { FOLLOWERS };
                    self.next_token(counter, sync, more)?
                }
            };
            drawn = Some(token);
            let text = token.to_string();
            self.set(lock, &[b"grant:", head.as_slice(), b":", text.as_bytes()].concat(), Some(b"2000"))?;
            if me == Some(head.as_slice()) {
                return Ok(Some(token));
            }
            // In a cluster, a client's id begins with `s`, and the client listens to a channel of the slot.
            let tag = queue.iter().position(|byte| *byte == b'}').and_then(|end| queue.get(..=end));
            let mark = tag.filter(|_| head.starts_with(b"s")).unwrap_or(b"mlr!");
            let channel = [mark, b"c:", head.as_slice()].concat();
            let first_foreign_ticket =
                self.first_score(queue)?.unwrap_or(i64::MAX).min(token + FOLLOWERS + 1);
            let message = [format!("{text}:{first_foreign_ticket}:").as_bytes(), lock].concat();
            if (self.publish)(&channel, &message) > 0 {
                return Ok(None);
            }
        }
        self.delete(lock);
        Ok(None)
    }
}

/// `<attempt>:<token>:<1 with a lease, 0 without>`.
pub(crate) fn record_text(attempt: &[u8], token: i64, timed: bool) -> Vec<u8> {
    let tail: &[u8] = if timed { b":1" } else { b":0" };
    [attempt, b":", token.to_string().as_bytes(), tail].concat()
}
