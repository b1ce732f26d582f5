//! Calls to the nodes of a Redis Cluster: how they find their node, and follow a slot that moves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{
    ClientConfig, ClusterRules, Code, Event, Outcome, PauseRule, RetryPolicy, WaitPolicy, Wanted,
};
use support::cluster::{Nodes, TICKET, address, halves, held, key, parked, range, rules, smessage, with};
use support::{MS, SECOND, named, verb};

#[test]
fn calls_wait_for_the_table_of_slots_and_go_to_the_node_of_their_slot() {
    let mut nodes = Nodes::new(with(rules()));
    assert!(nodes.looks_up());
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.wait_for(&[9000], WaitPolicy::None);
    nodes.map(&halves());
    nodes.shake_hands("a");
    nodes.shake_hands("b");
    for (host, slot) in [("a", 1), ("b", 9000)] {
        let sent = nodes.sent(host);
        assert_eq!((sent.len(), verb(&sent[0])), (1, "park"));
        assert_eq!(sent[0][3], format!("medusa_lock:{}", key(slot)));
        nodes.reply(host, &held(1));
    }
    assert_eq!(nodes.done.len(), 2);
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn failed_lookups_fail_calls_without_a_limit_after_so_many() {
    let retry = RetryPolicy {
        most_reconnects: Some(2),
        pause: PauseRule::GrowingInCluster,
        ..RetryPolicy::default()
    };
    let mut nodes = Nodes::new(ClientConfig { retry, ..with(rules()) });
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.wait_for(&[1], WaitPolicy::Limit(60 * SECOND));
    for _ in 0..3 {
        assert!(nodes.looks_up());
        nodes.no_map();
        nodes.pass(SECOND);
    }
    assert_eq!(nodes.error().code, Code::Unreachable);
    nodes.pass(60 * SECOND);
    assert_eq!(nodes.error().code, Code::Unreachable);
}

#[test]
fn a_call_is_withdrawn_while_it_waits_for_the_table_of_slots() {
    let mut nodes = Nodes::new(with(rules()));
    let caller = nodes.wait_for(&[1, 9000], WaitPolicy::Endless);
    let other = nodes.wait_for(&[1], WaitPolicy::Endless);
    nodes.cancel(caller);
    assert_eq!(nodes.error().code, Code::Aborted);
    nodes.cancel(other);
    assert_eq!(nodes.error().code, Code::Aborted);
    nodes.map(&halves());
    nodes.shake_hands("a");
    assert!(nodes.sent("a").is_empty() && nodes.router.is_idle());
}

#[test]
fn a_slot_that_no_node_has_fails_a_call_without_a_limit() {
    let mut nodes = Nodes::new(with(rules()));
    nodes.wait_for(&[9000], WaitPolicy::None);
    nodes.wait_for(&[9000], WaitPolicy::Limit(3_600 * SECOND));
    for _ in 0..17 {
        nodes.map(&[range(0, 8191, "a")]);
        nodes.pass(SECOND);
    }
    assert!(nodes.error().message.starts_with("Too many Cluster redirections."));
    nodes.map(&halves());
    nodes.shake_hands("b");
    assert_eq!(nodes.asked("b"), ["SSUBSCRIBE", "park"]);
}

#[test]
fn moved_takes_the_call_and_those_who_wait_for_the_slot_to_a_new_node() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.park("a", 1);
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "MOVED 1 c:7000");
    assert!(nodes.events.iter().any(|(id, event)| *id == nodes.id("c") && matches!(event, Event::Connect)));
    nodes.shake_hands("c");
    let sent = nodes.sent("c");
    assert_eq!(sent.iter().filter(|command| command[0] == "EVALSHA" && verb(command) == "park").count(), 2);
    let old = TICKET.to_string();
    assert!(sent.iter().any(|command| command.contains(&old)), "asks with the old ticket: {sent:?}");
    nodes.pass(SECOND);
    assert!(nodes.looks_up());
}

#[test]
fn moved_to_a_mapped_address_or_to_the_same_host() {
    let addresses = [("x:1".to_owned(), address("b"))].into();
    let mut nodes = Nodes::ready(with(ClusterRules { addresses, ..rules() }));
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "MOVED 1 x:1");
    assert_eq!(nodes.asked("b"), ["park"]);
    nodes.refuse("b", "MOVED 1 :7000");
    assert_eq!(nodes.asked("b"), ["park"]);
    nodes.reply("b", &held(7));
    assert_eq!(*nodes.hold().tokens, [7]);
}

#[test]
fn an_address_that_cannot_be_read_has_the_command_repeated() {
    for text in ["MOVED 1 nowhere", "ASK 1 nowhere"] {
        let mut nodes = Nodes::ready(with(rules()));
        nodes.wait_for(&[1], WaitPolicy::None);
        nodes.sent("a");
        nodes.refuse("a", text);
        nodes.pass(SECOND);
        assert_eq!(nodes.asked("a"), ["park"], "{text}");
    }
}

#[test]
fn ask_sends_asking_before_the_command_and_again_before_the_scripts_text() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "ASK 1 b:7000");
    assert_eq!(nodes.asked("b"), ["ASKING", "park"]);
    nodes.reply("b", b"+OK\r\n-NOSCRIPT No matching script.\r\n");
    assert_eq!(nodes.asked("b"), ["ASKING", "park"]);
    nodes.reply("b", b"+OK\r\n");
    nodes.reply("b", &held(1));
    nodes.hold();
    nodes.wait_for(&[1], WaitPolicy::None);
    assert!(nodes.sent("b").is_empty(), "the slot is still the first node's");
}

#[test]
fn a_node_that_is_only_asked_for_says_try_again_and_the_slots_node_is_asked() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "ASK 1 b:7000");
    nodes.sent("b");
    nodes.reply("b", b"+OK\r\n-TRYAGAIN Multiple keys request during rehashing of slot\r\n");
    nodes.pass(100 * MS);
    assert_eq!(nodes.asked("a"), ["park"]);
}

#[test]
fn an_unknown_node_that_is_asked_for_is_not_made_before_it_has_slots() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "ASK 1 new:7000");
    assert!(nodes.find("new").is_none());
    nodes.pass(100 * MS);
    assert_eq!(nodes.asked("a"), ["park"]);
}

#[test]
fn a_call_whose_keys_are_being_moved_is_repeated_after_a_pause() {
    for text in ["TRYAGAIN x", "CLUSTERDOWN The cluster is down", "READONLY You can't write"] {
        let mut nodes = Nodes::ready(with(rules()));
        nodes.wait_for(&[1], WaitPolicy::None);
        nodes.sent("a");
        nodes.refuse("a", text);
        assert!(nodes.sent("a").is_empty());
        nodes.pass(100 * MS);
        assert_eq!(nodes.asked("a"), ["park"], "{text}");
    }
}

#[test]
fn too_many_redirections_fail_a_call_without_a_limit_and_one_with_a_limit_goes_on() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.wait_for(&[2], WaitPolicy::Limit(60 * SECOND));
    for _ in 0..17 {
        for _ in nodes.sent("a") {
            nodes.refuse("a", "CLUSTERDOWN The cluster is down");
        }
        nodes.pass(100 * MS);
    }
    let error = nodes.error();
    let told = "Too many Cluster redirections. Last error: CLUSTERDOWN The cluster is down";
    assert_eq!((error.code, error.message.as_str()), (Code::Refused, told));
    nodes.pass(60 * SECOND);
    assert_eq!(nodes.error().code, Code::Timeout);
}

#[test]
fn a_release_without_a_limit_goes_on_for_ten_times_as_many_redirections() {
    for (times, over) in [(160, false), (161, true)] {
        let mut nodes = Nodes::ready(with(rules()));
        nodes.release(&[1], None, &named("me"));
        for _ in 0..times {
            assert_eq!(nodes.asked("a"), ["release"]);
            nodes.refuse("a", "TRYAGAIN x");
            nodes.pass(100 * MS);
        }
        assert_eq!(nodes.done.len(), usize::from(over), "{times}");
    }
}

#[test]
fn the_channel_of_a_slot_is_listened_to_once_and_a_grant_there_begins_the_job() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.wait_for(&[1], WaitPolicy::Endless);
    assert_eq!(nodes.asked("a"), ["park"]);
    nodes.reply("a", &parked(TICKET + 1));
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    let hold = nodes.hold();
    assert!(hold.claim.is_some());
    assert_eq!(nodes.asked("a"), ["claim"]);
}

#[test]
fn a_channel_that_ends_has_its_waiter_ask_at_once_and_follow_the_slot() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    let channel =
        String::from_utf8(smessage(&client, 1, 0)).unwrap().split("\r\n").nth(3).unwrap().to_owned();
    nodes.reply("a", format!(">3\r\n+sunsubscribe\r\n+{channel}\r\n:0\r\n").as_bytes());
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
    nodes.refuse("a", "MOVED 1 b:7000");
    nodes.refuse("a", "MOVED 1 b:7000");
    let sent = nodes.sent("b");
    assert_eq!((sent[0][0].as_str(), verb(&sent[1])), ("SSUBSCRIBE", "park"));
    assert!(sent[1].contains(&TICKET.to_string()));
}

#[test]
fn locks_of_several_slots_are_given_back_by_a_call_for_each_slot() {
    let mut nodes = Nodes::ready(with(rules()));
    let holds = [nodes.holding("a", 1), nodes.holding("a", 2)];
    for hold in &holds {
        let slot = hold.keys[0].slot();
        nodes.release(&[slot], Some(hold), &hold.owner);
    }
    let sent = nodes.sent("a");
    let calls: Vec<_> = sent.iter().map(|call| (verb(call), call[2].as_str())).collect();
    assert_eq!(calls, [("give back", "3"), ("give back", "3")], "each names its keys");
    nodes.reply("a", b"*2\r\n:1\r\n:1\r\n");
    assert!(matches!(nodes.outcome(), Outcome::Released));
    nodes.refuse("a", "MOVED 2 b:7000");
    assert_eq!(nodes.asked("b"), ["give back"]);
    nodes.reply("b", b"*2\r\n:1\r\n:1\r\n");
    assert!(matches!(nodes.outcome(), Outcome::Released));
    assert!(nodes.router.is_idle());
}

#[test]
fn a_claim_whose_slot_moves_goes_on_at_the_new_node() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    nodes.hold();
    assert_eq!(nodes.asked("a"), ["claim"]);
    nodes.refuse("a", "MOVED 1 b:7000");
    assert_eq!(nodes.asked("b"), ["claim"]);
    nodes.reply("b", b"*1\r\n:1\r\n");
    assert!(nodes.events.iter().any(|(_, event)| matches!(event, Event::Claimed { .. })));
    assert!(nodes.router.is_idle());
}

#[test]
fn a_claim_that_has_to_be_asked_again_still_keeps_the_other_waiters_from_its_grant() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.wait_for(&[1], WaitPolicy::Endless);
    nodes.sent("a");
    nodes.reply("a", &parked(TICKET + 1));
    nodes.pass(950 * MS);
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    nodes.hold();
    assert_eq!(nodes.asked("a"), ["claim"]);
    nodes.refuse("a", "TRYAGAIN x");
    // The other waiter's poll is due.
    nodes.pass(60 * MS);
    let polls = nodes.sent("a");
    assert_eq!((verb(&polls[0]), polls[0][16].as_str()), ("park", "0"));
}

#[test]
fn a_release_names_the_grant_of_a_claim_that_is_under_way_at_the_old_node() {
    let mut nodes = Nodes::ready(with(rules()));
    let client = nodes.park("a", 1);
    nodes.reply("a", &smessage(&client, 1, TICKET + 9));
    let hold = nodes.hold();
    nodes.sent("a");
    nodes.map(&[range(0, 0, "a"), range(1, 16_383, "b")]);
    nodes.release(&[1], Some(&hold), &hold.owner);
    let sent = nodes.sent("b");
    assert_eq!(verb(&sent[0]), "hand over");
    assert!(sent[0].contains(&format!("grant:{client}:{}", TICKET + 9)), "{sent:?}");
    // Otherwise it would lock the key for nobody.
    nodes.refuse("a", "MOVED 1 b:7000");
    assert!(nodes.sent("b").is_empty());
    nodes.reply("b", b"*2\r\n:1\r\n:1\r\n");
    assert!(matches!(nodes.outcome(), Outcome::Released));
    assert!(nodes.router.is_idle());
}

#[test]
fn calls_of_a_node_without_slots_go_on_elsewhere_and_its_connection_is_closed() {
    let mut nodes = Nodes::ready(with(rules()));
    let gone = nodes.id("a");
    let (name, wait) = (Wanted::Named((*b"me").into()), WaitPolicy::Limit(60 * SECOND));
    nodes.acquire(&[key(1)], name, wait);
    let asked = nodes.sent("a");
    let attempt = asked.iter().find(|command| command[0] == "EVALSHA").unwrap()[11].clone();
    nodes.release(&[2], None, &named("me"));
    nodes.sent("a");
    nodes.map(&[range(0, 16_383, "b")]);
    assert!(nodes.find("a").is_none());
    assert!(nodes.events.iter().any(|(id, event)| *id == gone && matches!(event, Event::Disconnect)));
    let sent = nodes.sent("b");
    let of = |name| sent.iter().find(|command| command[0] == "EVALSHA" && verb(command) == name).unwrap();
    assert_eq!(of("park")[3 + 5 + 3], attempt, "a call in doubt is asked again by its attempt");
    of("release");
    for command in &sent {
        match command[0].as_str() {
            "SSUBSCRIBE" => nodes.reply("b", b">3\r\n+ssubscribe\r\n+x\r\n:1\r\n"),
            _ if verb(command) == "park" => nodes.reply("b", &held(1)),
            _ => nodes.reply("b", b"*2\r\n:1\r\n:1\r\n"),
        }
    }
    assert_eq!(nodes.done.len(), 2);
    assert!(nodes.router.is_idle() && !nodes.router.has_callers());
}

#[test]
fn a_call_withdrawn_at_a_node_that_is_let_go_is_rolled_back_elsewhere() {
    let mut nodes = Nodes::ready(with(rules()));
    let caller = nodes.acquire(&[key(1)], Wanted::Named((*b"me").into()), WaitPolicy::None);
    nodes.sent("a");
    nodes.cancel(caller);
    assert_eq!(nodes.error().code, Code::Aborted);
    nodes.map(&[range(0, 16_383, "c")]);
    nodes.shake_hands("c");
    assert_eq!(nodes.asked("c"), ["roll back"]);
    nodes.reply("c", b"*1\r\n:1\r\n");
    assert!(nodes.router.is_idle());
}

#[test]
fn the_cluster_is_ready_again_after_a_lookup_that_failed() {
    let mut nodes = Nodes::ready(with(rules()));
    nodes.wait_for(&[1], WaitPolicy::None);
    nodes.sent("a");
    nodes.refuse("a", "CLUSTERDOWN x");
    nodes.pass(SECOND);
    assert!(nodes.looks_up());
    nodes.no_map();
    nodes.events.clear();
    nodes.map(&halves());
    assert!(nodes.events.iter().any(|(_, event)| matches!(event, Event::Ready { .. })));
}

#[test]
fn in_a_cluster_a_slots_counter_is_synced_each_time() {
    let mut nodes = Nodes::ready(with(rules()));
    // The slot may have been at "b" meanwhile, and a replica that took over there may have lost its latest tokens.
    for (expected, sync) in [("park", 10), ("take", 8)] {
        nodes.wait_for(&[1], WaitPolicy::None);
        let sent = nodes.sent("a");
        assert_eq!((verb(&sent[0]), sent[0][sync].as_str()), (expected, "1"));
        nodes.reply("a", &held(TICKET));
        nodes.hold();
    }
}

#[test]
fn the_keys_that_a_waiter_of_several_keys_holds_go_with_it_and_are_given_back() {
    let mut nodes = Nodes::ready(with(rules()));
    let keys = [format!("{}1", key(1)), format!("{}2", key(1))];
    let caller = nodes.acquire(&keys, Wanted::Execute, WaitPolicy::Endless);
    assert_eq!(nodes.asked("a"), ["SSUBSCRIBE", "park"]);
    nodes.reply("a", b">3\r\n+ssubscribe\r\n+x\r\n:1\r\n");
    // It holds the first key and waits for the second.
    nodes.reply("a", format!("*5\r\n:2\r\n:1\r\n:{TICKET}\r\n:60000\r\n:1\r\n").as_bytes());
    nodes.map(&[range(0, 0, "a"), range(1, 8191, "c"), range(8192, 16_383, "b")]);
    nodes.cancel(caller);
    assert_eq!(nodes.error().code, Code::Aborted);
    nodes.shake_hands("c");
    let sent = nodes.sent("c");
    assert_eq!((sent.len(), verb(&sent[0])), (1, "hand over"));
    assert_eq!(sent[0][3], format!("medusa_lock:{}", keys[0]));
}
