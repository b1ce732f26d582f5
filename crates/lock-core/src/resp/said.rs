//! The text of an error reply.

use crate::secrets::Secrets;
use std::fmt;
use std::ops::Deref;

/// Most bytes that decisions look at. The longest text that they need is a redirection's address.
const MOST_LOOKED_AT: usize = 1_024;

/// The text of an error reply, in two forms. The bytes are for decisions (it dereferences to them). The text for people (`Display`,
/// `Debug`) is short and has no secrets. So a log line or an error cannot show the server's bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Said(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    bytes: Vec<u8>,
    shown: String,
}

impl Said {
    pub(super) fn new(bytes: &[u8], secrets: &Secrets) -> Self {
        let looked_at = bytes.get(..bytes.len().min(MOST_LOOKED_AT)).unwrap_or_default();
        Self(Box::new(Inner { bytes: looked_at.to_vec(), shown: secrets.shown(bytes) }))
    }

    /// For people.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.0.shown
    }

    /// For decisions only.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.bytes).into_owned()
    }
}

/// For a text that cannot repeat a secret.
impl From<&[u8]> for Said {
    fn from(bytes: &[u8]) -> Self {
        Self::new(bytes, &Secrets::default())
    }
}

impl Deref for Said {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.shown)
    }
}

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.shown)
    }
}
