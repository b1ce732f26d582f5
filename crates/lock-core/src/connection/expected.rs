//! The expected replies, in the order in which their commands went out.

use crate::call_id::CallId;
use std::collections::VecDeque;

/// The receiver of a reply.
#[derive(Debug)]
pub(crate) enum Expected {
    /// One call.
    Call(CallId),
    /// Several calls of `execute` that take locks, in the order of the command's locks.
    Takes(Box<[CallId]>),
    /// Several calls of `execute` that give locks back, in the order of the command's locks.
    Gives(Box<[CallId]>),
    /// Several calls that one command parks, in the order in which they came.
    Parks(Box<[CallId]>),
    /// The question whether callers of the official package were ever here.
    OfficialUse,
    /// The question for the list of connections.
    Connections,
    /// The question how long a key is still marked as polled.
    PolledMark,
    /// A WAIT, for everything that was taken before its answer.
    Wait,
    /// Nobody, because the answer does not matter.
    Nobody,
    /// The second request for something that was refused.
    Probe,
    /// The subscription to a slot's channel. Only a failure is answered by a reply.
    SlotChannel(u16),
}

impl Expected {
    /// The calls that the reply is for.
    pub(crate) fn calls(&self) -> &[CallId] {
        match self {
            Self::Call(call) => std::slice::from_ref(call),
            Self::Takes(calls) | Self::Gives(calls) | Self::Parks(calls) => calls,
            _ => &[],
        }
    }
}

/// The unanswered commands, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Replies {
    expected: VecDeque<Expected>,
    /// How many commands there are up to the last one with a script's text.
    until_text: usize,
}

impl Replies {
    /// A command went out. `whole`: with a script's text.
    pub(super) fn expect(&mut self, expected: Expected, whole: bool) {
        self.expected.push_back(expected);
        if whole {
            self.until_text = self.expected.len();
        }
    }

    /// A reply has come. Takes its receiver.
    pub(super) fn next(&mut self) -> Option<Expected> {
        self.take(0)
    }

    /// A subscription to a slot's channel succeeded. The server tells it by a push in place of a reply. Returns the slot.
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

    /// The receiver of the next reply.
    pub(super) fn front(&self) -> Option<&Expected> {
        self.expected.front()
    }

    pub(super) fn len(&self) -> usize {
        self.expected.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }

    /// Whether a command with a script's text is under way. Commands that are sent now are behind it.
    pub(super) fn has_text(&self) -> bool {
        self.until_text > 0
    }

    /// The calls that wait for replies.
    pub(super) fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        self.expected.iter().flat_map(Expected::calls).copied()
    }

    /// There will be no more replies. Takes their receivers.
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
