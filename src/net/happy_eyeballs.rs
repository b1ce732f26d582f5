//! One name, several addresses: the first that answers is taken. An address that says nothing holds up the next
//! one for a moment only (RFC 8305, "Connection Attempts"); Node does the same.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::task::JoinSet;

/// Head start of each address before the next one, as in RFC 8305 and in Node.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first address that can be connected to; else the last error.
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
