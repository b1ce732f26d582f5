//! The outputs of both sides, in a form that can be compared.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use server_model::{Reply, Server, Value};

use super::resp::{array, text};

/// A key's value and its PTTL in ms (-1: no expiry).
pub(crate) type Keyspace = BTreeMap<Vec<u8>, (Value, i64)>;

/// Everything a real server holds, read at one instant.
pub(crate) const DUMP: &str = "
local out = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local type, value = redis.call('TYPE', key).ok, nil
  if type == 'string' then value = redis.call('GET', key) else value = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  out[#out + 1] = {key, value, redis.call('PTTL', key)}
end
return out";

pub(crate) fn real_keyspace(dump: Reply) -> Keyspace {
    let mut all = Keyspace::new();
    for entry in array(dump) {
        let [key, value, Reply::Int(left)] = <[Reply; 3]>::try_from(array(entry)).unwrap() else {
            panic!("the dump is not understood")
        };
        let value = match value {
            Reply::Text(text) => Value::Text(text),
            other => sorted(array(other)),
        };
        all.insert(text(key), (value, left));
    }
    all
}

fn sorted(members: Vec<Reply>) -> Value {
    let mut scratch = Server::new();
    let mut members = members.into_iter().map(text);
    while let (Some(member), Some(score)) = (members.next(), members.next()) {
        scratch.add(0, b"x", &member, String::from_utf8(score).unwrap().parse().unwrap());
    }
    Value::Sorted(scratch.sorted(0, b"x").unwrap().clone())
}

pub(crate) fn model_keyspace(model: &Server, now_us: u64) -> Keyspace {
    model.entries(now_us).map(|(key, value, left)| (key.to_vec(), (value.clone(), left))).collect()
}

/// A model that holds this.
pub(crate) fn model_of(all: &Keyspace, now_us: u64) -> Server {
    let mut model = Server::new();
    for (key, (value, left)) in all {
        match value {
            Value::Text(text) => model.set(now_us, key, text, None),
            Value::Sorted(set) => set.iter().for_each(|(member, score)| {
                model.add(now_us, key, member, score);
            }),
        }
        if *left >= 0 {
            model.expire(now_us, key, (*left).max(1));
        }
    }
    model
}

/// The differences. Times left may differ by `slack_ms`.
pub(crate) fn keyspace_differences(
    real: &Keyspace,
    model: &Keyspace,
    slack_ms: i64,
    tokens: &Tokens,
) -> Vec<String> {
    let mut found = Vec::new();
    let names: std::collections::BTreeSet<_> = real.keys().chain(model.keys()).collect();
    for name in names {
        let alike = match (real.get(name), model.get(name)) {
            (Some((value, left)), Some((expected, expected_left))) => {
                let times =
                    (*left == -1) == (*expected_left == -1) && (left - expected_left).abs() <= slack_ms;
                times && shown(value, tokens) == shown(expected, tokens)
            }
            _ => false,
        };
        if !alike {
            let side = |all: &Keyspace| {
                all.get(name).map(|(value, left)| format!("{} for {left} ms", shown(value, &Tokens::Exact)))
            };
            let name = String::from_utf8_lossy(name);
            found.push(format!("{name}:\n    real  {:?}\n    model {:?}", side(real), side(model)));
        }
    }
    found
}

/// A value in words.
pub(crate) fn shown(value: &Value, tokens: &Tokens) -> String {
    match value {
        Value::Text(text) => in_seconds(&tokens.blur(text)),
        Value::Sorted(set) => {
            let entry = |(member, score): (&[u8], f64)| {
                format!("{}={}", String::from_utf8_lossy(member), tokens.blur(score.to_string().as_bytes()))
            };
            set.iter().map(entry).collect::<Vec<_>>().join(" ")
        }
    }
}

/// A larger number is a point in time, since a day is the longest span in a hold record.
const LONGEST_SPAN_MS: i64 = 1_000_000_000;

/// A text with its spans of time in seconds and without its points in time, because a script reads the clock a little later than the model.
/// The times that a test gives are multiples of 500 ms, so 250 ms more keep them from the edge of a second.
fn in_seconds(text: &str) -> String {
    let mut parts = text.split('@');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(part.len());
        let (ms, rest) = part.split_at(end);
        let span = ms.parse().ok().filter(|ms: &i64| ms.abs() < LONGEST_SPAN_MS);
        let seconds = span.map(|ms| (ms + 250).div_euclid(1000).to_string());
        out + "@" + &seconds.unwrap_or_default() + rest
    })
}

/// No element of a reply is a time left, because no reply is this long.
pub(crate) const NO_TIMES: RangeInclusive<usize> = usize::MAX..=usize::MAX;

/// Whether both replies are the same. `times`: the elements that are times left, in ms.
pub(crate) fn same_reply(
    real: &Reply,
    model: &Reply,
    times: &RangeInclusive<usize>,
    slack_ms: i64,
    tokens: &Tokens,
) -> bool {
    match (real, model) {
        (Reply::Error(_), Reply::Error(_)) => true,
        (Reply::Int(real), Reply::Int(model)) => {
            tokens.blur(real.to_string().as_bytes()) == tokens.blur(model.to_string().as_bytes())
        }
        (Reply::Array(real), Reply::Array(model)) => {
            real.len() == model.len()
                && real.iter().zip(model).enumerate().all(|(at, pair)| match pair {
                    (Reply::Int(real), Reply::Int(model)) if times.contains(&at) => {
                        (*real == -1) == (*model == -1) && (real - model).abs() <= slack_ms
                    }
                    (real, model) => same_reply(real, model, &NO_TIMES, slack_ms, tokens),
                })
        }
        (real, model) => real == model,
    }
}

/// How tokens are compared.
pub(crate) enum Tokens {
    /// Digit by digit.
    Exact,
    /// All tokens of this moment (the server's TIME in microseconds) are alike, because nobody knows when exactly the script read the
    /// clock.
    Moment(RangeInclusive<u64>),
}

impl Tokens {
    /// The text, with tokens of the moment replaced.
    pub(crate) fn blur(&self, text: &[u8]) -> String {
        let text = String::from_utf8_lossy(text);
        let Self::Moment(moment) = self else { return text.into_owned() };
        let mut out = String::new();
        let mut rest = &*text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
            let number = &rest[start..start + digits];
            out.push_str(&rest[..start]);
            let now = number.parse().is_ok_and(|number| moment.contains(&number));
            out.push_str(if now { "<now>" } else { number });
            rest = &rest[start + digits..];
        }
        out + rest
    }
}
