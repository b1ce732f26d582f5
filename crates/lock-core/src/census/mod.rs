//! Question and answer between processes: their locks and their waiters. See PROTOCOL.md, "Census".
//!
//! Redis knows keys, owners and queues. Only the processes know their hosts, jobs and waiters, so an operator asks the processes. Nothing
//! of this is stored, and nothing is sent while nobody asks.
//!
//! There are two machines. [`Respondent`] answers in every process. [`Collector`] gathers the answers on the asking side. The lane tells
//! both the time, and passes messages in and out as bytes.

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
