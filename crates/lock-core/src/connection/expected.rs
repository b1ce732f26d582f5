//! The replies to come: for whom each is, in the order in which the commands went out.

use crate::call_id::CallId;
use std::collections::VecDeque;

/// For whom a reply is.
#[derive(Debug)]
pub(crate) enum Expected {
    /// Of one call.
    Call(CallId),
    /// Of several calls of `execute`, in the order of its locks: they take.
    Takes(Box<[CallId]>),
    /// The same: they give back.
    Gives(Box<[CallId]>),
    /// A park of several calls, in the order in which they came.
    Parks(Box<[CallId]>),
    /// The question whether callers of the official package were ever here.
    OfficialUse,
    /// The question which connections there are.
    Connections,
    /// The question for how long a key is marked as polled.
    PolledMark,
    /// A WAIT, for everything that was taken before its answer.
    Wait,
    /// Of nobody: how it was answered does not matter.
    Nobody,
    /// What was refused is asked for again.
    Probe,
    /// The subscription to a slot's channel, which is answered only when it fails.
    SlotChannel(u16),
}

impl Expected {
    /// The calls that it is an answer for.
    pub(crate) fn calls(&self) -> &[CallId] {
        match self {
            Self::Call(call) => std::slice::from_ref(call),
            Self::Takes(calls) | Self::Gives(calls) | Self::Parks(calls) => calls,
            _ => &[],
        }
    }
}

/// What was sent and not answered yet, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Replies {
    expected: VecDeque<Expected>,
    /// How many there are up to the last one to a command with a script's text.
    until_text: usize,
}

impl Replies {
    /// A command went out; `whole`: with a script's text.
    pub(super) fn expect(&mut self, expected: Expected, whole: bool) {
        self.expected.push_back(expected);
        if whole {
            self.until_text = self.expected.len();
        }
    }

    /// For whom the next reply is, which has come.
    pub(super) fn next(&mut self) -> Option<Expected> {
        self.take(0)
    }

    /// A subscription to a slot's channel succeeded, which is told in its turn by a push, in place of a reply.
    /// Gives the slot.
    pub(super) fn slot_channel_opened(&mut self) -> Option<u16> {
        let of_channel = |sent: &Expected| matches!(sent, Expected::SlotChannel(_));
        let at = self.expected.iter().position(of_channel)?;
        match self.take(at) {
            Some(Expected::SlotChannel(slot)) => Some(slot),
            _ => None,
        }
    }

    fn take(&mut self, at: usize) -> Option<Expected> {
        self.until_text -= usize::from(at < self.until_text);
        self.expected.remove(at)
    }

    /// For whom the next reply will be.
    pub(super) fn front(&self) -> Option<&Expected> {
        self.expected.front()
    }

    pub(super) fn len(&self) -> usize {
        self.expected.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }

    /// Whether a command with a script's text is under way. What is sent now is behind it.
    pub(super) fn has_text(&self) -> bool {
        self.until_text > 0
    }

    /// The calls that replies are expected for.
    pub(super) fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        self.expected.iter().flat_map(Expected::calls).copied()
    }

    /// There will be no replies: what they would have been for.
    pub(super) fn lose(&mut self) -> Vec<Expected> {
        self.until_text = 0;
        std::mem::take(&mut self.expected).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Expected, Replies};

    #[test]
    fn a_text_is_under_way_until_its_own_reply_has_come() {
        let mut replies = Replies::default();
        replies.expect(Expected::Nobody, false);
        replies.expect(Expected::SlotChannel(7), false);
        replies.expect(Expected::Wait, true);
        replies.expect(Expected::Nobody, false);
        assert_eq!(replies.slot_channel_opened(), Some(7));
        assert!(replies.next().is_some() && replies.has_text());
        assert!(matches!(replies.next(), Some(Expected::Wait)));
        assert!(!replies.has_text());
        assert_eq!(replies.len(), 1);
        replies.expect(Expected::Probe, true);
        assert_eq!(replies.lose().len(), 2);
        assert!(replies.is_empty() && !replies.has_text());
    }
}
