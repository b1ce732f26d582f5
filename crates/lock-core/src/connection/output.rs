//! The bytes on their way out.

/// Bytes to send, of which some have gone out.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// How many of them have gone out.
    gone: usize,
}

impl Output {
    /// The end of what is to be sent, for one command more.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What has not gone out yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.gone..).unwrap_or_default()
    }

    /// So many bytes of [`Self::rest`] have gone out.
    pub(super) fn sent(&mut self, count: usize) {
        self.gone = self.gone.saturating_add(count).min(self.bytes.len());
        // Not each time: a long output leaves in very many pieces.
        if self.gone >= self.bytes.len() / 2 {
            self.bytes.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// There is no connection to send it on.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.gone = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn what_has_gone_out_in_pieces_is_not_sent_again() {
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
