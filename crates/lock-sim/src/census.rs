//! A world of its own for questions and answers between processes. Messages are lost, late, doubled and out of order. Event loops are
//! stuck, and processes die before, while and after they are asked. The machines and the table of leases are lock-core's.
//!
//! The world checks these rules. A question ends in time. A process that answers tells the truth about its locks. A process that was alive
//! and lost no message has answered, with its locks at least. A process that was dead all the time does not answer. An answer counts as
//! complete only if every part came.

use lock_core::census::{
    CHANNEL, Census, Collector, Follows, ProcessFacts, Question, Respondent, question_message,
};
use lock_core::{HoldId, IdSource, Instant, LeaseTable, LockKey, NewLease, Waiting};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_millis(300);
const REPLY: &str = "mlr!a:0";

#[derive(Debug)]
enum Happening {
    Asked(usize),
    LoopSaid { process: usize, number: u64 },
    Look(usize),
    Answered(Vec<u8>),
    Turn(usize),
    Dies(usize),
}

struct Process {
    facts: ProcessFacts,
    respondent: Respondent,
    leases: LeaseTable,
    holds: BTreeMap<String, HoldId>,
    /// Every key that it held at some time during the question.
    held: BTreeSet<String>,
    stuck_until: Option<Instant>,
    alive: bool,
    /// How many locks it has told.
    told: usize,
    /// Every message to and from it arrived, and its loop was free.
    heard_in_full: bool,
}

struct World {
    rng: fastrand::Rng,
    now: Instant,
    queue: BTreeMap<(Instant, u64), Happening>,
    number: u64,
    processes: Vec<Process>,
    steps: u64,
}

/// Runs the world of one seed. Returns the number of its steps.
///
/// # Errors
/// The broken rule.
pub fn run_census(seed: u64) -> Result<u64, String> {
    World::new(seed).run().map_err(|failure| format!("census seed {seed}: {failure}"))
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = Instant::from_nanos(1_000_000_000_000);
        let processes = (0..rng.usize(1..6)).map(|at| Process::new(at, now, &mut rng)).collect();
        Self { rng, now, queue: BTreeMap::new(), number: 0, processes, steps: 0 }
    }

    fn run(mut self) -> Result<u64, String> {
        let asked_at = self.now;
        let mut collector = Collector::new(asked_at, LIMIT);
        let reached = self.processes.iter().filter(|one| one.alive).count() as u64;
        if self.rng.bool() {
            collector.reached(reached);
        }
        for process in 0..self.processes.len() {
            let turn = self.rng.u64(1..50);
            self.after(turn, Happening::Turn(process));
            if self.rng.u8(..4) == 0 {
                let dies = self.rng.u64(0..400);
                self.after(dies, Happening::Dies(process));
            }
            self.deliver(process, Happening::Asked(process));
        }
        while !collector.is_done(self.now) {
            let Some(((at, _), happening)) = self.queue.pop_first() else { break };
            if at >= collector.until() {
                break;
            }
            self.now = at;
            self.steps += 1;
            match happening {
                Happening::Answered(text) => collector.take_in(&text),
                other => self.happens(&other),
            }
        }
        let end = collector.until();
        if !collector.is_done(end) || end > asked_at + LIMIT {
            return Err("the question has no end".to_owned());
        }
        let early = self.now < end && collector.is_done(self.now);
        self.check(&collector.finish(), early)?;
        Ok(self.steps)
    }

    fn after(&mut self, ms: u64, happening: Happening) {
        let at = self.now + MS * u32::try_from(ms).unwrap_or(u32::MAX);
        self.number += 1;
        self.queue.insert((at, self.number), happening);
    }

    /// A message to or from a process: now and then late, lost or doubled.
    fn deliver(&mut self, process: usize, happening: Happening) {
        let (ms, fate) = (self.rng.u64(0..20), self.rng.u8(..20));
        let late = self.rng.u64(100..600);
        if fate < 3
            && let Some(one) = self.processes.get_mut(process)
        {
            one.heard_in_full = false;
        }
        match (fate, happening) {
            (0, _) => {}
            (1, happening) => self.after(late, happening),
            (2, Happening::Answered(text)) => {
                self.after(ms, Happening::Answered(text.clone()));
                self.after(late, Happening::Answered(text));
            }
            (_, happening) => self.after(ms, happening),
        }
    }

    fn happens(&mut self, happening: &Happening) {
        let now = self.now;
        let process = match *happening {
            Happening::Asked(process)
            | Happening::LoopSaid { process, .. }
            | Happening::Look(process)
            | Happening::Turn(process)
            | Happening::Dies(process) => process,
            Happening::Answered(_) => return,
        };
        let Some(one) = self.processes.get_mut(process).filter(|one| one.alive) else { return };
        match *happening {
            Happening::Asked(_) => {
                let question = question_message(Question { reply: REPLY.to_owned(), keys: None });
                let Some(Follows::AskLoop { number, .. }) = one.respondent.hear(now, &question) else {
                    return;
                };
                let free = one.stuck_until.filter(|until| *until > now).unwrap_or(now).since(now);
                let pause = u64::try_from(free.as_millis()).unwrap_or(0) + self.rng.u64(0..30);
                self.after(pause, Happening::LoopSaid { process, number });
                self.after(150, Happening::Look(process));
            }
            Happening::LoopSaid { number, .. } => {
                let key = LockKey::new(b"waited".to_vec());
                one.respondent.loop_said(number, vec![Waiting { key, since: now, label: None }]);
                self.answers(process);
            }
            Happening::Look(_) => self.answers(process),
            Happening::Turn(_) => {
                one.turn(now, &mut self.rng);
                let next = self.rng.u64(1..50);
                self.after(next, Happening::Turn(process));
            }
            Happening::Dies(_) => {
                one.alive = false;
                one.heard_in_full = false;
            }
            Happening::Answered(_) => {}
        }
    }

    fn answers(&mut self, process: usize) {
        let now = self.now;
        let Some(one) = self.processes.get_mut(process) else { return };
        let stuck_ms = one.stuck_until.filter(|until| *until > now).map(|_| 150);
        let facts = ProcessFacts { stuck_ms, ..one.facts.clone() };
        let mut messages = Vec::new();
        for ready in one.respondent.ready(now) {
            let locks = one.leases.facts(now, ready.keys());
            one.told = locks.len();
            messages.extend(ready.answer(now, &facts, &locks));
        }
        for message in messages {
            self.deliver(process, Happening::Answered(message.text));
        }
    }

    fn check(&self, census: &Census, early: bool) -> Result<(), String> {
        if let Some(reached) = census.reached
            && early
            && (census.answers.len() as u64) < reached
        {
            return Err(format!("ended early with {} of {reached} answers", census.answers.len()));
        }
        for answer in &census.answers {
            let id = &answer.process.id;
            let Some(one) = self.processes.iter().find(|one| one.facts.id == *id) else {
                return Err(format!("{id} is nobody"));
            };
            for lock in &answer.locks {
                if !one.held.contains(&lock.key) {
                    return Err(format!("{id} says that it holds {}, which it did not", lock.key));
                }
            }
            if answer.complete && answer.locks.len() != one.told {
                return Err(format!(
                    "{id} counts as complete with {} of {} locks",
                    answer.locks.len(),
                    one.told
                ));
            }
            let mut keys: Vec<_> = answer.locks.iter().map(|lock| &lock.key).collect();
            keys.sort();
            keys.dedup();
            if keys.len() != answer.locks.len() {
                return Err(format!("{id} names a lock twice"));
            }
        }
        let stuck = |one: &Process| one.stuck_until.is_some();
        for one in self.processes.iter().filter(|one| one.heard_in_full && !early) {
            let Some(answer) = census.answers.iter().find(|answer| answer.process.id == one.facts.id) else {
                return Err(format!("{} lost no message and did not answer on {CHANNEL}", one.facts.id));
            };
            if !answer.complete {
                return Err(format!("the answer of {} came in full and counts as incomplete", one.facts.id));
            }
            if answer.waits.is_none() && !stuck(one) {
                return Err(format!("the loop of {} was never stuck and said nothing", one.facts.id));
            }
        }
        Ok(())
    }
}

impl Process {
    fn new(at: usize, now: Instant, rng: &mut fastrand::Rng) -> Self {
        let id = format!("{at:012}");
        let alive = rng.u8(..5) > 0;
        let stuck_until = (rng.u8(..3) == 0).then(|| now + MS * rng.u32(1..1_000));
        let mut one = Self {
            facts: ProcessFacts { id, ..ProcessFacts::default() },
            respondent: Respondent::default(),
            leases: LeaseTable::default(),
            holds: BTreeMap::new(),
            held: BTreeSet::new(),
            stuck_until,
            alive,
            told: 0,
            heard_in_full: alive,
        };
        // Now and then so many that the answer has several parts.
        let many = if rng.u8(..8) == 0 { 2_000 } else { 20 };
        (0..rng.usize(0..many)).for_each(|number| one.take(now, format!("key-{at}-{number}")));
        one
    }

    fn take(&mut self, now: Instant, key: String) {
        let lease = NewLease {
            keys: [LockKey::new(key.clone().into_bytes())].into(),
            owner: IdSource::new([7; 24]).execute_owner(),
            tokens: [1].into(),
            lease: Some(Duration::from_secs(60)),
            sent_at: now,
            renews: true,
            attempt: [0; 32],
            joined: false,
            claim: None,
            waited: false,
            since: now,
            label: None,
        };
        let (hold, _) = self.leases.register(lease);
        self.held.insert(key.clone());
        self.holds.insert(key, hold);
    }

    /// Jobs begin and end, unless the loop is stuck.
    fn turn(&mut self, now: Instant, rng: &mut fastrand::Rng) {
        if self.stuck_until.is_some_and(|until| until > now) {
            return;
        }
        let key = format!("key-{}-{}", self.facts.id, rng.u32(..50));
        match self.holds.remove(&key) {
            Some(hold) => drop(self.leases.release(now, hold)),
            None => self.take(now, key),
        }
    }
}
