//! Names of keys in Redis: the lock key, its slot, and the side keys, which must be in the same slot.

use std::sync::{Arc, LazyLock};

/// The beginning of every side key. A lock key may not begin this way.
pub const SIDE_KEY_MARK: &[u8] = b"mlr!{";

/// Number of hash slots in a Redis Cluster.
const SLOTS: u16 = 16_384;

/// A lock key in Redis, prefix included, and its hash slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LockKey {
    /// The first field, so that the derived order is by slot and then by bytes. All clients take several keys in this order.
    slot: u16,
    name: Box<[u8]>,
}

impl LockKey {
    /// The key of this full name.
    #[must_use]
    pub fn new(name: Vec<u8>) -> Self {
        Self { slot: slot_of(&name), name: name.into_boxed_slice() }
    }

    /// The full name in Redis.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The hash slot.
    #[must_use]
    pub const fn slot(&self) -> u16 {
        self.slot
    }

    /// `mlr!{tag}f`: the fencing counter of the key's slot.
    pub(crate) fn counter(&self, out: &mut Vec<u8>) {
        self.side(out, b"f", b"");
    }

    /// `mlr!{tag}h:<lock key>`: the hold record.
    pub(crate) fn record(&self, out: &mut Vec<u8>) {
        self.side(out, b"h:", &self.name);
    }

    /// The name of the hold record.
    #[must_use]
    pub fn record_name(&self) -> Vec<u8> {
        let mut name = Vec::new();
        self.record(&mut name);
        name
    }

    /// The name of the queue.
    #[must_use]
    pub fn queue_name(&self) -> Vec<u8> {
        let mut name = Vec::new();
        self.queue(&mut name);
        name
    }

    /// `mlr!{tag}w:<lock key>`: the queue.
    pub(crate) fn queue(&self, out: &mut Vec<u8>) {
        self.side(out, b"w:", &self.name);
    }

    /// `mlr!{tag}p:<lock key>`: the polled mark.
    pub(crate) fn polled(&self, out: &mut Vec<u8>) {
        self.side(out, b"p:", &self.name);
    }

    /// `mlr!{tag}r:<request id>`: a remembered release.
    pub(crate) fn remembered(&self, request: &[u8], out: &mut Vec<u8>) {
        self.side(out, b"r:", request);
    }

    fn side(&self, out: &mut Vec<u8>, kind: &[u8], rest: &[u8]) {
        out.extend_from_slice(SIDE_KEY_MARK);
        out.extend_from_slice(tag_of(self.slot).as_bytes());
        out.push(b'}');
        out.extend_from_slice(kind);
        out.extend_from_slice(rest);
    }
}

/// The text before a caller's key: `keyPrefix` and `namespace`.
#[derive(Clone, Debug)]
pub struct Namespace {
    prefix: Arc<[u8]>,
}

impl Namespace {
    /// A namespace of this prefix, possibly empty.
    #[must_use]
    pub fn new(prefix: &[u8]) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The lock key for a caller's key. `None`: it would begin like a side key.
    #[must_use]
    pub fn key(&self, named: &str) -> Option<LockKey> {
        let mut name = Vec::with_capacity(self.prefix.len() + named.len());
        name.extend_from_slice(&self.prefix);
        name.extend_from_slice(named.as_bytes());
        (!name.starts_with(SIDE_KEY_MARK)).then(|| LockKey::new(name))
    }

    /// The key as the caller named it.
    #[must_use]
    pub fn caller_name(&self, key: &LockKey) -> String {
        let name = key.name().get(self.prefix.len()..).unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }

    /// Whether every key of the database would be in this namespace.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.prefix.is_empty()
    }

    /// SCAN's pattern for this namespace. Glob characters of the prefix are escaped.
    #[must_use]
    pub fn pattern(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.prefix.len() + 1);
        for &byte in self.prefix.iter() {
            if matches!(byte, b'*' | b'?' | b'[' | b']' | b'^' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'*');
        out
    }
}

/// The hash slot of a key: CRC16 of the text between the first `{` and the next `}`, or of the whole key if that text is empty or missing.
/// Source: Redis Cluster specification, "Hash tags".
#[must_use]
pub fn slot_of(key: &[u8]) -> u16 {
    let tagged = memchr::memchr(b'{', key).and_then(|open| {
        let after = key.get(open + 1..)?;
        let close = memchr::memchr(b'}', after)?;
        after.get(..close).filter(|tag| !tag.is_empty())
    });
    crc16(tagged.unwrap_or(key)) % SLOTS
}

/// CRC16-CCITT (XMODEM): a table of its 256 byte steps.
const CRC_TABLE: [u16; 256] = {
    let mut table = [0_u16; 256];
    let mut byte = 0_u16;
    while byte < 256 {
        let mut crc = byte << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "byte < 256; evaluated at compile time")]
        {
            table[byte as usize] = crc;
        }
        byte += 1;
    }
    table
};

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        let step = CRC_TABLE.get(usize::from((crc >> 8) as u8 ^ byte)).copied().unwrap_or_default();
        (crc << 8) ^ step
    })
}

/// The tag that puts a side key into `slot`. It is part of the wire format: the first string with that slot, counting strings over `0-9a-z`
/// by length and then in byte order.
#[must_use]
pub fn tag_of(slot: u16) -> &'static str {
    TAGS.get(usize::from(slot)).map_or("", |tag| tag)
}

static TAGS: LazyLock<Vec<Box<str>>> = LazyLock::new(|| {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut tags: Vec<Option<Box<str>>> = vec![None; usize::from(SLOTS)];
    let mut missing = tags.len();
    for length in 1_u32.. {
        for number in 0..36_u32.pow(length) {
            let mut rest = number;
            let mut tag = vec![b'0'; length as usize];
            for place in tag.iter_mut().rev() {
                *place = DIGITS.get((rest % 36) as usize).copied().unwrap_or(b'0');
                rest /= 36;
            }
            let slot = usize::from(crc16(&tag) % SLOTS);
            if let Some(entry @ None) = tags.get_mut(slot) {
                *entry = String::from_utf8(tag).ok().map(String::into_boxed_str);
                missing -= 1;
            }
            if missing == 0 {
                return tags.into_iter().flatten().collect();
            }
        }
    }
    Vec::new()
});
