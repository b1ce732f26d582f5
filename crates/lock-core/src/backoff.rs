//! The pauses between attempts while another caller holds a lock and there is no hand-off.

use std::time::Duration;

/// The three options that shape the waiting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BackoffRule {
    /// First pause (`defaultRetryInterval`, 5 ms).
    pub first: Duration,
    /// Longest pause (`maximumRetryInterval`, 200 ms).
    pub longest: Duration,
    /// Growth from pause to pause (`backoffFactor`, 2).
    pub factor: f64,
}

/// The pauses of one request. Each request has its own, because shared state would make one busy key slow down all others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(rule: &BackoffRule) -> Self {
        Self { next: rule.first.min(rule.longest) }
    }

    /// The pause before the next attempt, between half and all of the current one. The jitter comes after the clamp, so that many processes
    /// at the longest pause do not ask at the same moments.
    pub(crate) fn pause(&mut self, rule: &BackoffRule, random: u64) -> Duration {
        let current = self.next;
        let grown = current.as_secs_f64() * rule.factor;
        let longest = rule.longest.as_secs_f64();
        self.next = if grown < longest { Duration::from_secs_f64(grown.max(0.0)) } else { rule.longest };
        let share = 0.5 + unit_interval(random) * 0.5;
        current.mul_f64(share).max(Duration::from_micros(500))
    }
}

/// Maps 64 random bits to [0, 1).
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn unit_interval(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// ioredis' default rule after no Sentinel could be reached: 10 ms more per attempt, 1 s at most.
pub(crate) fn lookup_delay(attempt: u32) -> Duration {
    Duration::from_millis(u64::from(attempt).saturating_mul(10).min(1_000))
}

/// ioredis' default rule after no node of a cluster could be reached: 100 ms and 2 ms more per attempt, 2 s at most.
pub(crate) fn cluster_delay(attempt: u32) -> Duration {
    Duration::from_millis(u64::from(attempt).saturating_mul(2).saturating_add(100).min(2_000))
}

/// ioredis' default retry rule: 50 ms more per attempt, 2 s at most.
pub(crate) fn reconnect_delay(attempt: u32) -> Duration {
    Duration::from_millis(u64::from(attempt).saturating_mul(50).min(2_000))
}

/// The pause if connections can be made but turn out useless. Each costs the server a handshake, so the pause doubles, up to the same 2 s.
pub(crate) fn doubtful_delay(attempt: u32) -> Duration {
    Duration::from_millis(25_u64 << attempt.min(7)).min(Duration::from_secs(2))
}
