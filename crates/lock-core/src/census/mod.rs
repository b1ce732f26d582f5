//! Question and answer between processes: who holds which lock, and who waits. See PROTOCOL.md, "Census".
//!
//! Redis knows keys, owners and queues. Only the processes know their hosts, jobs and waiters, so they are asked. Nothing of this is stored, and
//! nothing is sent while nobody asks.
//!
//! Two machines: [`Respondent`] in every process answers, [`Collector`] on the side that asks gathers the answers. Both are told the time, and
//! messages go in and out as bytes.

mod collector;
mod facts;
mod message;
mod reading;
mod respondent;

pub use collector::{Census, Collector, ProcessAnswer};
pub(crate) use facts::summed_up;
pub use facts::{LockFacts, ProcessFacts, WaitFacts};
pub use message::{CHANNEL, Freed, Question, freed_message, question_message, reply_channel};
pub use reading::{KeyFacts, Queued, read, reading, revoking};
pub use respondent::{Follows, Message, Ready, Respondent};
