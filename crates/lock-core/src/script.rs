//! The Lua scripts, one file per verb. Each file's header names its KEYS, ARGV and replies.

use std::sync::LazyLock;

/// A script of this package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
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

struct Source {
    body: String,
    sha: String,
}

const COUNT: usize = 12;

const BODIES: [&str; COUNT] = [
    include_str!("scripts/take.lua"),
    include_str!("scripts/park.lua"),
    include_str!("scripts/claim.lua"),
    include_str!("scripts/hand_over.lua"),
    include_str!("scripts/give_back.lua"),
    include_str!("scripts/leave.lua"),
    include_str!("scripts/acquire.lua"),
    include_str!("scripts/release.lua"),
    include_str!("scripts/roll_back.lua"),
    include_str!("scripts/renew.lua"),
    include_str!("scripts/revoke.lua"),
    include_str!("scripts/probe.lua"),
];

/// The parts that several scripts share. A line `--@ name` stands for the part.
const PARTS: [(&str, &str); 6] = [
    ("--@ token\n", include_str!("scripts/parts/token.lua")),
    ("--@ moved\n", include_str!("scripts/parts/moved.lua")),
    ("--@ record\n", include_str!("scripts/parts/record.lua")),
    ("--@ grant_next\n", include_str!("scripts/parts/grant_next.lua")),
    ("--@ roll_back_one\n", include_str!("scripts/parts/roll_back_one.lua")),
    ("--@ turn\n", include_str!("scripts/parts/turn.lua")),
];

static SOURCES: LazyLock<[Source; COUNT]> = LazyLock::new(|| {
    BODIES.map(|body| {
        let body = PARTS.iter().fold(body.to_owned(), |body, (mark, part)| body.replace(mark, part));
        Source { sha: sha1_smol::Sha1::from(&body).digest().to_string(), body }
    })
});

impl Script {
    /// The Lua text, for EVAL.
    #[must_use]
    pub fn body(self) -> &'static str {
        self.source().map_or("", |source| &source.body)
    }

    /// SHA-1 of the text in hexadecimal, for EVALSHA.
    #[must_use]
    pub fn sha(self) -> &'static str {
        self.source().map_or("", |source| &source.sha)
    }

    fn source(self) -> Option<&'static Source> {
        SOURCES.get(self as usize)
    }
}
