//! The Lua scripts, one file per verb. Each file's header names its KEYS, ARGV and replies.

use std::sync::LazyLock;

struct Source {
    body: String,
    sha: String,
}

/// The scripts, from one line per verb: its variant, its file, and its name in the protocol.
macro_rules! scripts {
    ($($(#[$doc:meta])* $script:ident $file:literal $name:literal,)*) => {
        /// A script of this package.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Script {
            $($(#[$doc])* $script,)*
        }

        impl Script {
            /// Every script.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$script),*];

            /// The verb, as `docs/PROTOCOL.md` names it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$script => $name,)*
                }
            }
        }

        const BODIES: [&str; Script::ALL.len()] = [$(include_str!(concat!("scripts/", $file, ".lua"))),*];
    };
}

scripts! {
    /// Takes free keys that nobody waits for, each for a call of its own.
    Take "take" "take",
    /// Takes lock keys, or waits in the queue of the first key that another owner holds.
    Park "park" "park",
    /// Takes over a grant.
    Claim "claim" "claim",
    /// Gives a lock of `execute` to the next waiter.
    HandOver "hand_over" "hand over",
    /// Gives back locks of several calls of `execute`.
    GiveBack "give_back" "give back",
    /// Leaves a queue, or passes on a grant.
    Leave "leave" "leave",
    /// Takes lock keys, all or none, without a queue.
    Acquire "acquire" "acquire",
    /// Gives lock keys back by owner.
    Release "release" "release",
    /// Gives lock keys back by attempt.
    RollBack "roll_back" "roll back",
    /// Sets the remaining time of lock keys that are still their holder's.
    Renew "renew" "renew",
    /// Takes a batch of lock keys away from one owner or from all owners.
    Revoke "revoke" "revoke",
    /// Finds out whether side keys may be used.
    Probe "probe" "probe",
}

/// The parts that several scripts share. A line `--@ name` stands for the part.
const PARTS: [(&str, &str); 6] = [
    ("--@ token\n", include_str!("scripts/parts/token.lua")),
    ("--@ moved\n", include_str!("scripts/parts/moved.lua")),
    ("--@ record\n", include_str!("scripts/parts/record.lua")),
    ("--@ grant_next\n", include_str!("scripts/parts/grant_next.lua")),
    ("--@ roll_back_one\n", include_str!("scripts/parts/roll_back_one.lua")),
    ("--@ turn\n", include_str!("scripts/parts/turn.lua")),
];

static SOURCES: LazyLock<[Source; Script::ALL.len()]> = LazyLock::new(|| {
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

    /// The script of a part of a command: its text, or its SHA-1 in hexadecimal.
    #[must_use]
    pub fn of(part: &[u8]) -> Option<Self> {
        let is_it = |script: &Self| part == script.sha().as_bytes() || part == script.body().as_bytes();
        Self::ALL.into_iter().find(is_it)
    }

    fn source(self) -> Option<&'static Source> {
        SOURCES.get(self as usize)
    }
}
