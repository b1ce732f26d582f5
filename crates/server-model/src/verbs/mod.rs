//! The verbs, each as its script does it: `lock-core/src/scripts/*.lua`, whose headers name keys, arguments and replies.

mod acquire;
mod park;
mod release;
mod take;
mod upkeep;

use crate::call::Call;
use crate::reply::{Outcome, Reply};

/// A script of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Take free keys that nobody waits for, each for a call of its own.
    Take,
    /// Take lock keys, or wait in the queue of the first that is another's.
    Park,
    /// Take over a grant.
    Claim,
    /// Give lock keys of `execute` to whoever is next.
    HandOver,
    /// Give back locks of several calls of `execute`.
    GiveBack,
    /// Leave a queue, or pass on a grant.
    Leave,
    /// Take lock keys, all or none, without a queue.
    Acquire,
    /// Give lock keys back by owner.
    Release,
    /// Give lock keys back by attempt.
    RollBack,
    /// Set the remaining time of lock keys that are still their holder's.
    Renew,
    /// Take a batch of lock keys away from one owner or from all.
    Revoke,
    /// Find out whether side keys may be used.
    Probe,
}

pub(crate) fn run(verb: Verb, call: &mut Call<'_>) -> Outcome<Reply> {
    match verb {
        Verb::Take => take::take(call),
        Verb::Park => park::park(call),
        Verb::Claim => take::claim(call),
        Verb::HandOver => release::hand_over(call),
        Verb::GiveBack => release::give_back(call),
        Verb::Leave => release::leave(call),
        Verb::Acquire => acquire::acquire(call),
        Verb::Release => release::release(call),
        Verb::RollBack => release::roll_back(call),
        Verb::Renew => upkeep::renew(call),
        Verb::Revoke => upkeep::revoke(call),
        Verb::Probe => upkeep::probe(call),
    }
}
