//! Commands to bytes.

use lock_core::resp::{Parser, Value, append_command, append_header, append_integer, append_text};

#[test]
fn a_command_is_an_array_of_bulk_strings() {
    let mut out = Vec::new();
    append_command(&mut out, &[b"SET", b"a b", b""]);
    assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$0\r\n\r\n");
}

#[test]
fn numbers_are_written_in_decimal() {
    let mut out = Vec::new();
    append_header(&mut out, 2);
    append_integer(&mut out, 0);
    append_integer(&mut out, u64::MAX);
    assert_eq!(out, b"*2\r\n$1\r\n0\r\n$20\r\n18446744073709551615\r\n");
}

#[test]
fn any_bytes_survive_the_way_there_and_back() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut out = Vec::new();
    append_header(&mut out, 1);
    append_text(&mut out, &bytes);
    let mut parser = Parser::default();
    parser.feed(&out);
    assert_eq!(parser.next_reply(), Ok(Some(Value::Array(vec![Value::Text(bytes)]))));
}
