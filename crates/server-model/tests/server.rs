//! The properties of the model that the simulation relies on, beside the verbs.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use server_model::{Reply, Server, Verb};

/// Some moment, in microseconds.
const NOW: u64 = 1_800_000_000_000_000;

#[test]
fn a_key_is_there_until_its_last_millisecond() {
    let mut server = Server::new();
    assert!(server.set_if_absent(NOW, b"k", b"me", Some(10)));
    assert!(!server.set_if_absent(NOW + 10_000, b"k", b"you", None));
    assert_eq!(server.pttl(NOW + 4000, b"k"), 6);
    assert_eq!(server.get(NOW + 11_000, b"k"), None);
    assert_eq!(server.pttl(NOW + 11_000, b"k"), -2);
    assert_eq!(server.names(NOW + 11_000).count(), 0);
    assert!(!server.delete(NOW + 11_000, b"k"));
}

#[test]
fn a_deletion_asks_for_the_owner() {
    let mut server = Server::new();
    server.set(NOW, b"k", b"me", None);
    assert!(!server.delete_if(NOW, b"k", b"you"));
    assert!(server.delete_if(NOW, b"k", b"me"));
    assert_eq!(server.get(NOW, b"k"), None);
}

#[test]
fn a_clone_goes_its_own_way() {
    let mut server = Server::new();
    server.set(NOW, b"k", b"me", None);
    let mut replica = server.clone();
    server.flush_all();
    replica.set(NOW, b"k", b"you", None);
    assert_eq!(server.get(NOW, b"k"), None);
    assert_eq!(replica.get(NOW, b"k"), Some(b"you".as_slice()));
}

#[test]
fn a_released_lock_goes_to_the_client_that_lives() {
    let mut server = Server::new();
    server.set(NOW, b"f", b"4000000000000000", None);
    server.set(NOW, b"l", b"execute:x", Some(1000));
    server.add(NOW, b"w", b"dead", 1.0);
    server.add(NOW, b"w", b"alive", 2.0);
    let mut asked = Vec::new();
    let reply = server.run(
        NOW,
        Verb::HandOver,
        &[b"l", b"w", b"f"],
        &[b"execute:x", b"0"],
        &mut |channel, message| {
            asked.push([channel, b" ", message].concat());
            u64::from(channel == b"mlr!c:alive")
        },
    );
    assert_eq!(reply, Reply::ints(&[1, 1]));
    assert_eq!(
        asked,
        [
            b"mlr!c:dead 4000000000000001:2:l".to_vec(),
            b"mlr!c:alive 4000000000000001:4000000000000017:l".to_vec()
        ]
    );
    assert_eq!(server.get(NOW, b"l"), Some(b"grant:alive:4000000000000001".as_slice()));
    assert_eq!(server.pttl(NOW, b"l"), 2000);
}

#[test]
fn a_fault_keeps_what_was_written_before_it() {
    let mut server = Server::new();
    server.set(NOW, b"l", b"execute:x", None);
    server.set(NOW, b"w", b"no queue", None);
    let keys: &[&[u8]] = &[b"l", b"h", b"w", b"f", b"r"];
    server.set(NOW, b"h", b"a:1:0", None);
    let reply = server.run(NOW, Verb::Release, keys, &[b"execute:x", b"4", b"0"], &mut |_, _| 0);
    assert!(matches!(reply, Reply::Error(text) if text.starts_with("WRONGTYPE")));
    assert_eq!((server.get(NOW, b"h"), server.get(NOW, b"l").is_some()), (None, true));
}

#[test]
fn expired_keys_do_not_pile_up() {
    let mut server = Server::new();
    for second in 0..20_000 {
        let now = NOW + second * 1_000_000;
        let name = format!("r:{second}");
        server.set(now, name.as_bytes(), b"1", Some(60_000));
        server.run(now, Verb::Renew, &[b"l"], &[b"1", b"me", b"5"], &mut |_, _| 0);
    }
    assert!(format!("{server:?}").matches("Entry").count() < 3000);
}

/// One key, and the actions of "me" on it.
struct OwnersLock(Server);

impl OwnersLock {
    const KEYS: [&[u8]; 5] = [b"l", b"f", b"h", b"w", b"p"];

    fn acquires(&mut self, attempt: &str, lease_ms: &str) {
        let args = ["me", lease_ms, "0", attempt, "client", "try", "0", "", "0", "", "0", "0", "0"];
        let args = args.map(str::as_bytes);
        let reply = self.0.run(NOW, Verb::Park, &Self::KEYS, &args, &mut |_, _| 0);
        assert!(matches!(&reply, Reply::Array(parts) if parts.first() == Some(&Reply::Int(1))), "{reply:?}");
    }

    fn is_there_to_stay(&mut self, attempt: &str) {
        let record = self.0.get(NOW, b"h").unwrap().to_vec();
        let token = record.split(|byte| *byte == b':').nth(1).unwrap();
        let settles = [b"=", attempt.as_bytes()].concat();
        self.0.run(NOW, Verb::Renew, &[b"l", b"h"], &[b"2", b"me", &settles, token], &mut |_, _| 0);
    }

    fn is_rolled_back(&mut self, attempt: &str) {
        let args: &[&[u8]] = &[b"me", attempt.as_bytes(), b"0"];
        self.0.run(NOW, Verb::RollBack, &[b"l", b"h", b"w", b"f"], args, &mut |_, _| 0);
    }
}

#[test]
fn an_owner_whose_attempts_are_all_rolled_back_holds_nothing() {
    let mut lock = OwnersLock(Server::new());
    let attempts: Vec<String> = (0..64).map(|at| format!("777589bc26b7{at:020}")).collect();
    attempts.iter().for_each(|attempt| lock.acquires(attempt, "0"));
    attempts.iter().for_each(|attempt| lock.is_rolled_back(attempt));
    assert_eq!(lock.0.get(NOW, b"l"), None);
}

#[test]
fn an_attempt_that_is_there_to_stay_leaves_the_ends_of_others() {
    let mut lock = OwnersLock(Server::new());
    lock.acquires("777589bc26b701", "10000");
    lock.acquires("777589bc26b703", "20000");
    lock.acquires("777589bc26b702", "0");
    lock.is_there_to_stay("777589bc26b703");
    lock.is_rolled_back("777589bc26b702");
    assert_eq!(lock.0.pttl(NOW, b"l"), 20_000);
    assert!(lock.0.get(NOW, b"h").unwrap().starts_with(b"777589bc26b701,777589bc26b703:"));
}

#[test]
fn a_roll_back_after_the_slot_moved_to_a_node_with_another_clock_leaves_the_others_their_time() {
    for ahead_ms in [-60_000, 60_000] {
        let mut lock = OwnersLock(Server::new());
        lock.acquires("777589bc26b701", "10000");
        lock.acquires("777589bc26b702", "20000");
        let (attempts, mut other) = (lock.0.take_out(|_| true), Server::new());
        other.take_in(attempts, ahead_ms);
        let now = NOW.checked_add_signed(ahead_ms * 1000).unwrap();
        let args: &[&[u8]] = &[b"me", b"777589bc26b702", b"0"];
        other.run(now, Verb::RollBack, &[b"l", b"h", b"w", b"f"], args, &mut |_, _| 0);
        assert_eq!(other.get(now, b"l"), Some(&b"me"[..]));
        assert_eq!(other.pttl(now, b"l"), 10_000);
    }
}

#[test]
fn the_record_of_an_owner_that_acquires_again_and_again_does_not_grow_for_ever() {
    let mut lock = OwnersLock(Server::new());
    for at in 0..300 {
        let attempt = format!("777589bc26b7{at:020}");
        lock.acquires(&attempt, "10000");
        lock.is_there_to_stay(&attempt);
    }
    let withdrawn = format!("777589bc26b7{:020}", 999);
    lock.acquires(&withdrawn, "0");
    let record = lock.0.get(NOW, b"h").unwrap();
    assert_eq!(record.split(|byte| *byte == b',').count(), 65, "64 attempts, and that there were more");
    lock.is_rolled_back(&withdrawn);
    assert_eq!(lock.0.pttl(NOW, b"l"), 10_000);
}

#[test]
fn five_locks_without_side_keys_are_not_taken_for_one_with_its_side_keys() {
    let mut server = Server::new();
    let keys: [&[u8]; 5] = [b"a", b"b", b"c", b"d", b"e"];
    let reply = server.run(NOW, Verb::Acquire, &keys, &[b"execute:x", b"1000", b"1"], &mut |_, _| 0);
    assert_eq!(reply, Reply::ints(&[1]));
    assert!(keys.iter().all(|key| server.get(NOW, key) == Some(b"execute:x".as_slice())));
}
