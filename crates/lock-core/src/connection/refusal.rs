//! The meaning of an error reply on a new connection: the name or password is wrong, the server cannot serve this connection for now, or
//! neither. The code word decides, since the same text can answer any command.

use crate::config::ClientConfig;
use crate::error::{Code, Error};
use crate::resp::{Said, Value};

/// Code words of server states that end by themselves.
const PASSING: [&[u8]; 8] = [
    b"BUSY",
    b"TRYAGAIN",
    b"MISCONF",
    b"CLUSTERDOWN",
    b"MASTERDOWN",
    b"NOREPLICAS",
    b"UNKILLABLE",
    b"DENIED",
];

/// Why the server cannot serve this connection for now, if the reply says so, and what to do if it lasts. `to_auth`: the reply answers
/// AUTH, and it is final only if it speaks of the password or of the command.
pub(super) fn passing(reply: &Value, to_auth: bool) -> Option<String> {
    let Value::Error(said) = reply else { return None };
    let code = said.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    let text = said.text().to_lowercase();
    let full = text.contains("max") && (text.contains("clients") || text.contains("connections"));
    let advice = match code {
        _ if full => {
            "it has as many clients as it takes; raise its limit (maxclients), or close other connections"
        }
        b"DENIED" => "it takes local connections only; give it a password, or bind it to this network",
        b"BUSY" | b"UNKILLABLE" => "it is busy with a script; SCRIPT KILL ends one that never ends",
        b"MISCONF" => "it cannot save its data; its own log says why",
        b"MASTERDOWN" => {
            "it is a replica that has lost its master; redisUrl and redisOptions have to lead to the master"
        }
        b"NOREPLICAS" => "it has fewer replicas than it needs (min-replicas-to-write)",
        _ => "it may be ready soon",
    };
    let unclear = to_auth && !is_unwanted_password(&said.text()) && !speaks_of_auth(&text);
    (full || unclear || PASSING.contains(&code))
        .then(|| format!("Redis cannot be used for now ({said}): {advice}"))
}

/// Whether an answer to AUTH rejects this user or password, or AUTH itself. The text is in lower case.
fn speaks_of_auth(text: &str) -> bool {
    ["wrongpass", "noauth", "noperm"].iter().any(|code| text.starts_with(code))
        || ["password", "auth", "user", "unknown command", "credential", "denied"]
            .iter()
            .any(|word| text.contains(word))
}

/// The answer to AUTH. It is an error, or the text of a server that wants no password.
pub(super) fn check_auth(reply: &Value) -> Result<Option<&Said>, Error> {
    let Value::Error(said) = reply else { return Ok(None) };
    let text = said.text();
    if is_unwanted_password(&text) {
        return Ok(Some(said));
    }
    let unknown = text.to_lowercase().contains("unknown command");
    let what = if unknown {
        "Redis did not take the command AUTH"
    } else {
        "Redis refused the user name or password"
    };
    Err(Error::new(
        Code::AuthFailed,
        format!("{what}: {}. Check redisUrl and redisOptions.", said.to_string().trim_end_matches('.')),
    ))
}

/// The answer to INFO of a server that wants a password, if none was given.
pub(super) fn missing_password(said: &Said) -> Option<Error> {
    said.starts_with(b"NOAUTH").then(|| {
        Error::new(
            Code::AuthFailed,
            format!(
                "Redis asks for a password and none was given: {}. Check redisUrl and redisOptions.",
                said.to_string().trim_end_matches('.')
            ),
        )
    })
}

/// Whether a server answers AUTH this way because it wants no password. As in ioredis, this is no reason to fail.
#[must_use]
pub fn is_unwanted_password(text: &str) -> bool {
    let unneeded = ["no password is set", "without any password configured", "wrong number of arguments"];
    unneeded.iter().any(|known| text.contains(known))
}

/// The answer to SELECT.
pub(super) fn check_select(config: &ClientConfig, reply: &Value) -> Result<(), Error> {
    match reply {
        // Locks in a database that the shop's other instances do not use would exclude nobody.
        Value::Error(said) if !said.starts_with(b"NOAUTH") => {
            Err(Error::new(Code::Refused, format!("Redis refused database {}: {said}", config.database)))
        }
        _ => Ok(()),
    }
}

/// A refused right that keeps the connection from the best mode. The client asks for it again from time to time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// RESP3.
    Resp3,
    /// INFO, which says whether it is a node of a cluster.
    Info,
    /// Channels.
    Channels,
    /// In a cluster: the channel of a slot.
    SlotChannel,
    /// The server counts a message on the client's own channel as received once.
    Receivers,
    /// Side keys.
    SideKeys,
}
