//! Failed attempts to connect in a row, and the moment from which calls do not wait for a connection any longer.

use crate::config::RetryPolicy;
use crate::time::Instant;
use std::time::Duration;

/// If Redis accepts connections and says nothing, each attempt takes long. Calls without a time limit wait this long at most, and until the
/// end of the attempt that is under way then.
const LONGEST: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    failed: u32,
    /// How often in a row nobody could say where the master is.
    lookups: u32,
    /// When the first attempt failed, or when the calls were last told not to wait any longer.
    since: Option<Instant>,
}

impl Attempts {
    /// How many failed in a row.
    pub(super) fn failed(&self) -> u32 {
        self.failed
    }

    pub(super) fn lookups(&self) -> u32 {
        self.lookups
    }

    /// An attempt failed, or a connection was lost.
    pub(super) fn count(&mut self) {
        self.failed += 1;
    }

    /// Nobody could say where the master is.
    pub(super) fn count_lookup(&mut self) {
        self.lookups += 1;
    }

    /// Somebody said where the master is.
    pub(super) fn found(&mut self) {
        self.lookups = 0;
    }

    /// There is a connection.
    pub(super) fn succeeded(&mut self) {
        self.failed = 0;
        self.since = None;
    }

    /// There is a connection, and nobody had to wait for it. An outage in which somebody waits begins later.
    pub(super) fn nobody_waited(&mut self) {
        self.since = None;
    }

    /// An attempt failed. Returns the reason why calls without a time limit do not wait any longer. `None`: they go on waiting.
    pub(super) fn are_over(&mut self, now: Instant, retry: &RetryPolicy) -> Option<String> {
        let count = retry.most_reconnects?;
        let waited = now.since(*self.since.get_or_insert(now));
        let why = if self.failed.is_multiple_of(count.saturating_add(1)) {
            format!(
                "Reached the max retries per request limit (which is {count}). Refer to \"maxRetriesPerRequest\" option for details."
            )
        } else if !retry.most_reconnects_for_all && waited >= LONGEST {
            format!("There was no usable connection to Redis for {} s.", waited.as_secs())
        } else {
            return None;
        };
        self.since = Some(now);
        Some(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reasons that are told at these times, in seconds, at which an attempt fails.
    fn told(retry: &RetryPolicy, failures_s: &[u64]) -> Vec<Option<String>> {
        let mut attempts = Attempts::default();
        let fails = |at: &u64| {
            attempts.count();
            attempts.are_over(Instant::from_nanos(at * 1_000_000_000), retry)
        };
        failures_s.iter().map(fails).collect()
    }

    #[test]
    fn many_quick_failures_are_over_by_their_number() {
        let told = told(&RetryPolicy::default(), &[1; 42]);
        let over: Vec<usize> = (1..).zip(&told).filter(|(_, why)| why.is_some()).map(|(at, _)| at).collect();
        assert_eq!(over, [21, 42]);
    }

    #[test]
    fn failures_that_take_long_are_over_after_a_minute_and_then_after_another() {
        let told = told(&RetryPolicy::default(), &[0, 15, 30, 45, 60, 75, 90, 105, 120]);
        let why = Some("There was no usable connection to Redis for 60 s.".to_owned());
        assert_eq!(told, [None, None, None, None, why.clone(), None, None, None, why]);
    }

    #[test]
    fn a_number_that_was_asked_for_counts_alone_and_so_does_none() {
        let asked =
            RetryPolicy { most_reconnects: Some(3), most_reconnects_for_all: true, ..RetryPolicy::default() };
        let over: Vec<bool> = told(&asked, &[0, 100, 200, 300]).iter().map(Option::is_some).collect();
        assert_eq!(over, [false, false, false, true]);
        let never = RetryPolicy { most_reconnects: None, ..RetryPolicy::default() };
        assert_eq!(told(&never, &[0, 100]), [None, None]);
    }

    #[test]
    fn a_connection_that_stands_begins_anew() {
        let mut attempts = Attempts::default();
        let retry = RetryPolicy::default();
        attempts.count();
        assert_eq!(attempts.are_over(Instant::from_nanos(0), &retry), None);
        attempts.succeeded();
        attempts.count();
        assert_eq!(attempts.are_over(Instant::from_nanos(3_600_000_000_000), &retry), None);
        assert_eq!(attempts.failed(), 1);
    }
}
