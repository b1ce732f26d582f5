//! The verbs. Each does the same as its script in `lock-core/src/scripts/*.lua`, whose header names keys, arguments and replies.

mod acquire;
mod park;
mod release;
mod take;
mod upkeep;

use crate::call::Call;
use crate::reply::{Outcome, Reply};

/// A script of the package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Takes free keys that nobody waits for, each for a call of its own.
    Take,
    /// Takes lock keys, or waits in the queue of the first key that another owner holds.
    Park,
    /// Takes over a grant.
    Claim,
    /// Gives a lock of `execute` to the next waiter.
    HandOver,
    /// Gives back locks of several calls of `execute`.
    GiveBack,
    /// Leaves a queue, or passes on a grant.
    Leave,
    /// Takes lock keys, all or none, without a queue.
    Acquire,
    /// Gives lock keys back by owner.
    Release,
    /// Gives lock keys back by attempt.
    RollBack,
    /// Sets the remaining time of lock keys that are still their holder's.
    Renew,
    /// Takes a batch of lock keys away from one owner or from all owners.
    Revoke,
    /// Finds out whether side keys may be used.
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
