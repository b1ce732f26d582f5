//! Replies from bytes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lock_core::resp::{Parser, Value};

fn parse_all(bytes: &[u8]) -> Vec<Value> {
    let mut parser = Parser::default();
    parser.feed(bytes);
    let mut values = Vec::new();
    while let Some(value) = parser.next_reply().unwrap() {
        values.push(value);
    }
    values
}

fn is_malformed(bytes: &[u8]) -> bool {
    let mut parser = Parser::default();
    parser.feed(bytes);
    loop {
        match parser.next_reply() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.as_bytes().to_vec())
}

const EVERYTHING: &[u8] = b"+OK\r\n-ERR no\r\n:-12\r\n$5\r\nhe\r\no\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n\
*3\r\n:1\r\n*2\r\n+a\r\n$-1\r\n$1\r\nb\r\n_\r\n#t\r\n#f\r\n,1.5\r\n(123\r\n!5\r\nERR x\r\n=7\r\ntxt:abc\r\n\
~1\r\n:1\r\n%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n>3\r\n+message\r\n+c\r\n+body\r\n";

fn everything() -> Vec<Value> {
    vec![
        text("OK"),
        Value::Error(b"ERR no".as_slice().into()),
        Value::Int(-12),
        text("he\r\no"),
        text(""),
        Value::Nil,
        Value::Nil,
        Value::Array(vec![]),
        Value::Array(vec![Value::Int(1), Value::Array(vec![text("a"), Value::Nil]), text("b")]),
        Value::Nil,
        Value::Int(1),
        Value::Int(0),
        text("1.5"),
        text("123"),
        Value::Error(b"ERR x".as_slice().into()),
        text("abc"),
        Value::Array(vec![Value::Int(1)]),
        Value::Array(vec![text("a"), Value::Int(1), text("b"), Value::Int(2)]),
        Value::Push(vec![text("message"), text("c"), text("body")]),
    ]
}

#[test]
fn every_type_of_both_protocol_versions_is_understood() {
    assert_eq!(parse_all(EVERYTHING), everything());
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    for cut in 0..=EVERYTHING.len() {
        let (first, second) = EVERYTHING.split_at(cut);
        let mut parser = Parser::default();
        let mut values = Vec::new();
        for part in [first, second] {
            parser.feed(part);
            while let Some(value) = parser.next_reply().unwrap() {
                values.push(value);
            }
        }
        assert_eq!(values, everything(), "cut at byte {cut}");
    }
}

#[test]
fn bytes_that_come_one_by_one_change_nothing() {
    let mut parser = Parser::default();
    let mut values = Vec::new();
    for byte in EVERYTHING {
        parser.feed(&[*byte]);
        while let Some(value) = parser.next_reply().unwrap() {
            values.push(value);
        }
    }
    assert_eq!(values, everything());
}

#[test]
fn bytes_that_are_not_resp_are_malformed() {
    for bytes in [
        &b"?\r\n"[..],
        b"HTTP/1.1 400 Bad Request\r\n",
        b":abc\r\n",
        b":+1\r\n",
        b":\r\n",
        b"+no carriage return\n",
        b"$abc\r\n",
        b"$-2\r\n",
        b"*-2\r\n",
        b"$2\r\nabcd\r\n",
        b"*1\r\n?\r\n",
    ] {
        assert!(is_malformed(bytes), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn lengths_beyond_the_limits_are_malformed_before_anything_is_kept() {
    for bytes in [
        &b"$16777217\r\n"[..],
        b"$9000000000000\r\n",
        b"!65537\r\n",
        b"*524289\r\n",
        b"%262145\r\n",
        b"*3\r\n*200000\r\n*200000\r\n*200000\r\n",
        b"$99999999999999999999\r\n",
    ] {
        assert!(is_malformed(bytes), "{}", String::from_utf8_lossy(bytes));
    }
    let mut line = vec![b'+'];
    line.resize(70_000, b'x');
    assert!(is_malformed(&line));
    let many = [b"*500000\r\n".to_vec(), b"*400000\r\n".to_vec(), b"$-1\r\n".repeat(99_999)].concat();
    assert!(is_malformed(&many));
    let strings = [
        b"*20\r\n".to_vec(),
        [b"$1000000\r\n".to_vec(), vec![b'x'; 1_000_000], b"\r\n".to_vec()].concat().repeat(18),
    ];
    assert!(is_malformed(&strings.concat()));
    let deep = b"*1\r\n".repeat(40);
    assert!(is_malformed(&[deep, b":1\r\n".to_vec()].concat()));
}

#[test]
fn an_incomplete_reply_is_waited_for() {
    for bytes in [
        &b""[..],
        b"$",
        b"$5",
        b"$5\r",
        b"$5\r\n",
        b"$5\r\nhell",
        b"$5\r\nhello",
        b"$5\r\nhello\r",
        b"*2\r\n:1\r\n",
    ] {
        let mut parser = Parser::default();
        parser.feed(bytes);
        assert_eq!(parser.next_reply(), Ok(None), "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_reset_forgets_what_an_earlier_connection_left() {
    let mut parser = Parser::default();
    parser.feed(b"*3\r\n:1\r\n$10\r\nhal");
    assert_eq!(parser.next_reply(), Ok(None));
    parser.reset();
    parser.feed(b":7\r\n");
    assert_eq!(parser.next_reply(), Ok(Some(Value::Int(7))));
}

#[test]
fn room_for_a_long_reply_is_given_back_after_it() {
    let mut parser = Parser::default();
    let long = [b"$15000000\r\n".to_vec(), vec![b'x'; 15_000_000], b"\r\n".to_vec()].concat();
    for piece in long.chunks(65_536) {
        assert_eq!(parser.next_reply(), Ok(None));
        parser.feed(piece);
    }
    assert!(parser.room() < 18 << 20, "{}", parser.room());
    assert!(matches!(parser.next_reply(), Ok(Some(Value::Text(text))) if text.len() == 15_000_000));
    assert!(parser.room() <= 1 << 20, "{}", parser.room());
}
