//! What a server must allow, without which no call can be answered: found out at connect, and told by every call.

use crate::error::{Code, Error};
use crate::resp::{Value, append_command};

/// Asks whether WAIT may be used; the answer comes at once.
pub(crate) fn ask_wait(out: &mut Vec<u8>) {
    append_command(out, &[b"WAIT", b"0", b"1"]);
}

/// The answer to it: without WAIT nothing tells which replicas have a lock, so none may be given.
pub(crate) fn check_wait(reply: &Value) -> Result<(), Error> {
    match reply {
        Value::Error(text) if !text.starts_with(b"LOADING") => {
            let text = String::from_utf8_lossy(text).into_owned();
            let message = format!(
                "The option safety needs WAIT, which Redis refuses: {text}. Allow it for this user, connect to the master itself, or leave the option out."
            );
            Err(Error::new(Code::Refused, message).with_cause(Some(text)))
        }
        _ => Ok(()),
    }
}
