//! The turns on a polled key: `lock-core/src/scripts/parts/turn.lua`.

use crate::call::Call;
use crate::reply::{LUA, Outcome};
use crate::store::number;

/// How long a polled mark stands, in ms; how long a mark of a mere suspicion stands; and for how long the end of that one may be put off.
const MARK_MS: &[u8] = b"30000";
const SUSPICION_MS: &[u8] = b"2000";
const SUSPECTED_FOR_MS: i64 = 10_000;
/// How long our turn on a polled key lasts, and how long the key is left alone after it.
const TURN_MS: i64 = 60;
const REST_MS: i64 = 1120;
/// How long a turn lasts if only our callers poll, and how recently the other side must have asked so that the key is left alone after it.
const OWN_TURN_MS: i64 = 200;
const HANDING_ASKS_WITHIN_MS: i64 = 100;
const POLLING_ASKS_WITHIN_MS: i64 = 1_000;

/// The fields of a polled mark, all of them decimal numbers.
fn fields<const N: usize>(text: &[u8]) -> Option<[i64; N]> {
    let mut fields = text.split(|&byte| byte == b'@');
    let mut numbers = [0; N];
    for place in &mut numbers {
        let digits = fields.next().filter(|text| !text.is_empty() && text.iter().all(u8::is_ascii_digit));
        *place = number(digits?)?;
    }
    fields.next().is_none().then_some(numbers)
}

/// `@turn@rest@vain`.
fn others_turn(mark: &[u8]) -> Option<[i64; 3]> {
    let text = mark.strip_prefix(b"@")?;
    text.rsplit(|&byte| byte == b'@').next().is_some_and(|vain| vain.len() == 1).then(|| fields(text))?
}

/// The side that has the turn if only our callers poll, the end of the turn, and when a caller that hands over last found the key held.
struct OwnTurn {
    side: Option<u8>,
    until: i64,
    asked: i64,
}

/// `+side@turn@asked`; `None` for the mark of others.
fn own_turn(mark: &[u8]) -> Option<OwnTurn> {
    let text = mark.strip_prefix(b"+")?;
    let read = text.split_first().filter(|(side, _)| matches!(side, b'h' | b'p')).and_then(|(side, rest)| {
        let [until, asked] = fields(rest.strip_prefix(b"@")?)?;
        Some(OwnTurn { side: Some(*side), until, asked })
    });
    Some(read.unwrap_or(OwnTurn { side: None, until: 0, asked: 0 }))
}

impl Call<'_> {
    /// `may_take`: whether a waiter may take the free lock now. `polls`: the waiter has no queue. `again`: its client had the lock a moment
    /// ago.
    pub(crate) fn may_take(&mut self, polled: &[u8], polls: bool, again: bool) -> Outcome<bool> {
        let Some(mut mark) = self.get(polled)?.map(<[u8]>::to_vec) else { return Ok(true) };
        let now = self.signed_now_ms();
        if let Some(turn) = own_turn(&mark) {
            let mine = if polls { b'p' } else { b'h' };
            if turn.side == Some(mine) {
                if now < turn.until {
                    return Ok(true);
                }
                let other_asks = if polls {
                    now < turn.asked + HANDING_ASKS_WITHIN_MS
                } else {
                    number(MARK_MS).ok_or(LUA)? - self.pttl(polled) < POLLING_ASKS_WITHIN_MS
                };
                if other_asks {
                    return Ok(false);
                }
            }
            self.set_own_turn(polled, Some(mine), now + OWN_TURN_MS, turn.asked);
            return Ok(true);
        }
        if again {
            self.had_by_us(polled, &mark)?;
            mark = self.get(polled)?.map(<[u8]>::to_vec).unwrap_or_default();
        }
        let mut vain = 0;
        if let Some([turn, rest, before]) = others_turn(&mark) {
            if now < turn {
                return Ok(true);
            }
            if now < rest {
                return Ok(false);
            }
            vain = (before + 1).min(3);
        }
        let turn = now + (TURN_MS << vain);
        self.set_others_turn(polled, [turn, turn + (REST_MS >> vain), vain]);
        Ok(true)
    }

    fn signed_now_ms(&self) -> i64 {
        i64::try_from(self.now_ms()).unwrap_or(i64::MAX)
    }

    fn set_own_turn(&mut self, polled: &[u8], side: Option<u8>, until: i64, asked: i64) {
        let side = side.map(char::from).map(String::from).unwrap_or_default();
        self.set_keeping_expiry(polled, format!("+{side}@{until}@{asked}").as_bytes());
    }

    fn set_others_turn(&mut self, polled: &[u8], [turn, rest, vain]: [i64; 3]) {
        self.set_keeping_expiry(polled, format!("@{turn}@{rest}@{vain}").as_bytes());
    }

    /// `had_by_us`: one of our callers had the key until now, or still has it.
    fn had_by_us(&mut self, polled: &[u8], mark: &[u8]) -> Outcome<()> {
        let now = self.signed_now_ms();
        let known = others_turn(mark);
        if known.is_some_and(|[turn, ..]| now < turn) {
            return Ok(());
        }
        let [turn, _, vain] = known.unwrap_or([now, 0, 0]);
        self.set_others_turn(polled, [turn, now + (REST_MS >> vain.min(63)), vain]);
        let left = self.pttl(polled);
        if vain == 0 && now < turn + SUSPECTED_FOR_MS && left < number(SUSPICION_MS).ok_or(LUA)? {
            self.expire(polled, SUSPICION_MS)?;
        }
        Ok(())
    }

    /// `mark_polled`: the lock is held. `over`: its holder hands it over. `polls`: the caller waits without a queue.
    pub(crate) fn mark_polled(&mut self, polled: &[u8], over: bool, polls: bool) -> Outcome<()> {
        if !over {
            // A value that is no string is no mark, and stays.
            return self.set(polled, b"1", Some(MARK_MS));
        }
        let Some(mark) = self.get(polled).ok().flatten().map(<[u8]>::to_vec) else {
            if polls {
                self.set_if_absent(polled, b"+", MARK_MS)?;
            }
            return Ok(());
        };
        match own_turn(&mark) {
            None => self.had_by_us(polled, &mark)?,
            Some(_) if polls => {
                self.expire(polled, MARK_MS)?;
            }
            Some(turn) => self.set_own_turn(polled, turn.side, turn.until, self.signed_now_ms()),
        }
        Ok(())
    }

    /// `mark_queued`: clients stand in the queue of a key for which the caller polls.
    pub(crate) fn mark_queued(&mut self, polled: &[u8]) -> Outcome<()> {
        self.set_if_absent(polled, b"+", MARK_MS).map(|_| ())
    }
}
