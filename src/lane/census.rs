//! Answers operators who ask which locks this process holds and waits for. It uses its own connection, so it answers also while
//! the JavaScript thread is stuck. It sends nothing while nobody asks.

use super::settings::Settings;
use super::shared::{Inbound, Shared};
use super::{background, side};
use crate::net::{Failure, Talk};
use crate::sys::now;
use lock_core::census::{CHANNEL, Follows, ProcessFacts, Respondent};
use lock_core::resp::Value;
use lock_core::{LockKey, LogLevel, Mode, Notice, Waiting};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Shortest and longest pause before the next attempt to connect.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// A connection that lasted this long counts as good: the next pause is the shortest one.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

/// The answer of an event loop, by the question's number.
type LoopSaid = (u64, Vec<Waiting>);

struct Answering {
    shared: Arc<Shared>,
    settings: Settings,
    process: ProcessFacts,
}

/// Starts the task of one client; it ends when `shared` is closed. `mark` is the process mark, with which its owners and attempts
/// begin.
pub(super) fn start(shared: &Arc<Shared>, settings: &Settings, mark: [u8; 12]) -> Result<(), String> {
    let id = String::from_utf8_lossy(&mark).into_owned();
    let process = ProcessFacts { id, ..settings.process.clone() };
    background::spawn(run(Answering { shared: Arc::clone(shared), settings: settings.clone(), process }))
}

async fn run(answering: Answering) {
    let shared = &answering.shared;
    let mut pause = PAUSE.0;
    let mut refusal_told = false;
    while !shared.is_closed() {
        // In any mode but hand-off this user or this connection gets no messages from Redis. Besides, the renewal connects first.
        if !shared.may_listen() {
            shared.census.notified().await;
            continue;
        }
        let began = now();
        // A broken connection is not logged here: the main connection reports that Redis is gone.
        if let Err(Failure::Said(said)) = answering.listen().await
            && said.starts_with(b"NOPERM")
            && !refusal_told
        {
            refusal_told = true;
            answering.tell_refused(&said.to_string());
        }
        if now().since(began) > LONG_ENOUGH {
            pause = PAUSE.0;
        }
        // The end of the client, or a new main connection, ends the pause.
        let _ = tokio::time::timeout(pause, shared.census.notified()).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

impl Answering {
    fn tell_refused(&self, reason: &str) {
        let message = format!(
            "Operators who ask who holds a lock hear nothing of this process: Redis refuses to let it subscribe to {CHANNEL} ({reason}). Locks \
             work all the same. Grant the user the channels &mlr!*."
        );
        self.shared.send(Inbound::Notice(Notice::Log { level: LogLevel::Warn, message }));
    }

    /// Answers until the connection breaks or the client is closed.
    async fn listen(&self) -> Result<(), Failure> {
        let unwanted = self.shared.password_unwanted.load(Ordering::Acquire);
        // Any node of a cluster will do, because a message reaches all nodes.
        let node = self.shared.routes().nodes().first().cloned();
        let target = self.settings.target_of(node.as_ref());
        let (talk, mut pushes) = side::listen(&self.settings, &target, unwanted, CHANNEL).await?;
        let (to_us, mut said): (UnboundedSender<LoopSaid>, UnboundedReceiver<LoopSaid>) = unbounded_channel();
        let mut respondent = Respondent::default();
        while !self.shared.is_closed() {
            tokio::select! {
                push = pushes.recv() => {
                    let Some(push) = push else { return Ok(()) };
                    if let [_, _, Value::Text(message)] = push.as_slice() {
                        self.hear(&mut respondent, message, &to_us);
                    }
                }
                Some((number, waits)) = said.recv() => respondent.loop_said(number, waits),
                () = until(respondent.next()) => {}
                () = self.shared.census.notified() => {
                    // There is a new main connection. This server may be a replica now, and messages that a replica publishes
                    // reach nobody.
                    let stays = self.shared.may_listen() && node.as_ref().is_some_and(|node| self.shared.routes().nodes().contains(node));
                    if !stays {
                        return Ok(());
                    }
                }
            }
            self.answer(&mut respondent, &talk).await?;
        }
        Ok(())
    }

    fn hear(&self, respondent: &mut Respondent, message: &[u8], to_us: &UnboundedSender<LoopSaid>) {
        match respondent.hear(now(), message) {
            Some(Follows::AskLoop { number, keys }) => {
                // This starts the clock of the loop's sign of life, if the loop does not owe one yet.
                self.shared.stuck_for();
                let (answer, answered) = oneshot::channel();
                self.shared.send(Inbound::WhoWaits { keys, answer });
                let to_us = to_us.clone();
                tokio::spawn(async move {
                    if let Ok(waits) = answered.await {
                        let _ = to_us.send((number, waits));
                    }
                });
            }
            Some(Follows::Freed(freed)) => {
                let by = freed.by.into();
                let mut leases = self.shared.leases();
                for key in freed.keys {
                    let owner = freed.owner.as_deref().map(str::as_bytes);
                    leases.note_freed(now(), LockKey::new(key.into_bytes()), owner, &by);
                }
            }
            None => {}
        }
    }

    async fn answer(&self, respondent: &mut Respondent, talk: &Talk) -> Result<(), Failure> {
        for ready in respondent.ready(now()) {
            let locks = self.shared.leases().facts(now(), ready.keys());
            let messages = ready.answer(now(), &self.process(), &locks);
            let commands: Vec<_> = messages
                .into_iter()
                .map(|message| vec![b"PUBLISH".to_vec(), message.channel.into_bytes(), message.text])
                .collect();
            // If Redis refuses an answer, the process that asked notices it: this process was reached but did not answer.
            talk.ask_all(&commands).await?;
        }
        Ok(())
    }

    fn process(&self) -> ProcessFacts {
        let stuck = self.shared.stuck_for();
        ProcessFacts {
            mode: self.shared.mode().map_or("none", Mode::name).to_owned(),
            stuck_ms: Some(u64::try_from(stuck.as_millis()).unwrap_or(u64::MAX)),
            ..self.process.clone()
        }
    }
}

async fn until(at: Option<lock_core::Instant>) {
    match at {
        Some(at) => tokio::time::sleep(at.since(now())).await,
        None => std::future::pending().await,
    }
}
