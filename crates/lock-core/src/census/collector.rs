//! The asking side. It gathers the answers to one question.

use super::facts::{LockFacts, ProcessFacts, WaitFacts};
use super::message::part;
use crate::time::Instant;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most processes whose answers are gathered.
const MOST_PROCESSES: usize = 10_000;

/// The answer of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessAnswer {
    /// The process.
    pub process: ProcessFacts,
    /// Its locks.
    pub locks: Vec<LockFacts>,
    /// The waits of its calls. `None`: its event loop did not answer.
    pub waits: Option<Vec<WaitFacts>>,
    /// Every part of the answer has come, and the process left nothing out.
    pub complete: bool,
}

/// All answers to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Census {
    /// How many processes heard the question. `None`: not known, as in a cluster.
    pub reached: Option<u64>,
    /// The answers, by process.
    pub answers: Vec<ProcessAnswer>,
}

#[derive(Debug)]
struct Gathered {
    answer: ProcessAnswer,
    parts: usize,
    seen: BTreeSet<usize>,
}

/// See the module.
#[derive(Debug)]
pub struct Collector {
    until: Instant,
    reached: Option<u64>,
    by_process: BTreeMap<String, Gathered>,
}

impl Collector {
    /// A question that is asked now. The collector waits for answers until `limit` has passed.
    #[must_use]
    pub fn new(now: Instant, limit: Duration) -> Self {
        Self { until: now + limit, reached: None, by_process: BTreeMap::new() }
    }

    /// This many processes heard the question. As soon as all of them have answered, the collector is done.
    pub fn reached(&mut self, count: u64) {
        self.reached = Some(count);
    }

    /// Takes in a message of the reply's channel.
    pub fn take_in(&mut self, message: &[u8]) {
        let Some(part) = part(message) else { return };
        let id = &part.process.id;
        if !self.by_process.contains_key(id) && self.by_process.len() >= MOST_PROCESSES {
            return;
        }
        let gathered = self.by_process.entry(id.clone()).or_insert_with(|| Gathered {
            answer: ProcessAnswer { process: part.process, locks: Vec::new(), waits: None, complete: false },
            parts: part.parts,
            seen: BTreeSet::new(),
        });
        if part.parts != gathered.parts || !gathered.seen.insert(part.part) {
            return;
        }
        gathered.answer.locks.extend(part.locks);
        if let Some(waits) = part.waits {
            gathered.answer.waits.get_or_insert_default().extend(waits);
        }
        gathered.answer.complete = gathered.seen.len() == gathered.parts && !part.cut;
    }

    /// Whether the collector waits for no more answers.
    #[must_use]
    pub fn is_done(&self, now: Instant) -> bool {
        let all = || {
            self.by_process.values().filter(|gathered| gathered.seen.len() == gathered.parts).count() as u64
        };
        now >= self.until || self.reached.is_some_and(|reached| all() >= reached)
    }

    /// When the collector stops waiting.
    #[must_use]
    pub fn until(&self) -> Instant {
        self.until
    }

    /// All answers that have come.
    #[must_use]
    pub fn finish(self) -> Census {
        let answers = self.by_process.into_values().map(|gathered| gathered.answer).collect();
        Census { reached: self.reached, answers }
    }
}
