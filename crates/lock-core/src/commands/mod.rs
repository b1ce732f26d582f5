//! The verbs. Each has one file with its encoding and the meaning of its answers. The background thread's `renew` is in `lease/call.rs`.
//! The scripts' own headers name KEYS, ARGV and replies, and `docs/PROTOCOL.md` explains the verbs.

mod answer;
pub(crate) mod claim;
mod encode;
pub(crate) mod give_back;
pub(crate) mod hand_over;
pub(crate) mod leave;
pub(crate) mod park;
pub(crate) mod poll;
pub(crate) mod push;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod revoke;
pub(crate) mod take;
pub(crate) mod wait;

pub(crate) use answer::{Acquired, Answer, Refusal, Returned};
pub(crate) use encode::SendContext;
