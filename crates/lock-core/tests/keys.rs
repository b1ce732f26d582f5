//! Names in Redis.

mod support;

use lock_core::{Code, IdSource, LockKey, Namespace, Owner, slot_of, tag_of};
use std::collections::HashSet;
use support::{Rig, config};

#[test]
fn slots_are_those_of_the_cluster_specification() {
    assert_eq!(slot_of(b"123456789"), 0x31c3);
    assert_eq!(slot_of(b"foo"), 12_182);
    assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
    assert_eq!(slot_of(b"foo{}{bar}"), slot_of(b"foo{}{bar}"));
    assert_ne!(slot_of(b"foo{}{bar}"), slot_of(b"bar"), "an empty tag is no tag");
    assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
    assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
}

#[test]
fn every_slot_has_a_tag_that_leads_to_it() {
    let mut seen = HashSet::new();
    for slot in 0..16_384 {
        let tag = tag_of(slot);
        assert_eq!(slot_of(format!("mlr!{{{tag}}}h:x{{y}}z").as_bytes()), slot);
        assert!(seen.insert(tag));
    }
}

#[test]
fn the_tags_are_part_of_the_wire_format() {
    // Changed tags would give two versions of this package different side keys for one lock.
    assert_eq!([tag_of(0), tag_of(1), tag_of(8_191), tag_of(16_383)], TAGS);
}

const TAGS: [&str; 4] = ["1bz", "emj", "7ho", "hia"];

#[test]
fn a_key_that_would_begin_like_a_side_key_is_refused() {
    let empty = Namespace::new(b"");
    assert!(empty.key("mlr!{x}f").is_none());
    assert!(empty.key("mlr!").is_some());
    assert!(Namespace::new(b"mlr!").key("{x").is_none());
    assert!(Namespace::new(b"medusa_lock:").key("mlr!{x}f").is_some());
}

#[test]
fn glob_characters_of_the_prefix_stand_for_themselves() {
    assert_eq!(Namespace::new(br"a*b?[c]^\:").pattern(), br"a\*b\?\[c\]\^\\:*");
}

#[test]
fn several_keys_are_taken_once_each_and_in_one_order_everywhere() {
    let rig = Rig::new(config());
    let parse = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        rig.client.parse_keys(&keys).unwrap()
    };
    let keys = parse(&["b", "a", "b", "c", "a"]);
    assert_eq!(keys, parse(&["c", "b", "a"]));
    assert!(keys.windows(2).all(|pair| (pair[0].slot(), pair[0].name()) < (pair[1].slot(), pair[1].name())));
}

#[test]
fn a_key_of_more_than_a_mebibyte_is_refused_without_repeating_it() {
    let rig = Rig::new(config());
    assert!(rig.client.parse_keys(&["x".repeat(1 << 20)]).is_ok());
    let error = rig.client.parse_keys(&["x".repeat((1 << 20) + 1)]).unwrap_err();
    assert_eq!(error.code, Code::InvalidArgument);
    assert!(error.message.len() < 200);
}

#[test]
fn execute_owners_are_version_8_uuids_and_never_repeat() {
    let mut ids = IdSource::new([0xff; 24]);
    let mut seen = HashSet::new();
    for _ in 0..100_000 {
        let Owner::Execute(bytes) = ids.execute_owner() else { panic!("not of execute") };
        assert!(seen.insert(bytes));
    }
    let sample = String::from_utf8(seen.iter().next().unwrap().to_vec()).unwrap();
    let uuid = sample.strip_prefix("execute:").unwrap();
    let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
    assert_eq!(&uuid[14..15], "8", "{uuid}");
    assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
}

#[test]
fn keys_of_any_characters_have_side_keys_in_their_own_slot() {
    // The test of the scripts on a real cluster comes with the cluster issue; this is the rule itself.
    for hostile in ["a}b", "{shop}:cart", "x{}", "{", "}", "{{}}", "", "}{", "{a}{b}", "\u{0}{\u{1}}"] {
        let key = LockKey::new(format!("medusa_lock:{hostile}").into_bytes());
        let side = format!("mlr!{{{}}}h:medusa_lock:{hostile}", tag_of(key.slot()));
        assert_eq!(slot_of(side.as_bytes()), key.slot(), "{hostile}");
    }
}
