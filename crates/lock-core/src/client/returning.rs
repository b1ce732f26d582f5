//! What becomes of that which a broken connection left unanswered.

use super::batch::Sent;
use super::{Client, Kind, State};
use crate::time::Instant;

impl Client {
    /// What was sent and not answered may or may not have been executed; it is asked again, in its old order,
    /// after those who waited before it.
    pub(super) fn return_to_backlog(&mut self, now: Instant) {
        let parked = self.dissolve_queues();
        self.detach_claims();
        self.end_runs();
        self.strangers = super::Strangers::default();
        let unanswered = std::mem::take(&mut self.in_flight);
        let taken = self.replication.take_all().into_iter();
        let sent = taken.chain(unanswered.iter().flat_map(Sent::tasks).copied()).map(|index| (index, true));
        let collected = self.batches.take_all().into_iter().map(|index| (index, false));
        for (index, executed) in sent.chain(collected).collect::<Vec<_>>().into_iter().rev() {
            let Some(task) = self.tasks.get_mut(index as usize) else { continue };
            task.unsure |= executed;
            task.state = State::Backlog;
            if executed && self.release_all_cut(index) {
                continue;
            }
            self.enqueue_first(index);
            if !self.config.perseverance.resends {
                self.fail_unanswered(now, index);
            }
        }
        for index in parked.into_iter().rev() {
            self.enqueue_first(index);
        }
        // An acquire that nobody wants any more is not asked again but undone; a claim whose job has ended was
        // named in its release; and the client that was to leave a queue is no more.
        for index in self.waiting() {
            let Some(task) = self.tasks.get(index as usize) else { continue };
            match &task.kind {
                Kind::Acquire(_) if task.caller.is_none() => self.undo(now, index, true),
                Kind::Claim(claim) if claim.superseded => self.forget_claim(index),
                Kind::Leave(_) => {
                    self.forget(index);
                    self.link.standing.leaves -= 1;
                }
                _ => {}
            }
        }
    }
}
