//! Connects to a name that has several addresses: the first connection that stands is used. A silent address delays the next one
//! only a moment (RFC 8305, "Connection Attempts"). Node does the same.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

/// Head start of each address before the next one, as in RFC 8305 and in Node.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that accepts. If none does, the last error is returned.
pub(super) async fn first_of<T, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, String>
where
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = "there is no address to connect to".to_owned();
    loop {
        if let Some(address) = waiting.next() {
            attempts.spawn(connect(address));
        }
        let outcome = if waiting.len() > 0 {
            match tokio::time::timeout(HEAD_START, attempts.join_next()).await {
                Ok(outcome) => outcome,
                Err(_) => continue,
            }
        } else {
            attempts.join_next().await
        };
        match outcome {
            Some(Ok(Ok(connected))) => return Ok(connected),
            Some(Ok(Err(reason))) => last = reason,
            Some(Err(error)) => last = error.to_string(),
            None if waiting.len() == 0 => return Err(last),
            None => {}
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::first_of;
    use std::net::SocketAddr;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// The outcome for so many addresses, some of which refuse or never answer, and the order in which they were asked.
    fn run(count: u16, refuse: &[u16], silent: &[u16]) -> (Result<u16, String>, Vec<u16>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connect = |address: SocketAddr| {
            let (port, asked) = (address.port(), Arc::clone(&asked));
            let (refuses, says_nothing) = (refuse.contains(&port), silent.contains(&port));
            async move {
                asked.lock().unwrap().push(port);
                if says_nothing {
                    std::future::pending::<()>().await;
                }
                // An attempt takes a moment, but less than the head start.
                tokio::time::sleep(Duration::from_millis(20)).await;
                if refuses { Err(format!("{port} refuses")) } else { Ok(port) }
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let outcome = runtime.block_on(first_of((1..=count).map(address).collect(), connect));
        let asked = asked.lock().unwrap().clone();
        (outcome, asked)
    }

    #[test]
    fn the_first_address_that_answers_is_taken_and_the_others_are_not_asked() {
        assert_eq!(run(3, &[], &[]), (Ok(1), vec![1]));
    }

    #[test]
    fn an_address_that_refuses_is_passed_over() {
        assert_eq!(run(3, &[1, 2], &[]), (Ok(3), vec![1, 2, 3]));
    }

    #[test]
    fn an_address_that_says_nothing_holds_up_the_next_for_a_moment_only() {
        assert_eq!(run(2, &[], &[1]), (Ok(2), vec![1, 2]));
        assert_eq!(run(3, &[2], &[1]), (Ok(3), vec![1, 2, 3]));
    }

    #[test]
    fn where_all_refuse_the_last_reason_is_told() {
        assert_eq!(run(2, &[1, 2], &[]), (Err("2 refuses".to_owned()), vec![1, 2]));
        assert!(run(0, &[], &[]).0.is_err());
    }
}
