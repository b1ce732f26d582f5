//! Decodes replies from bytes that arrive in pieces of any size. The parser first finds the end of a reply, then decodes it.

use super::said::Said;
use crate::secrets::Secrets;
use std::fmt;

/// Longest reply, and so the longest bulk string, in bytes. A lock client's replies come near it only if keys are very long, and
/// `releaseAll` asks for those in portions.
const LONGEST_REPLY: usize = 16 << 20;
/// Most elements of one reply, including those of nested aggregates. A cluster's table of slots has 16,384 entries at most.
const MOST_ELEMENTS: usize = 1 << 19;
/// Longest line (simple strings, errors, lengths), and the longest error of any form, in bytes.
const LONGEST_LINE: usize = 64 << 10;
/// Deepest nesting.
const DEEPEST: usize = 16;
/// The buffer keeps this much room. The parser gives the rest back when it is not needed any more.
const ROOM_KEPT: usize = 1 << 20;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Null of either protocol version.
    Nil,
    /// Integer or boolean.
    Int(i64),
    /// Simple or bulk string; doubles, big numbers and verbatim strings as their text.
    Text(Vec<u8>),
    /// Error reply: the server's text, code word included.
    Error(Said),
    /// Array or set; maps as key, value, key, value.
    Array(Vec<Value>),
    /// Out-of-band message of RESP3, which answers no request.
    Push(Vec<Value>),
}

/// The bytes are not RESP; the connection cannot be used any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server sent what is not RESP ({}); check host and port", self.0)
    }
}

impl std::error::Error for Malformed {}

/// Buffer and position of one connection. The parser does not search an incomplete reply again from its start. `scanned` and `missing` say
/// how far the search for its end has come, and `announced` how many elements it has.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: Vec<u8>,
    start: usize,
    scanned: usize,
    missing: usize,
    announced: usize,
    secrets: Secrets,
}

impl Parser {
    /// A parser whose error replies do not show these secrets.
    #[must_use]
    pub fn new(secrets: Secrets) -> Self {
        Self { secrets, ..Self::default() }
    }

    /// Takes in the bytes that were read.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.scanned -= self.start;
            self.start = 0;
        }
        // Doubling a large buffer would need as much memory again as the longest reply.
        if self.buffer.len() > ROOM_KEPT && self.buffer.capacity() - self.buffer.len() < bytes.len() {
            self.buffer.reserve_exact(bytes.len().max(ROOM_KEPT));
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// How many bytes it has room for at present.
    #[must_use]
    pub fn room(&self) -> usize {
        self.buffer.capacity()
    }

    /// Forgets everything: for a new connection.
    pub fn reset(&mut self) {
        self.empty();
        (self.missing, self.announced) = (0, 0);
    }

    fn empty(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(ROOM_KEPT);
        (self.start, self.scanned) = (0, 0);
    }

    /// The next whole reply, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are not RESP or exceed a limit.
    pub fn next_reply(&mut self) -> Result<Option<Value>, Malformed> {
        if self.missing == 0 {
            self.missing = 1;
            self.announced = 1;
            self.scanned = self.start;
        }
        while self.missing > 0 {
            if self.scanned - self.start > LONGEST_REPLY {
                return Err(Malformed("a reply is beyond the limit"));
            }
            let Some((kind, length, after)) = head(&self.buffer, self.scanned)? else { return Ok(None) };
            match kind {
                Kind::Line => self.scanned = after,
                Kind::Bulk => {
                    let Some(length) = length else {
                        self.scanned = after;
                        self.missing -= 1;
                        continue;
                    };
                    if after - self.start + length > LONGEST_REPLY {
                        return Err(Malformed("a reply is beyond the limit"));
                    }
                    let Some(end) = self.buffer.get(after + length..after + length + 2) else {
                        return Ok(None);
                    };
                    if end != b"\r\n" {
                        return Err(Malformed("a bulk string does not end where its length says"));
                    }
                    self.scanned = after + length + 2;
                }
                Kind::Aggregate | Kind::Push => {
                    self.missing += length.unwrap_or(0);
                    self.announced += length.unwrap_or(0);
                    if self.announced > MOST_ELEMENTS {
                        return Err(Malformed("a reply has more elements than the limit allows"));
                    }
                    self.scanned = after;
                }
            }
            self.missing -= 1;
        }
        let frame = self.buffer.get(self.start..self.scanned).unwrap_or_default();
        let value = decode(frame, &mut 0, DEEPEST, &self.secrets)?;
        self.start = self.scanned;
        if self.start == self.buffer.len() {
            self.empty();
        }
        Ok(Some(value))
    }
}

enum Kind {
    Line,
    Bulk,
    Aggregate,
    Push,
}

/// Reads the line at `at`: the kind of the value that begins there, the length that it states (`None` for null), and the position of the
/// next byte. `Ok(None)`: the line is not complete.
fn head(buffer: &[u8], at: usize) -> Result<Option<(Kind, Option<usize>, usize)>, Malformed> {
    let rest = buffer.get(at..).unwrap_or_default();
    let Some(&mark) = rest.first() else { return Ok(None) };
    let window = rest.get(..rest.len().min(LONGEST_LINE)).unwrap_or_default();
    let Some(end) = memchr::memchr(b'\n', window) else {
        return if window.len() < LONGEST_LINE { Ok(None) } else { Err(Malformed("a line is too long")) };
    };
    let Some([line @ .., b'\r']) = rest.get(1..end) else {
        return Err(Malformed("a line does not end with CR LF"));
    };
    let (kind, most) = match mark {
        b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => return Ok(Some((Kind::Line, None, at + end + 1))),
        b'$' | b'=' => (Kind::Bulk, LONGEST_REPLY),
        b'!' => (Kind::Bulk, LONGEST_LINE),
        b'*' | b'~' => (Kind::Aggregate, MOST_ELEMENTS),
        b'>' => (Kind::Push, MOST_ELEMENTS),
        b'%' => (Kind::Aggregate, MOST_ELEMENTS / 2),
        _ => return Err(Malformed("an unknown type mark")),
    };
    if line == b"-1" {
        return Ok(Some((kind, None, at + end + 1)));
    }
    let length =
        number(line).and_then(|n| usize::try_from(n).ok()).ok_or(Malformed("a length is not a number"))?;
    if length > most {
        return Err(Malformed("a length is beyond the limit"));
    }
    let length = if mark == b'%' { length * 2 } else { length };
    Ok(Some((kind, Some(length), at + end + 1)))
}

fn decode(frame: &[u8], at: &mut usize, depth: usize, secrets: &Secrets) -> Result<Value, Malformed> {
    const CUT: Malformed = Malformed("a reply ends early");
    let begin = *at;
    let (kind, length, after) = head(frame, begin)?.ok_or(CUT)?;
    *at = after;
    let mark = frame.get(begin).copied().ok_or(CUT)?;
    let line = frame.get(begin + 1..after - 2).ok_or(CUT)?;
    match (kind, length) {
        (Kind::Line, _) => match mark {
            b':' => number(line).map(Value::Int).ok_or(Malformed("an integer is not a number")),
            b'#' => Ok(Value::Int(i64::from(line == b"t"))),
            b'_' => Ok(Value::Nil),
            b'-' => Ok(Value::Error(Said::new(line, secrets))),
            _ => Ok(Value::Text(line.to_vec())),
        },
        (Kind::Bulk, Some(length)) => {
            *at = after + length + 2;
            let body = frame.get(after..after + length).ok_or(CUT)?;
            Ok(match mark {
                b'!' => Value::Error(Said::new(body, secrets)),
                // A verbatim string begins with its format and a colon, as in "txt:".
                b'=' => Value::Text(body.get(4..).unwrap_or_default().to_vec()),
                _ => Value::Text(body.to_vec()),
            })
        }
        (Kind::Aggregate | Kind::Push, Some(length)) => {
            let depth = depth.checked_sub(1).ok_or(Malformed("nested too deeply"))?;
            let mut items = Vec::with_capacity(length.min(64));
            for _ in 0..length {
                items.push(decode(frame, at, depth, secrets)?);
            }
            Ok(if mark == b'>' { Value::Push(items) } else { Value::Array(items) })
        }
        (_, None) => Ok(Value::Nil),
    }
}

/// A decimal number, without the leniency of `str::parse` for a plus sign.
fn number(line: &[u8]) -> Option<i64> {
    if line.first() == Some(&b'+') {
        return None;
    }
    std::str::from_utf8(line).ok()?.parse().ok()
}
