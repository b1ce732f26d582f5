//! A call of a named owner for keys of several slots, some of which the owner holds already.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{WaitPolicy, Wanted};
use support::cluster::{Nodes, held, key, rules, with};

#[test]
fn parts_that_joined_what_their_owner_had_are_confirmed_when_all_are_held() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.acquire(&[key(1), key(9000)], Wanted::Named((*b"me").into()), WaitPolicy::None);
    nodes.sent("a");
    nodes.reply("a", b"*3\r\n:1\r\n:7\r\n:-1\r\n");
    assert!(nodes.sent("a").is_empty(), "it may still be rolled back");
    nodes.sent("b");
    nodes.reply("b", &held(3));
    let attempt = String::from_utf8(nodes.hold().attempt.to_vec()).unwrap();
    let sent = nodes.sent("a");
    assert_eq!((support::verb(&sent[0]), sent.len()), ("renew", 1));
    assert!(sent[0].contains(&format!("={attempt}")) && sent[0].contains(&"7".to_owned()), "{sent:?}");
    assert!(nodes.sent("b").is_empty(), "nothing was joined there");
}
