//! The commands that read what Redis knows of a lock, the command that takes one away by hand, and the meaning of the replies.

use crate::key::LockKey;
use crate::lease::ScriptCall;
use crate::resp::Value;
use crate::script::Script;
use serde::Serialize;

/// How many entries of a queue are read.
const MOST_QUEUED: &str = "999";

/// A client in a lock's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// The connection's name in the queues.
    pub client: String,
    /// Ticket of the client's oldest waiter.
    pub ticket: u64,
}

/// The state of one lock key in Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyFacts {
    /// The key in Redis.
    pub key: String,
    /// The owner. `None`: the key is free.
    pub owner: Option<String>,
    /// Time left, in ms. `None`: no end.
    pub left_ms: Option<u64>,
    /// The hold record.
    pub record: Option<String>,
    /// The mark of the process that took it, from its owner or its hold record.
    pub mark: Option<String>,
    /// The fencing token, if Redis knows it.
    pub token: Option<u64>,
    /// The queue. The next client is the first.
    pub queue: Vec<Queued>,
    /// Callers poll for it.
    pub polled: bool,
}

/// The commands that read one lock key.
#[must_use]
pub fn reading(key: &LockKey) -> Vec<Vec<Vec<u8>>> {
    let mut polled = Vec::new();
    key.polled(&mut polled);
    let command = |parts: &[&[u8]]| parts.iter().map(|part| part.to_vec()).collect::<Vec<_>>();
    vec![
        command(&[b"GET", key.name()]),
        command(&[b"PTTL", key.name()]),
        command(&[b"GET", &key.record_name()]),
        command(&[b"ZRANGE", &key.queue_name(), b"0", MOST_QUEUED.as_bytes(), b"WITHSCORES"]),
        command(&[b"EXISTS", &polled]),
    ]
}

/// The meaning of the replies, in the order of [`reading`]. A refused command counts as unknown.
#[must_use]
pub fn read(key: &LockKey, replies: &[Option<Value>]) -> KeyFacts {
    let reply = |at: usize| replies.get(at).and_then(Option::as_ref);
    let text = |at: usize| match reply(at) {
        Some(Value::Text(text)) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    };
    let (owner, record) = (text(0), text(2));
    let parts: Vec<&str> = record.as_deref().unwrap_or_default().rsplitn(3, ':').collect();
    let grant = owner.as_deref().and_then(|owner| owner.strip_prefix("grant:"));
    let token = match grant {
        Some(grant) => grant.rsplit(':').next(),
        None => parts.get(1).copied(),
    };
    KeyFacts {
        key: String::from_utf8_lossy(key.name()).into_owned(),
        left_ms: match reply(1) {
            Some(Value::Int(left)) => u64::try_from(*left).ok(),
            _ => None,
        },
        mark: owner.as_deref().and_then(mark_of_owner).or_else(|| mark_of(parts.get(2)?)),
        token: token.and_then(|token| token.parse().ok()),
        queue: match reply(3) {
            Some(Value::Array(entries)) => entries.chunks_exact(2).filter_map(queued).collect(),
            _ => Vec::new(),
        },
        polled: matches!(reply(4), Some(Value::Int(1))),
        owner,
        record,
    }
}

/// An owner of `execute` begins with the mark. See PROTOCOL.md, K3 and K4.
fn mark_of_owner(owner: &str) -> Option<String> {
    let uuid = owner.strip_prefix("execute:")?;
    (uuid.as_bytes().get(14) == Some(&b'8')).then(|| uuid.chars().filter(|c| *c != '-').take(12).collect())
}

/// The attempts of a hold record begin with the mark. See PROTOCOL.md, H1 to H3.
fn mark_of(attempts: &str) -> Option<String> {
    let mut named = attempts.trim_start_matches('!').split(',').filter(|attempt| *attempt != "+");
    named.next_back()?.get(..12).map(str::to_owned)
}

fn queued(pair: &[Value]) -> Option<Queued> {
    let [Value::Text(client), Value::Text(score)] = pair else { return None };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "tickets are whole and below 2^53"
    )]
    let ticket = std::str::from_utf8(score).ok()?.parse::<f64>().ok()? as u64;
    Some(Queued { client: String::from_utf8_lossy(client).into_owned(), ticket })
}

/// Takes one lock away from `owner`, or from any holder. With `token`: only that hold. `plain`: side keys may not be used, and one owner's
/// holds cannot be told apart.
#[must_use]
pub fn revoking(key: &LockKey, owner: Option<&str>, token: Option<u64>, plain: bool) -> ScriptCall {
    let mut keys = vec![key.name().to_vec()];
    if !plain {
        let mut counter = Vec::new();
        key.counter(&mut counter);
        keys.extend([key.record_name(), key.queue_name(), counter]);
    }
    let everybodys: &[u8] = if owner.is_none() { b"1" } else { b"0" };
    let stride = keys.len().to_string().into_bytes();
    let mut args = vec![stride, everybodys.to_vec(), owner.unwrap_or_default().into(), b"1".to_vec()];
    args.extend(token.filter(|_| !plain).map(|token| token.to_string().into_bytes()));
    ScriptCall { script: Script::Revoke, keys, args }
}
