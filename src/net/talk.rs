//! A connection of the background thread that several tasks may use at the same time. Commands are sent in the order in which
//! they come, and replies come back in that order. The renewal uses it, and so do questions that do not concern locks.

use super::io_error::describe;
use super::socket::Stream;
use lock_core::Secrets;
use lock_core::resp::{Parser, Said, Value, append_header, append_text};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::sync::oneshot;

/// Pushes that wait to be read. Further pushes are lost.
const MOST_PUSHES: usize = 16_384;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The connection broke, or could not be made. This is a line for people, without secrets.
    Broken(String),
    /// The server answered with an error.
    Said(Said),
}

impl Failure {
    /// The failure for a reply of an unknown form.
    pub(crate) fn odd(what: &str) -> Self {
        Self::Broken(format!("the server gave no answer that is known to {what}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(reason) => f.write_str(reason),
            Self::Said(said) => said.fmt(f),
        }
    }
}

struct Asked {
    command: Vec<u8>,
    /// `None`: the answer is a push.
    answer: Option<oneshot::Sender<Result<Value, String>>>,
}

/// A handle to one connection, in RESP2 until HELLO says otherwise. The connection ends with its last handle.
#[derive(Clone)]
pub(crate) struct Talk(UnboundedSender<Asked>);

impl Talk {
    /// Starts on this stream. Also returns the pushes, which end with the connection.
    pub(crate) fn new(stream: Box<dyn Stream>, secrets: Secrets) -> (Self, Receiver<Vec<Value>>) {
        let (sender, requests) = unbounded_channel();
        let (pushes, pushed) = channel(MOST_PUSHES);
        tokio::spawn(drive(stream, requests, Parser::new(secrets), pushes));
        (Self(sender), pushed)
    }

    /// Sends a command at the first poll, and waits for its reply without a limit.
    pub(crate) async fn ask<P: AsRef<[u8]>>(&self, parts: &[P]) -> Result<Value, Failure> {
        self.send(parts)?.answer().await
    }

    /// Sends commands at once, and waits for their replies.
    pub(crate) async fn ask_all<P: AsRef<[u8]>>(
        &self,
        commands: &[Vec<P>],
    ) -> Result<Vec<Result<Value, Failure>>, Failure> {
        let asked: Vec<_> = commands.iter().map(|parts| self.send(parts)).collect::<Result<_, _>>()?;
        let mut answers = Vec::with_capacity(asked.len());
        for answer in asked {
            match answer.answer().await {
                Err(broken @ Failure::Broken(_)) => return Err(broken),
                outcome => answers.push(outcome),
            }
        }
        Ok(answers)
    }

    /// Sends a command whose answer is a push. An error reply to it is taken for the answer to the next command.
    pub(crate) fn tell<P: AsRef<[u8]>>(&self, parts: &[P]) -> Result<(), Failure> {
        self.0.send(Asked { command: command(parts), answer: None }).map_err(|_| gone())
    }

    fn send<P: AsRef<[u8]>>(&self, parts: &[P]) -> Result<Awaited, Failure> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Asked { command: command(parts), answer: Some(answer) }).map_err(|_| gone())?;
        Ok(Awaited(answered))
    }
}

/// The pending reply to a command.
struct Awaited(oneshot::Receiver<Result<Value, String>>);

impl Awaited {
    async fn answer(self) -> Result<Value, Failure> {
        match self.0.await {
            Ok(Ok(Value::Error(said))) => Err(Failure::Said(said)),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(reason)) => Err(Failure::Broken(reason)),
            Err(_) => Err(gone()),
        }
    }
}

fn gone() -> Failure {
    Failure::Broken("the connection was closed".to_owned())
}

fn command<P: AsRef<[u8]>>(parts: &[P]) -> Vec<u8> {
    let mut command = Vec::new();
    append_header(&mut command, parts.len());
    parts.iter().for_each(|part| append_text(&mut command, part.as_ref()));
    command
}

/// Moves commands and replies until the connection breaks or the last handle is gone.
async fn drive(
    stream: Box<dyn Stream>,
    mut requests: UnboundedReceiver<Asked>,
    mut parser: Parser,
    pushes: Sender<Vec<Value>>,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut waiting: VecDeque<oneshot::Sender<Result<Value, String>>> = VecDeque::new();
    let (mut out, mut flushed, mut buffer) = (Vec::new(), true, vec![0; 16 << 10]);
    let reason = loop {
        tokio::select! {
            asked = requests.recv() => {
                let Some(Asked { command, answer }) = asked else { return };
                out.extend_from_slice(&command);
                waiting.extend(answer);
            }
            written = write(&mut writer, &out), if !out.is_empty() || !flushed => match written {
                Ok(count) => {
                    flushed = out.is_empty();
                    drop(out.drain(..count));
                }
                Err(error) => break describe(&error),
            },
            read = read(&mut reader, &mut buffer) => {
                let taken = read.map_err(|error| describe(&error)).and_then(|count| {
                    parser.feed(buffer.get(..count).unwrap_or_default());
                    answer(&mut parser, &mut waiting, &pushes)
                });
                if let Err(reason) = taken {
                    break reason;
                }
            }
        }
    };
    for asker in waiting {
        let _ = asker.send(Err(reason.clone()));
    }
}

/// Gives replies that have arrived to the tasks that asked. A task may have ended meanwhile.
fn answer(
    parser: &mut Parser,
    waiting: &mut VecDeque<oneshot::Sender<Result<Value, String>>>,
    pushes: &Sender<Vec<Value>>,
) -> Result<(), String> {
    while let Some(value) = parser.next_reply().map_err(|malformed| malformed.to_string())? {
        if let Value::Push(push) = value {
            // If nobody listens, or too slowly, the push is lost.
            let _ = pushes.try_send(push);
            continue;
        }
        match (value, waiting.pop_front()) {
            (value, Some(asker)) => drop(asker.send(Ok(value))),
            (Value::Error(said), None) => return Err(format!("the server said: {said}")),
            (_, None) => return Err("the server answered what was not asked".to_owned()),
        }
    }
    Ok(())
}

/// Writes a part of `out`; when nothing is left, flushes the stream.
async fn write(writer: &mut WriteHalf<Box<dyn Stream>>, out: &[u8]) -> io::Result<usize> {
    if out.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(out).await? {
        0 => Err(io::Error::other("the connection takes no more")),
        count => Ok(count),
    }
}

async fn read(reader: &mut ReadHalf<Box<dyn Stream>>, buffer: &mut [u8]) -> io::Result<usize> {
    match reader.read(buffer).await? {
        0 => Err(io::Error::other("the connection was closed")),
        count => Ok(count),
    }
}
