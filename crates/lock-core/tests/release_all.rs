//! Deleting the locks of a namespace.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use lock_core::{ClientConfig, Code, Outcome, ReleaseAllRequest};
use support::{Rig, SECOND, config, verb};

fn release_all(rig: &mut Rig, owner: Option<&str>) {
    let owner = owner.map(|owner| owner.as_bytes().into());
    rig.client.release_all(rig.now, ReleaseAllRequest { caller: 1, owner }).unwrap();
}

#[test]
fn the_namespace_is_scanned_to_its_end_and_freed_in_batches() {
    let mut rig = Rig::ready(config());
    release_all(&mut rig, Some("me"));
    assert_eq!(rig.sent()[0], ["SCAN", "0", "MATCH", "medusa_lock:*", "COUNT", "16"]);
    let names: String = (0..300).map(|at| format!("$16\r\nmedusa_lock:{at:04}\r\n")).collect();
    rig.reply(format!("*2\r\n$2\r\n17\r\n*300\r\n{names}").as_bytes());
    let first = rig.sent().remove(0);
    assert_eq!((verb(&first), first[2].as_str()), ("revoke", "1000"));
    rig.reply(b"*2\r\n:1\r\n:249\r\n");
    assert_eq!(rig.sent()[0][2], "200");
    rig.reply(b"*2\r\n:1\r\n:50\r\n");
    assert_eq!(rig.sent()[0][..2], ["SCAN", "17"]);
    rig.reply(b"*2\r\n$1\r\n0\r\n*0\r\n");
    assert!(matches!(rig.outcome(), Outcome::Freed(299)));
}

#[test]
fn side_keys_are_never_taken_for_locks() {
    let mut rig = Rig::ready(ClientConfig { prefix: vec![], ..config() });
    release_all(&mut rig, Some("me"));
    rig.sent();
    rig.reply(b"*2\r\n$1\r\n0\r\n*2\r\n$8\r\nmlr!{x}f\r\n$1\r\nk\r\n");
    assert_eq!(rig.sent()[0][3], "k");
}

#[test]
fn everything_of_an_empty_prefix_is_refused() {
    let mut rig = Rig::ready(ClientConfig { prefix: vec![], ..config() });
    let refused = rig.client.release_all(rig.now, ReleaseAllRequest { caller: 1, owner: None });
    assert_eq!(refused.unwrap_err().code, Code::InvalidArgument);
}

#[test]
fn an_error_ends_it_with_the_servers_text() {
    let mut rig = Rig::ready(config());
    release_all(&mut rig, None);
    rig.reply(b"-NOPERM this user has no permissions to run the 'scan' command\r\n");
    let error = rig.error();
    assert_eq!(error.code, Code::Refused);
    assert!(error.message.contains("NOPERM"), "{}", error.message);
}

#[test]
fn a_cut_on_the_way_goes_on_where_it_was() {
    let mut rig = Rig::ready(config());
    release_all(&mut rig, None);
    rig.sent();
    rig.reply(b"*2\r\n$1\r\n9\r\n*1\r\n$13\r\nmedusa_lock:k\r\n");
    rig.sent();
    rig.cut();
    rig.shake_hands();
    assert_eq!(verb(&rig.sent()[0]), "revoke");
}

#[test]
fn portions_are_small_where_names_are_long_and_large_where_they_are_short() {
    let mut rig = Rig::ready(config());
    release_all(&mut rig, None);
    let asked = |rig: &mut Rig| rig.sent().remove(0);
    assert_eq!(asked(&mut rig)[5], "16");
    let long = format!("medusa_lock:{}", "x".repeat(500_000));
    let name = format!("${}\r\n{long}\r\n", long.len());
    rig.reply(format!("*2\r\n$2\r\n17\r\n*16\r\n{}", name.repeat(16)).as_bytes());
    for _ in 0..8 {
        let free = asked(&mut rig);
        assert_eq!((verb(&free), free[2].as_str()), ("revoke", "8"), "two locks of four keys each");
        rig.reply(b"*2\r\n:1\r\n:2\r\n");
    }
    assert_eq!(asked(&mut rig)[5], "2");
    rig.reply(b"*2\r\n$2\r\n18\r\n*0\r\n");
    assert_eq!(asked(&mut rig)[5], "4");
}

#[test]
fn a_call_that_breaks_its_connection_again_and_again_asks_for_less_and_then_fails() {
    let mut rig = Rig::ready(config());
    release_all(&mut rig, None);
    let mut counts = Vec::new();
    for _ in 0..5 {
        counts.push(rig.sent()[0][5].clone());
        rig.cut();
        rig.pass(SECOND);
        rig.shake_hands();
    }
    assert_eq!(counts, ["16", "2", "1", "1", "1"]);
    let error = rig.error();
    assert_eq!(error.code, Code::Unreachable);
    assert!(error.message.contains("given up") && error.cause.is_some(), "{error:?}");
    assert_eq!(rig.sent(), Vec::<Vec<String>>::new());
}
