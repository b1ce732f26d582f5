//! Commands and replies over a stream, one after the other. It serves the few commands to a Sentinel.

use super::io_error::describe;
use super::socket::Stream;
use lock_core::Secrets;
use lock_core::resp::{Parser, Value, append_command};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One connection, which uses RESP2.
pub(super) struct Conversation {
    stream: Box<dyn Stream>,
    parser: Parser,
    buffer: Vec<u8>,
    /// Longest wait for a reply.
    limit: Duration,
}

impl Conversation {
    pub(super) fn new(stream: Box<dyn Stream>, limit: Duration, secrets: Secrets) -> Self {
        Self { stream, parser: Parser::new(secrets), buffer: vec![0; 4 << 10], limit }
    }

    /// Sends a command and waits for its reply. The error says what happened to the connection; it does not repeat the command.
    pub(super) async fn ask(&mut self, command: &[&[u8]]) -> Result<Value, String> {
        let limit = self.limit;
        let mut out = Vec::new();
        append_command(&mut out, command);
        let talk = async {
            self.stream.write_all(&out).await.map_err(|error| describe(&error))?;
            self.hear().await
        };
        let answer = tokio::time::timeout(limit, talk).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {} ms", limit.as_millis())))
    }

    /// Waits for the next reply or push, without a limit.
    pub(super) async fn hear(&mut self) -> Result<Value, String> {
        loop {
            if let Some(value) = self.parser.next_reply().map_err(|malformed| malformed.to_string())? {
                return Ok(value);
            }
            let count = self.stream.read(&mut self.buffer).await.map_err(|error| describe(&error))?;
            if count == 0 {
                return Err("the connection was closed".to_owned());
            }
            self.parser.feed(self.buffer.get(..count).unwrap_or_default());
        }
    }
}
