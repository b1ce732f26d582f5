//! The Lua scripts, one file a verb; each file's header names its KEYS, ARGV and replies.

use std::sync::LazyLock;

/// A script of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Take lock keys, all or none.
    Acquire,
    /// Give lock keys back by owner.
    Release,
    /// Give lock keys back by attempt.
    Undo,
    /// Set the remaining time of lock keys that are still their owner's.
    Renew,
    /// Delete a batch of lock keys of one owner or of all.
    Free,
    /// Find out whether side keys may be used.
    Probe,
}

struct Source {
    body: &'static str,
    sha: String,
}

const BODIES: [&str; 6] = [
    include_str!("scripts/acquire.lua"),
    include_str!("scripts/release.lua"),
    include_str!("scripts/undo.lua"),
    include_str!("scripts/renew.lua"),
    include_str!("scripts/free.lua"),
    include_str!("scripts/probe.lua"),
];

static SOURCES: LazyLock<[Source; 6]> = LazyLock::new(|| {
    BODIES.map(|body| Source { body, sha: sha1_smol::Sha1::from(body).digest().to_string() })
});

impl Script {
    /// The Lua text, for EVAL.
    #[must_use]
    pub fn body(self) -> &'static str {
        self.source().map_or("", |source| source.body)
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
