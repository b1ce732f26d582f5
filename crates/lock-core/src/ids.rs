//! Names that occur once: owners of `execute`, attempts, requests. They come from a seed that the caller supplies.

use std::fmt;
use std::sync::Arc;

const EXECUTE: &[u8; 8] = b"execute:";
const OWNER_LEN: usize = 44;

/// The name of a lock's holder in Redis.
#[derive(Clone, PartialEq, Eq)]
pub enum Owner {
    /// `execute:<uuid>`, unique to one call. The UUID is of version 8, and the official package's are of version 4. So a script can tell a
    /// holder that will hand over from one that will only delete.
    Execute([u8; OWNER_LEN]),
    /// The name that a caller of `acquire` gave, or `*`. It can repeat.
    Named(Arc<[u8]>),
}

impl Owner {
    /// The owner's bytes in Redis.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Execute(bytes) => bytes,
            Self::Named(bytes) => bytes,
        }
    }

    /// Whether this owner names one call only, so that the name identifies the hold.
    #[must_use]
    pub const fn is_unique(&self) -> bool {
        matches!(self, Self::Execute(_))
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// Marks one attempt at an acquire or one release, across resends; also names a connection in the queues.
pub type AttemptId = [u8; 32];

/// Source of unique names and of jitter. The seed comes from a strong random source once. After that a name costs no system call.
#[derive(Debug)]
pub struct IdSource {
    high: u64,
    low: u64,
    counter: u64,
    jitter: u64,
}

impl IdSource {
    /// A source whose names repeat only if the seed repeats.
    #[must_use]
    pub fn new(seed: [u8; 24]) -> Self {
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.iter_mut().zip(seed.iter().skip(at)).for_each(|(to, from)| *to = *from);
            u64::from_le_bytes(bytes)
        };
        Self { high: word(0), low: word(8), counter: 0, jitter: word(16) | 1 }
    }

    /// A source of other names with the same mark, for one of several connections. `number` is between 1 and 2^22 - 1, and is used once.
    pub(crate) fn child(&self, number: u32) -> Self {
        let low = (self.low & !0xff_ffff_ffff) ^ (u64::from(number) << 40);
        Self { high: self.high, low, counter: 0, jitter: (self.jitter ^ (u64::from(number) << 20)) | 1 }
    }

    /// 122 bits: 82 random bits of this source, and 40 bits of a counter (enough for a trillion names).
    fn next_pair(&mut self) -> (u64, u64) {
        self.counter = self.counter.wrapping_add(1);
        (self.high, (self.low & !0xff_ffff_ffff) | (self.counter & 0xff_ffff_ffff))
    }

    /// The owner of one `execute` call.
    pub fn execute_owner(&mut self) -> Owner {
        let (high, low) = self.next_pair();
        let high = (high & !0xf000) | 0x8000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        let mut out = [b'-'; OWNER_LEN];
        let (prefix, uuid) = out.split_at_mut(EXECUTE.len());
        prefix.copy_from_slice(EXECUTE);
        let digits = hex(high).into_iter().chain(hex(low));
        let places = uuid.iter_mut().enumerate().filter(|(at, _)| !matches!(at, 8 | 13 | 18 | 23));
        places.zip(digits).for_each(|((_, place), digit)| *place = digit);
        Owner::Execute(out)
    }

    /// A name for one attempt or request.
    pub fn attempt(&mut self) -> AttemptId {
        let (high, low) = self.next_pair();
        let mut out = [b'0'; 32];
        out.iter_mut().zip(hex(high).into_iter().chain(hex(low))).for_each(|(place, digit)| *place = digit);
        out
    }

    /// The first 12 hexadecimal digits of every `execute` owner and every attempt of this source. A script that takes a lock away finds the
    /// holder by them.
    #[must_use]
    pub fn mark(&self) -> [u8; 12] {
        let mut out = [b'0'; 12];
        out.iter_mut().zip(hex(self.high)).for_each(|(place, digit)| *place = digit);
        out
    }

    /// 64 random bits for jitter (xorshift; not for names).
    pub(crate) fn jitter(&mut self) -> u64 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 7;
        self.jitter ^= self.jitter << 17;
        self.jitter
    }
}

fn hex(value: u64) -> [u8; 16] {
    let mut out = [b'0'; 16];
    out.iter_mut().enumerate().for_each(|(at, place)| {
        let nibble = (value >> (60 - 4 * at)) & 0xf;
        // A nibble is below 16, so the conversion cannot fail.
        let nibble = u8::try_from(nibble).unwrap_or(0);
        *place = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    });
    out
}
