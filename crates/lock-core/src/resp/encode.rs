//! Encodes commands into one buffer, so that all requests of one tick leave in one write.

/// Appends the head of a command of `parts` parts; the parts follow by [`append_text`] and [`append_integer`].
pub fn append_header(out: &mut Vec<u8>, parts: usize) {
    append_length(out, b'*', parts);
}

/// Appends one part.
pub fn append_text(out: &mut Vec<u8>, part: &[u8]) {
    append_length(out, b'$', part.len());
    out.extend_from_slice(part);
    out.extend_from_slice(b"\r\n");
}

/// Appends one part, a number in decimal.
pub fn append_integer(out: &mut Vec<u8>, part: u64) {
    append_text(out, itoa::Buffer::new().format(part).as_bytes());
}

/// Appends a whole command.
pub fn append_command(out: &mut Vec<u8>, parts: &[&[u8]]) {
    append_header(out, parts.len());
    for part in parts {
        append_text(out, part);
    }
}

fn append_length(out: &mut Vec<u8>, mark: u8, length: usize) {
    out.push(mark);
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}
