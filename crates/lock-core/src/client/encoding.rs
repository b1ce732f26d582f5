//! What all script calls have in common.

use crate::resp::{append_header, append_integer, append_text};
use crate::script::Script;
use std::time::Duration;

/// Appends the head of a script call; `keys` KEYS and `args` ARGV follow.
pub(super) fn append_eval(out: &mut Vec<u8>, script: Script, whole: bool, keys: usize, args: usize) {
    append_header(out, 3 + keys + args);
    if whole {
        append_text(out, b"EVAL");
        append_text(out, script.body().as_bytes());
    } else {
        append_text(out, b"EVALSHA");
        append_text(out, script.sha().as_bytes());
    }
    append_integer(out, keys as u64);
}

pub(super) fn append_side(out: &mut Vec<u8>, side: &mut Vec<u8>, name: impl Fn(&mut Vec<u8>)) {
    side.clear();
    name(side);
    append_text(out, side);
}

pub(super) fn append_flag(out: &mut Vec<u8>, flag: bool) {
    append_text(out, if flag { b"1" } else { b"0" });
}

/// A ticket, or nothing.
pub(super) fn append_ticket(out: &mut Vec<u8>, ticket: Option<u64>) {
    match ticket {
        Some(ticket) => append_integer(out, ticket),
        None => append_text(out, b""),
    }
}

pub(super) fn lease_ms(lease: Duration) -> u64 {
    u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).max(1)
}
