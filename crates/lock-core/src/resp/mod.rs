//! The Redis serialization protocol, versions 2 and 3: the parts that a lock client needs. Source: the Redis documentation's "Redis
//! serialization protocol specification".

mod encode;
mod parse;
mod said;

pub use encode::{append_command, append_header, append_integer, append_text};
pub use parse::{Malformed, Parser, Value};
pub use said::Said;
