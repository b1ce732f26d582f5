//! Single values of the options, as lock-core and the sockets need them.

use crate::net::Family;
use std::time::Duration;

/// 4: IPv4; 6: IPv6; any other number: both.
pub(super) fn family(number: u8) -> Family {
    match number {
        4 => Family::V4,
        6 => Family::V6,
        _ => Family::Any,
    }
}

/// A number of milliseconds. A number that is no length of time becomes zero; a number that is too large becomes the longest
/// time.
pub(super) fn millis(value: f64) -> Duration {
    if value.is_nan() || value <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(value / 1_000.0).unwrap_or(Duration::MAX)
}

/// A time limit; 0 is none.
pub(super) fn limit(value: f64) -> Option<Duration> {
    Some(millis(value)).filter(|limit| !limit.is_zero())
}

/// A whole number, below 2^53 by contract: the caller's number of its call, the id of a hold, or a token.
pub(super) fn number(value: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole and below 2^53 by contract"
    )]
    let number = value as u64;
    number
}
