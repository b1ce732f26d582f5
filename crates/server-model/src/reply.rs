//! The replies of commands.

/// A reply, as RESP2 has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// An integer.
    Int(i64),
    /// A bulk or simple string.
    Text(Vec<u8>),
    /// An array.
    Array(Vec<Reply>),
    /// Nothing.
    Nil,
    /// An error; its text is near to the server's, which differs between versions.
    Error(String),
}

impl Reply {
    /// An array of integers, which is the answer of all scripts.
    #[must_use]
    pub fn ints(numbers: &[i64]) -> Self {
        Self::Array(numbers.iter().copied().map(Self::Int).collect())
    }
}

/// Why a script was aborted. As in Redis, its earlier writes stay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault(pub(crate) &'static str);

pub(crate) const WRONG_TYPE: Fault =
    Fault("WRONGTYPE Operation against a key holding the wrong kind of value");
pub(crate) const NOT_AN_INTEGER: Fault = Fault("ERR value is not an integer or out of range");
pub(crate) const NOT_A_FLOAT: Fault = Fault("ERR value is not a valid float");
pub(crate) const BAD_EXPIRY: Fault = Fault("ERR invalid expire time in 'set' command");
pub(crate) const MISSING_ARGUMENT: Fault =
    Fault("ERR Lua redis lib command arguments must be strings or integers");
pub(crate) const LUA: Fault = Fault("ERR user_script: bad argument");

pub(crate) type Outcome<T> = Result<T, Fault>;
