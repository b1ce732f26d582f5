//! The rights without which no lock can be given, and those that a server may refuse. The client finds them out when it connects.

use super::channels::Channels;
use super::refusal::Refused;
use crate::error::{Code, Error};
use crate::key::{LockKey, tag_of};
use crate::resp::{Value, append_command};
use crate::script::Script;
use crate::secrets::Secrets;

/// The finding about side keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SideKeys {
    /// The client may use them.
    Usable,
    /// The client may not use them.
    Refused(String),
    /// The server did not know the script by its hash, so the client asks again by its text.
    NotByHash(String),
    /// The server loads its data.
    Loading(String),
    /// The answer does not tell.
    Unknown(String),
}

/// The lock key that the client asks with. In a cluster it is in a slot of this node.
pub(super) fn probed_key(prefix: &[u8], slot: Option<u16>) -> LockKey {
    let Some(slot) = slot else { return LockKey::new(prefix.to_vec()) };
    let tag = tag_of(slot).as_bytes();
    let key = LockKey::new([prefix, b"{", tag, b"}"].concat());
    // A prefix with its own tag puts all locks into one slot, which another node may have.
    if key.slot() == slot { key } else { LockKey::new(tag.to_vec()) }
}

/// Asks whether locks can be taken at all, by a script's text. Then asks about side keys, by the script's hash unless `by_text`.
pub(super) fn ask_scripts(key: &LockKey, by_text: bool, out: &mut Vec<u8>) {
    append_command(out, &[b"EVAL", Script::Probe.body().as_bytes(), b"1", key.name()]);
    ask_side_keys(key, by_text, out);
}

/// Asks again for a right that was refused on this connection. `channels`: the channels that the client would listen to.
pub(super) fn ask_refused(
    refused: Refused,
    channels: &Channels,
    prefix: &[u8],
    slot: Option<u16>,
    by_text: bool,
    out: &mut Vec<u8>,
) {
    match refused {
        Refused::Resp3 => append_command(out, &[b"HELLO", b"3"]),
        Refused::Info => append_command(out, &[b"INFO", b"server"]),
        Refused::Channels => append_command(out, &[b"SUBSCRIBE", &channels.losses()]),
        Refused::SlotChannel => {
            append_command(out, &[b"SSUBSCRIBE", &channels.grants_of(slot.unwrap_or_default())]);
        }
        Refused::Receivers => channels.count_receivers(slot, out),
        Refused::SideKeys => ask_side_keys(&probed_key(prefix, slot), by_text, out),
    }
}

/// Whether the answer allows it. The server tells by a push that a channel is allowed.
pub(super) fn is_allowed(refused: Refused, reply: &Value, secrets: &Secrets) -> bool {
    match refused {
        Refused::Channels | Refused::SlotChannel => false,
        Refused::Receivers => *reply == Value::Int(1),
        Refused::Resp3 | Refused::Info => !matches!(reply, Value::Error(_)),
        Refused::SideKeys => side_keys(reply, secrets) == SideKeys::Usable,
    }
}

/// Asks about side keys.
pub(super) fn ask_side_keys(key: &LockKey, by_text: bool, out: &mut Vec<u8>) {
    let (mut counter, mut queue) = (Vec::new(), Vec::new());
    key.counter(&mut counter);
    key.queue(&mut queue);
    let (how, script): (&[u8], _) =
        if by_text { (b"EVAL", Script::Probe.body()) } else { (b"EVALSHA", Script::Probe.sha()) };
    append_command(out, &[how, script.as_bytes(), b"2", &counter, &queue]);
}

/// The answer to the question whether locks can be taken. Without scripts nothing can be compared and deleted atomically.
pub(super) fn check_locks(prefix: &[u8], reply: &Value, secrets: &Secrets) -> Result<(), Error> {
    let text = match reply {
        Value::Error(said) if is_forbidden(&said.text()) => Some(said.shown().to_owned()),
        Value::Error(_) => None,
        _ => refused_inside(reply, secrets),
    };
    let Some(text) = text else { return Ok(()) };
    let prefix = String::from_utf8_lossy(prefix);
    let message = format!(
        "Locks need Lua scripts (EVAL) that SET, GET, DEL, PTTL and PEXPIRE keys beginning with \"{prefix}\", which Redis, or a proxy in front of it, refuses: {text}. The README says what the Redis user must be allowed."
    );
    Err(Error::new(Code::Refused, message).with_cause(Some(text)))
}

/// The answer about side keys.
pub(super) fn side_keys(reply: &Value, secrets: &Secrets) -> SideKeys {
    let Value::Error(said) = reply else {
        return refused_inside(reply, secrets).map_or(SideKeys::Usable, SideKeys::Refused);
    };
    let (raw, text) = (said.text(), said.shown().to_owned());
    if raw.starts_with("NOSCRIPT") || raw.to_lowercase().contains("evalsha") {
        SideKeys::NotByHash(text)
    } else if is_forbidden(&raw) {
        SideKeys::Refused(text)
    } else if raw.starts_with("LOADING") {
        SideKeys::Loading(text)
    } else {
        SideKeys::Unknown(text)
    }
}

/// Asks whether WAIT may be used. The answer comes at once.
pub(super) fn ask_wait(out: &mut Vec<u8>) {
    append_command(out, &[b"WAIT", b"0", b"1"]);
}

/// The answer to it. Without WAIT the client cannot know which replicas have a lock, so it gives none.
pub(super) fn check_wait(reply: &Value) -> Result<(), Error> {
    match reply {
        Value::Error(said) if !said.starts_with(b"LOADING") => {
            let text = said.shown().to_owned();
            let message = format!(
                "The option safety needs WAIT, which Redis refuses: {text}. Allow it for this user, connect to the master itself, or leave the option out."
            );
            Err(Error::new(Code::Refused, message).with_cause(Some(text)))
        }
        _ => Ok(()),
    }
}

/// The text about a CLIENT command, if the server refused it.
pub(super) fn without_client(reply: &Value) -> Option<String> {
    let Value::Error(text) = reply else { return None };
    is_forbidden(&text.text()).then(|| format!(
        "A connection that broke cannot be ended on the server, CLIENT was refused: {text}. What was on its way may be carried out late, and keep a key locked until its lease ends."
    ))
}

/// An error reply's text, for people.
pub(super) fn error_text(reply: &Value) -> Option<String> {
    match reply {
        Value::Error(said) => Some(said.shown().to_owned()),
        _ => None,
    }
}

/// The reason why the probe script could not do everything.
fn refused_inside(reply: &Value, secrets: &Secrets) -> Option<String> {
    match reply {
        Value::Array(items) => match items.as_slice() {
            [Value::Int(0), Value::Text(text)] => Some(secrets.shown(text)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether an error says that a command, a key or scripts are forbidden here, and not only for now.
fn is_forbidden(text: &str) -> bool {
    let text = text.to_lowercase();
    ["noperm", "permission", "unknown command", "unsupported", "not supported", "disabled"]
        .iter()
        .any(|word| text.contains(word))
}
