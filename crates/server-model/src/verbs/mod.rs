//! The verbs. Each does the same as its script in `lock-core/src/scripts/*.lua`, whose header names keys, arguments and replies.

mod acquire;
mod park;
mod release;
mod take;
mod upkeep;

use crate::call::Call;
use crate::reply::{Outcome, Reply};

/// The verbs, from one line each: its variant, its name in the protocol, and the function that models it.
macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident $name:literal $model:path,)*) => {
        /// A script of the package.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Verb {
            $($(#[$doc])* $verb,)*
        }

        impl Verb {
            /// Every verb.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$verb),*];

            /// The verb, as `docs/PROTOCOL.md` names it. Its script's file has the same name, with `_` for a space.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$verb => $name,)*
                }
            }
        }

        pub(crate) fn run(verb: Verb, call: &mut Call<'_>) -> Outcome<Reply> {
            match verb {
                $(Verb::$verb => $model(call),)*
            }
        }
    };
}

verbs! {
    /// Takes free keys that nobody waits for, each for a call of its own.
    Take "take" take::take,
    /// Takes lock keys, or waits in the queue of the first key that another owner holds.
    Park "park" park::park,
    /// Takes over a grant.
    Claim "claim" take::claim,
    /// Gives a lock of `execute` to the next waiter.
    HandOver "hand over" release::hand_over,
    /// Gives back locks of several calls of `execute`.
    GiveBack "give back" release::give_back,
    /// Leaves a queue, or passes on a grant.
    Leave "leave" release::leave,
    /// Takes lock keys, all or none, without a queue.
    Acquire "acquire" acquire::acquire,
    /// Gives lock keys back by owner.
    Release "release" release::release,
    /// Gives lock keys back by attempt.
    RollBack "roll back" release::roll_back,
    /// Sets the remaining time of lock keys that are still their holder's.
    Renew "renew" upkeep::renew,
    /// Takes a batch of lock keys away from one owner or from all owners.
    Revoke "revoke" upkeep::revoke,
    /// Finds out whether side keys may be used.
    Probe "probe" upkeep::probe,
}
