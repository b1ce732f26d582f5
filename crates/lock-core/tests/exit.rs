//! The step at the end of a process: `docs/ARCHITECTURE.md`, "The way of an exit".

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use lock_core::{
    AcquireRequest, Engine, Keep, LeaseTable, NewLease, RenewalAnswer, SharedLeases, WaitPolicy, Wanted,
};
use std::mem;
use support::{HELD, Rig, SECOND, config, holding, verb};

const REFUSED: &[u8] = b"*2\r\n:0\r\n:0\r\n";

/// The rig plays the server of the engine's client.
fn with_client<T>(rig: &mut Rig, engine: &mut Engine, play: impl FnOnce(&mut Rig) -> T) -> T {
    mem::swap(engine.router().client(0).unwrap(), &mut rig.client);
    let result = play(rig);
    mem::swap(engine.router().client(0).unwrap(), &mut rig.client);
    result
}

#[test]
fn a_lock_whose_answer_is_there_and_that_nobody_was_told_of_is_shortened() {
    let mut rig = Rig::new(config());
    let mut engine = Engine::new(config(), [7; 24], SharedLeases::default());
    engine.router().connect();
    with_client(&mut rig, &mut engine, Rig::shake_hands);
    while engine.next_action(rig.now).is_some() {}
    let request = AcquireRequest {
        caller: 1,
        keys: engine.router().parse_keys(&["k".to_owned()]).unwrap(),
        named: vec![],
        wanted: Wanted::Execute,
        lease: Some(60 * SECOND),
        wait: WaitPolicy::Limit(SECOND),
        keep: Keep::Renewed,
        label: None,
    };
    engine.acquire(rig.now, request).unwrap();
    with_client(&mut rig, &mut engine, |rig| {
        assert_eq!(verb(&rig.sent()[0]), "park");
        rig.client.handle_bytes(rig.now, HELD);
    });
    assert!(engine.begin_exit(rig.now));
    let sent = with_client(&mut rig, &mut engine, Rig::sent);
    assert_eq!((sent.len(), verb(&sent[0])), (1, "renew"));
}

#[test]
fn a_process_that_ends_asks_for_no_lock_any_more() {
    let mut rig = Rig::polling(config());
    rig.wait_for("k", 60 * SECOND);
    rig.sent();
    rig.reply(REFUSED);
    rig.client.shorten_for_exit(rig.now, vec![]);
    rig.sent();
    rig.pass(SECOND);
    let asked: Vec<_> = rig.sent().into_iter().filter(|command| command[0].starts_with("EVAL")).collect();
    assert!(asked.is_empty(), "it would be granted to nobody: {asked:?}");
}

#[test]
fn no_lease_is_renewed_behind_the_step() {
    let (rig, hold) = holding(config());
    let mut leases = LeaseTable::default();
    let (id, _) = leases.register(NewLease { renews: true, ..NewLease::unwatched(rig.now, hold) });
    let mut due = vec![];
    leases.poll(rig.now + 4 * SECOND, &mut due, &mut vec![]);
    assert_eq!((due.len(), leases.is_renewing()), (1, true));
    assert_eq!(leases.end_renewals().len(), 1);
    assert!(leases.is_renewing(), "its answer is awaited before the lock is shortened");
    leases.answered(rig.now + 4 * SECOND, id, RenewalAnswer::Held { left: Some(10 * SECOND) });
    assert!(!leases.is_renewing());
    let mut due = vec![];
    leases.poll(rig.now + 8 * SECOND, &mut due, &mut vec![]);
    assert!(due.is_empty());
}

#[test]
fn keys_that_a_waiting_call_has_already_are_shortened_or_given_back() {
    for (wanted, step) in [(Wanted::Execute, "renew"), (Wanted::Named(b"me"[..].into()), "roll back")] {
        let mut rig = Rig::ready(config());
        rig.acquire(&["a", "b"], wanted, Some(60 * SECOND));
        rig.sent();
        rig.reply(b"*5\r\n:2\r\n:1\r\n:1800000000000000\r\n:60000\r\n:1\r\n");
        assert!(rig.client.shorten_for_exit(rig.now, vec![]));
        let sent = rig.sent();
        assert_eq!(sent.iter().map(|command| verb(command)).collect::<Vec<_>>(), [step, "leave"]);
        assert_eq!(
            sent[0][0], "EVAL",
            "what is written is carried out, though nobody is there to send the text"
        );
    }
}

#[test]
fn a_lease_that_counts_as_lost_is_shortened_too_since_an_answer_may_have_got_lost() {
    let (rig, hold) = holding(config());
    let mut leases = LeaseTable::default();
    let (id, _) = leases.register(NewLease { renews: true, ..NewLease::unwatched(rig.now, hold) });
    leases.lose(id);
    assert_eq!(leases.end_renewals().len(), 1);
}

#[test]
fn a_call_that_was_not_sent_yet_is_not_sent() {
    let mut rig = Rig::ready(config());
    for key in ["a", "b"] {
        rig.wait_for(key, 60 * SECOND);
    }
    assert!(!rig.client.shorten_for_exit(rig.now, vec![]));
    assert!(rig.sent().is_empty());
}

#[test]
fn no_job_begins_on_a_grant_that_comes_behind_the_step() {
    let mut rig = Rig::ready(config());
    rig.wait_for("k", 60 * SECOND);
    let client = rig.sent()[0][12].clone();
    rig.reply(b"*5\r\n:2\r\n:0\r\n:1800000000000000\r\n:60000\r\n:1\r\n");
    rig.client.shorten_for_exit(rig.now, vec![]);
    rig.sent();
    rig.push(&client, 1_800_000_000_000_001, "k");
    assert!(rig.done.is_empty());
    assert!(!rig.sent().iter().any(|command| verb(command) == "claim"));
}
