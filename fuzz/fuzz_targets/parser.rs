//! Any bytes, in any pieces: the parser neither panics nor depends on where the pieces end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lock_core::resp::{Parser, Value};

/// All values up to the end or the first error, and whether there was one.
fn parse(pieces: &[&[u8]]) -> (Vec<Value>, bool) {
    let mut parser = Parser::default();
    let mut values = Vec::new();
    for piece in pieces {
        parser.feed(piece);
        loop {
            match parser.next_reply() {
                Ok(Some(value)) => values.push(value),
                Ok(None) => break,
                Err(_) => return (values, true),
            }
        }
    }
    (values, false)
}

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let cut = usize::from(cut) % (bytes.len() + 1);
    let (first, second) = bytes.split_at(cut);
    assert_eq!(parse(&[bytes]), parse(&[first, second]));
});
