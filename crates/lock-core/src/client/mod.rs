//! One client: a connection to Redis, the calls that are under way, and their timers.
//!
//! Four kinds of methods: getters; `handle_*`, which take in what happened; mutators (`acquire`, `release`, …),
//! which take in what is wanted; `poll_*` and `transmit`, which give out what is to be done. After each mutation
//! drain all of them.

mod acquire;
mod backlog;
mod batch;
mod check;
mod claim;
mod encoding;
mod errors;
mod exit;
mod giving_up;
mod line;
mod link;
mod moving;
mod naming;
mod queue;
mod release;
mod release_all;
mod replies;
mod requests;
mod returning;
mod run;
mod safety;
mod silence;
mod standing;
mod strangers;
mod tasks;
mod undo;
mod waiting;

use crate::config::ClientConfig;
use crate::error::{Code, Error};
use crate::ids::{AttemptId, IdSource};
use crate::key::Namespace;
use crate::resp::{Parser, append_command};
use crate::time::Instant;
use crate::timers::{Timer, Timers};
use acquire::Acquire;
use backlog::Backlog;
use batch::{Batches, Sent};
use claim::Claim;
use errors::Question;
use exit::Upkeep;
use line::Lines;
use link::Link;
pub(crate) use moving::{Call, Redirect, Redirected};
use queue::Queues;
use release::Release;
use release_all::ReleaseAll;
pub use requests::{
    AcquireRequest, Claiming, Event, Hold, Keep, LogLevel, Outcome, Patience, ReleaseAllRequest,
    ReleaseRequest, Verdict, Wanted,
};
use run::Runs;
use safety::Replication;
use std::collections::{HashMap, VecDeque};
pub use strangers::OFFICIAL_ACQUIRE_SHA;
use strangers::Strangers;
pub(crate) use waiting::CLAIM_PERIOD;
use waiting::Leave;

/// Most timers that are dealt with at once: an outage may end very many calls at one moment, and the loop has other things to do, too.
const MOST_TIMERS: usize = 1_000;

/// Where a task stands in the client's table; valid until its outcome was given out.
pub type TaskKey = u32;

/// The state machine of one client. Owned by one lane and called from one thread at a time.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    namespace: Namespace,
    ids: IdSource,
    link: Link,
    parser: Parser,
    out: Vec<u8>,
    tasks: slab::Slab<Task>,
    serial: u64,
    /// What was sent on this connection, in the order of the replies to come.
    in_flight: VecDeque<Sent>,
    batches: Batches,
    replication: Replication,
    /// Tasks that wait for a connection.
    backlog: Backlog,
    queues: Queues,
    runs: Runs,
    lines: Lines,
    strangers: Strangers,
    /// Claims that are not answered, by number.
    claims: HashMap<u64, u32>,
    /// Claims that are to be sent at the next write: task and its serial number.
    unsent: Vec<(u32, u64)>,
    timers: Timers,
    /// What is to be sent should leave at once.
    urgent: bool,
    events: VecDeque<Event>,
    /// Error replies on which somebody else decides.
    questions: Vec<Question>,
    /// Commands that a node of a cluster sent elsewhere.
    redirected: Vec<Redirected>,
    callers: usize,
    closed: bool,
}

/// Something that takes one or more commands.
#[derive(Debug)]
pub(crate) struct Task {
    serial: u64,
    /// The caller's own number for the call; `None` when nobody waits for the outcome any more.
    caller: Option<u64>,
    kind: Kind,
    limit: Option<Instant>,
    /// When the command that is under way has taken too long.
    command_limit: Option<Instant>,
    /// A command of this task was sent and its reply never came: it may or may not have been executed.
    unsure: bool,
    /// Redirections in a row.
    redirections: u32,
    /// The next command is for a node that is about to get the slot.
    asking: bool,
    /// Its last command had the script's text, so that the server cannot say that it does not know the script.
    whole: bool,
    state: State,
}

#[derive(Debug)]
enum Kind {
    Acquire(Acquire),
    Release(Release),
    ReleaseAll(ReleaseAll),
    Upkeep(Upkeep),
    Claim(Claim),
    Leave(Leave),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Backlog,
    InFlight,
    /// Pausing until its retry timer.
    Pausing,
    /// Waiting in a queue.
    Parked,
    /// Waiting in a queue, and named in a release that is not answered yet.
    Offered,
    /// Answered with an error, on which somebody else decides.
    Judged,
    /// Holds its keys, but whether enough replicas have them is not known yet.
    Unacknowledged,
}

impl Client {
    /// A client that is not connected yet. `seed` comes from a strong random source and is used once.
    #[must_use]
    pub fn new(config: ClientConfig, seed: [u8; 24]) -> Self {
        Self::with(config, IdSource::new(seed), 0)
    }

    /// `serial`: from where tasks and claims are numbered.
    pub(crate) fn with(config: ClientConfig, ids: IdSource, serial: u64) -> Self {
        Self {
            namespace: Namespace::new(&config.prefix),
            parser: Parser::new(config.secrets()),
            config,
            ids,
            link: Link::new(),
            out: Vec::new(),
            tasks: slab::Slab::new(),
            serial,
            in_flight: VecDeque::new(),
            batches: Batches::default(),
            replication: Replication::default(),
            backlog: Backlog::default(),
            queues: Queues::default(),
            runs: Runs::default(),
            lines: Lines::default(),
            strangers: Strangers::default(),
            claims: HashMap::new(),
            unsent: Vec::new(),
            timers: Timers::default(),
            urgent: false,
            events: VecDeque::new(),
            questions: Vec::new(),
            redirected: Vec::new(),
            callers: 0,
            closed: false,
        }
    }

    /// Whether it takes no more calls.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Withdraws the call of this number, wherever it stands.
    pub(crate) fn cancel_caller(&mut self, now: Instant, caller: u64) {
        let found = self.tasks.iter().find(|(_, task)| task.caller == Some(caller)).map(|(index, _)| index);
        if let Some(index) = found.and_then(|index| u32::try_from(index).ok()) {
            self.cancel(now, index, caller);
        }
    }

    /// Whether a call is under way that somebody waits for: only then may the process be kept alive.
    #[must_use]
    pub fn has_callers(&self) -> bool {
        self.callers > 0
    }

    /// Whether there is something to do or to tell: see [`Self::poll_event`].
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether anything is under way at all.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether a reply is still expected on this connection.
    #[must_use]
    pub fn expects_reply(&self) -> bool {
        !self.in_flight.is_empty() || !self.batches.is_empty() || !self.replication.is_empty()
    }

    /// The lane is about to write: to be called before [`Self::transmit`].
    pub fn handle_write(&mut self, now: Instant) {
        for (index, serial) in std::mem::take(&mut self.unsent) {
            if self.task(index, serial).is_some() {
                self.submit(now, index);
            }
        }
        self.handle_early_write(now);
    }

    /// The same where jobs are about to begin on the thread that writes: their claims stay for the next write. A job that has
    /// ended by then needs none, and one that blocks the thread leaves it to the renewal.
    pub fn handle_early_write(&mut self, now: Instant) {
        self.send_collected(now);
        self.ask_replicas(now);
    }

    /// The lane is about to write what is urgent: to be called before [`Self::transmit`] in place of [`Self::handle_write`]. The wishes
    /// of this turn stay for later.
    pub fn handle_urgent_write(&mut self, now: Instant) {
        self.send_collected_gives(now);
    }

    /// Whether the bytes to send should leave now and not with those of the whole turn: somebody waits for a lock that
    /// was just given back. Told once.
    pub fn take_urgent(&mut self) -> bool {
        std::mem::take(&mut self.urgent)
    }

    /// Bytes to send. Tell how many were taken with [`Self::transmitted`].
    #[must_use]
    pub fn transmit(&self) -> &[u8] {
        &self.out
    }

    /// `count` bytes of [`Self::transmit`] were sent.
    pub fn transmitted(&mut self, count: usize) {
        if count >= self.out.len() { self.out.clear() } else { drop(self.out.drain(..count)) }
    }

    /// The next thing to do or to tell.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`Self::handle_timeout`]; it may find nothing to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Time has passed. Does a bounded portion of what is due; [`Self::poll_timeout`] tells of the rest.
    pub fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..MOST_TIMERS {
            let Some(timer) = self.timers.take_due(now) else { return };
            match timer {
                Timer::Reconnect => self.reconnect_due(now),
                Timer::ReadyCheck => self.ready_check_due(now),
                Timer::Silence => self.silence_due(now),
                Timer::AskAgain => self.ask_again_due(now),
                Timer::Look => self.look_due(now),
                Timer::Limit(index, serial) => {
                    if self.task(index, serial).is_some() {
                        self.limit_reached(now, index);
                    }
                }
                Timer::Command(index, serial) => self.command_due(now, index, serial),
                Timer::Retry(index, serial) => {
                    let Some(task) = self.task(index, serial) else { continue };
                    if let Kind::Acquire(acquire) = &mut task.kind {
                        acquire.poll_armed = false;
                    }
                    if matches!(task.state, State::Pausing | State::Parked) {
                        self.submit(now, index);
                    }
                }
                Timer::Poll(at, serial) => self.poll_due(now, at, serial),
                Timer::Line(at, serial) => self.line_due(now, at, serial),
            }
        }
    }

    /// Withdraws a call. `caller` must be the number it was made with: an outdated withdrawal does nothing.
    pub fn cancel(&mut self, now: Instant, index: TaskKey, caller: u64) {
        if self.tasks.get(index as usize).is_some_and(|task| task.caller == Some(caller)) {
            self.abandon(now, index, Error::new(Code::Aborted, "The call was withdrawn by its signal."));
        }
    }

    /// Ends the client: no more calls, everybody who waits for a lock is told. What was sent is still answered.
    pub fn close(&mut self, now: Instant) {
        self.closed = true;
        let waiting: Vec<u32> = (self.tasks.iter())
            .filter(|(_, task)| matches!(task.kind, Kind::Acquire(_)) && task.caller.is_some())
            .filter_map(|(index, _)| u32::try_from(index).ok())
            .collect();
        for index in waiting {
            self.abandon(now, index, closed_error());
        }
    }

    /// Sends the task's next command, or keeps it until there is a connection.
    fn submit(&mut self, now: Instant, index: u32) {
        if self.link.is_ready() && self.joins_line(now, index) {
            return;
        }
        self.limit_command(now, index);
        if self.link.is_ready() {
            self.send(now, index, false);
        } else if self.may_wait_for_connection(now, index) {
            self.enqueue(index);
        }
    }

    /// Writes the task's command. `whole` sends the script's text instead of its hash.
    fn send(&mut self, now: Instant, index: u32, whole: bool) {
        self.offer(now, index);
        if self.collect(now, index) {
            return;
        }
        // What is given back may be wanted again by what was collected.
        if !self.is_release(index) {
            self.send_collected(now);
        }
        self.listen_before_park(index);
        let whole = whole || self.link.sends_texts();
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        task.whole = whole;
        if task.asking {
            append_command(&mut self.out, &[b"ASKING"]);
            self.in_flight.push_back(Sent::Nobody);
        }
        match &mut task.kind {
            Kind::Acquire(_) => self.send_acquire(now, index, whole, 0),
            Kind::Release(release) => release.encode(whole, &self.link, &mut self.out),
            Kind::ReleaseAll(all) => all.encode(whole, self.link.is_plain(), &self.namespace, &mut self.out),
            Kind::Upkeep(shorten) => shorten.encode(whole, &mut self.out),
            Kind::Claim(_) => self.send_claim(now, index, whole),
            Kind::Leave(leave) => leave.encode(whole, &self.link, &mut self.out),
        }
        if let Some(task) = self.tasks.get_mut(index as usize) {
            task.state = State::InFlight;
        }
        self.in_flight.push_back(Sent::One(index));
        self.expect_progress(now);
    }

    fn is_release(&self, index: u32) -> bool {
        self.tasks.get(index as usize).is_some_and(|task| matches!(task.kind, Kind::Release(_)))
    }

    fn log(&mut self, level: LogLevel, message: impl Into<String>) {
        self.events.push_back(Event::Log { level, message: message.into() });
    }

    fn attempt(&mut self) -> AttemptId {
        self.ids.attempt()
    }
}

pub(crate) fn closed_error() -> Error {
    Error::new(Code::Closed, "The locking provider was shut down; it takes no more calls.")
}
