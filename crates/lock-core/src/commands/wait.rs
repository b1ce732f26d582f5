//! WAIT: how many replicas have what was written on this connection.

use super::answer::{Answer, Refusal, number};
use crate::resp::{Value, append_header, append_integer, append_text};
use std::time::Duration;

pub(crate) fn encode(replicas: u32, timeout: Duration, out: &mut Vec<u8>) {
    // At least 1, because Redis takes 0 as no limit.
    let ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 2);
    append_header(out, 3);
    append_text(out, b"WAIT");
    append_integer(out, u64::from(replicas));
    append_integer(out, ms);
}

pub(crate) fn decode(reply: &Value) -> Answer<u64> {
    number(reply).ok_or_else(|| Refusal::of(reply))
}
