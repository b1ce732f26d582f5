//! The bytes that wait to be sent.

/// Bytes to send. Some of them may be sent already.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// How many of them are sent.
    gone: usize,
}

impl Output {
    /// The buffer's end, for one more command.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The bytes that are not sent yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// The lane sent this many bytes of [`Self::rest`].
    pub(super) fn sent(&mut self, count: usize) {
        self.gone = self.gone.saturating_add(count).min(self.bytes.len());
        // A long output leaves in very many pieces, so the buffer is not moved each time.
        if self.gone >= self.bytes.len() / 2 {
            self.bytes.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// There is no connection on which they could be sent.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.gone = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn bytes_that_went_out_in_pieces_are_not_sent_again() {
        let mut output = Output::default();
        output.end().extend_from_slice(b"0123456789");
        for (count, rest) in [(0, "0123456789"), (2, "23456789"), (4, "6789"), (1, "789"), (3, "")] {
            output.sent(count);
            assert_eq!(output.rest(), rest.as_bytes());
        }
        output.end().extend_from_slice(b"more");
        assert_eq!(output.rest(), b"more");
        output.sent(usize::MAX);
        assert!(output.rest().is_empty());
    }
}
