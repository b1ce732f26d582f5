//! Messages from the scripts of other clients.

use crate::ids::AttemptId;
use crate::key::{LockKey, slot_of};
use crate::resp::Value;

/// The beginning of the name of the channel on which a client hears of grants.
pub(crate) const GRANTS: &[u8] = b"mlr!c:";
/// The beginning of the name of the channel on which a holder hears that a lock was taken away.
pub(crate) const LOSSES: &[u8] = b"mlr!o:";

/// The content of a push.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Push {
    /// The key was granted to this client.
    Granted {
        key: LockKey,
        token: u64,
        /// All other clients' waiters have this ticket or a later one. `None`: not known.
        first_foreign_ticket: Option<u64>,
    },
    /// A lock of this process was taken away.
    TakenAway(LockKey),
    /// A channel is subscribed to.
    Subscribed,
    /// A slot's channel is subscribed to.
    SlotChannelOpen,
    /// The node does not have this slot's channel any more.
    SlotChannelGone(u16),
    /// The push is not about locks.
    Other,
}

/// `client`: this connection's name.
pub(crate) fn decode(push: &[Value], client: &AttemptId) -> Push {
    if matches!(push.first(), Some(Value::Text(kind)) if kind == b"subscribe") {
        return Push::Subscribed;
    }
    let [Value::Text(kind), Value::Text(channel), rest] = push else { return Push::Other };
    match (kind.as_slice(), rest) {
        (b"message" | b"smessage", Value::Text(message)) if channel.starts_with(LOSSES) => {
            Push::TakenAway(LockKey::new(message.clone()))
        }
        (b"message" | b"smessage", Value::Text(message)) if channel.ends_with(client) => {
            grant(message).unwrap_or(Push::Other)
        }
        (b"ssubscribe", _) => Push::SlotChannelOpen,
        (b"sunsubscribe", _) => Push::SlotChannelGone(slot_of(channel)),
        _ => Push::Other,
    }
}

fn grant(message: &[u8]) -> Option<Push> {
    let mut words = message.splitn(3, |byte| *byte == b':');
    let mut number = || std::str::from_utf8(words.next()?).ok()?.parse().ok();
    let (token, first_foreign_ticket) = (number()?, number());
    let key = LockKey::new(words.next()?.to_vec());
    Some(Push::Granted { key, token, first_foreign_ticket })
}
