//! Question and answer between processes, message by message.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use lock_core::census::{
    Collector, Follows, Freed, Message, ProcessFacts, Question, Respondent, freed_message, question_message,
};
use lock_core::{IdSource, Instant, LeaseTable, LockKey, NewLease, Owner, Waiting};
use std::time::Duration;

const START: Instant = Instant::from_nanos(1_000_000_000_000);
const LIMIT: Duration = Duration::from_millis(300);
const MS: Duration = Duration::from_millis(1);

fn process(id: &str) -> ProcessFacts {
    ProcessFacts {
        id: id.into(),
        host: "shop-1".into(),
        pid: 7,
        stuck_ms: Some(900),
        ..ProcessFacts::default()
    }
}

fn key(name: &str) -> LockKey {
    LockKey::new(name.into())
}

fn lease(names: &[&str], label: Option<&str>) -> NewLease {
    NewLease {
        keys: names.iter().map(|name| key(name)).collect(),
        owner: IdSource::new([3; 24]).execute_owner(),
        tokens: (11..).take(names.len()).collect(),
        lease: Some(Duration::from_secs(60)),
        sent_at: START,
        renews: true,
        attempt: [0; 32],
        joined: false,
        claim: None,
        waited: false,
        since: START,
        label: label.map(Into::into),
    }
}

fn question(keys: Option<&[&str]>) -> Vec<u8> {
    let keys = keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
    question_message(Question { reply: "mlr!a:1".into(), keys })
}

fn waits(name: &str, count: usize) -> Vec<Waiting> {
    vec![Waiting { key: key(name), since: START, label: Some("checkout".into()) }; count]
}

/// The questions that can be answered, as messages.
fn ready(respondent: &mut Respondent, now: Instant, table: &LeaseTable) -> Vec<Message> {
    let ready = respondent.ready(now).into_iter();
    ready
        .flat_map(|ready| {
            let locks = table.facts(now, ready.keys());
            ready.answer(now, &process("a"), &locks)
        })
        .collect()
}

/// Asks one respondent whose loop answers at once.
fn answers(table: &LeaseTable, message: &[u8], said: Vec<Waiting>) -> Vec<Message> {
    let mut respondent = Respondent::default();
    let Some(Follows::AskLoop { number, .. }) = respondent.hear(START, message) else {
        panic!("no question")
    };
    respondent.loop_said(number, said);
    ready(&mut respondent, START, table)
}

#[test]
fn an_answer_names_every_lock_with_its_label_and_who_waits() {
    let mut table = LeaseTable::default();
    table.register(lease(&["one", "two"], Some("capture of order 7")));
    let mut collector = Collector::new(START, LIMIT);
    collector.reached(1);
    for message in answers(&table, &question(None), waits("one", 3)) {
        assert_eq!(message.channel, "mlr!a:1");
        collector.take_in(&message.text);
    }
    assert!(collector.is_done(START));
    let census = collector.finish();
    let answer = &census.answers[0];
    assert!(answer.complete);
    assert_eq!(answer.process.stuck_ms, None, "its loop has answered");
    let mut locks: Vec<_> =
        answer.locks.iter().map(|lock| (lock.key.as_str(), lock.token, lock.label.as_deref())).collect();
    locks.sort_unstable();
    assert_eq!(
        locks,
        [("one", Some(11), Some("capture of order 7")), ("two", Some(12), Some("capture of order 7"))]
    );
    assert_eq!(answer.waits.as_ref().unwrap()[0].count, 3);
}

#[test]
fn a_question_about_one_key_is_answered_about_that_key() {
    let mut table = LeaseTable::default();
    table.register(lease(&["one"], None));
    table.register(lease(&["two"], None));
    let mut collector = Collector::new(START, LIMIT);
    answers(&table, &question(Some(&["two"])), vec![])
        .iter()
        .for_each(|message| collector.take_in(&message.text));
    let census = collector.finish();
    assert_eq!(census.answers[0].locks.iter().map(|lock| lock.key.as_str()).collect::<Vec<_>>(), ["two"]);
}

#[test]
fn a_loop_that_is_stuck_is_told_as_such_and_the_locks_are_told_all_the_same() {
    let mut table = LeaseTable::default();
    table.register(lease(&["one"], None));
    let mut respondent = Respondent::default();
    assert!(respondent.hear(START, &question(None)).is_some());
    assert!(ready(&mut respondent, START + 100 * MS, &table).is_empty());
    let due = respondent.next().unwrap();
    assert!(due < START + LIMIT, "the answer comes while it is waited for");
    let messages = ready(&mut respondent, due, &table);
    let mut collector = Collector::new(START, LIMIT);
    messages.iter().for_each(|message| collector.take_in(&message.text));
    let census = collector.finish();
    assert_eq!((census.answers[0].waits.as_ref(), census.answers[0].process.stuck_ms), (None, Some(900)));
    assert_eq!(census.answers[0].locks.len(), 1);
    // A later answer of the loop concerns nobody.
    respondent.loop_said(1, waits("one", 1));
    assert!(ready(&mut respondent, due + LIMIT, &table).is_empty());
}

#[test]
fn a_process_with_100_000_locks_answers_in_parts() {
    let mut table = LeaseTable::default();
    for number in 0..100_000 {
        table.register(lease(&[&format!("medusa_lock:cart_{number}")], None));
    }
    let messages = answers(&table, &question(None), vec![]);
    assert!(messages.len() > 1);
    assert!(messages.iter().all(|message| message.text.len() < 100 << 10));
    let mut collector = Collector::new(START, LIMIT);
    collector.reached(1);
    // The messages come in any order, and one of them twice.
    for message in messages.iter().rev().chain(messages.first()) {
        assert!(!collector.is_done(START) || message.text == messages[0].text);
        collector.take_in(&message.text);
    }
    assert!(collector.is_done(START));
    let census = collector.finish();
    assert!(census.answers[0].complete);
    assert_eq!(census.answers[0].locks.len(), 100_000);
}

#[test]
fn a_part_that_is_lost_leaves_the_answer_incomplete() {
    let mut table = LeaseTable::default();
    for number in 0..1_000 {
        table.register(lease(&[&format!("cart_{number}")], None));
    }
    let messages = answers(&table, &question(None), vec![]);
    let mut collector = Collector::new(START, LIMIT);
    collector.reached(1);
    messages.iter().skip(1).for_each(|message| collector.take_in(&message.text));
    assert!(!collector.is_done(START + 299 * MS));
    assert!(collector.is_done(START + LIMIT));
    assert!(!collector.finish().answers[0].complete);
}

#[test]
fn a_process_that_does_not_answer_is_waited_for_until_the_limit_and_no_longer() {
    let mut collector = Collector::new(START, LIMIT);
    collector.reached(2);
    answers(&LeaseTable::default(), &question(None), vec![])
        .iter()
        .for_each(|message| collector.take_in(&message.text));
    assert!(!collector.is_done(START + 299 * MS));
    assert!(collector.is_done(collector.until()));
    let census = collector.finish();
    assert_eq!((census.reached, census.answers.len()), (Some(2), 1));
}

#[test]
fn a_message_of_another_version_is_ignored() {
    let mut respondent = Respondent::default();
    let mut collector = Collector::new(START, LIMIT);
    let later = String::from_utf8(question(None)).unwrap().replace("\"v\":1", "\"v\":2");
    let elsewhere = question_message(Question { reply: "orders".into(), keys: None });
    for text in [&b""[..], b"{", b"[1]", b"{\"v\":1}", b"\xff\xfe", later.as_bytes(), &elsewhere] {
        assert_eq!(respondent.hear(START, text), None);
        collector.take_in(text);
    }
    assert!(collector.finish().answers.is_empty());
    // A field that a later version adds is no reason not to answer.
    let more =
        String::from_utf8(question(None)).unwrap().replace("\"reply\"", "\"colour\":\"red\",\"reply\"");
    assert!(respondent.hear(START, more.as_bytes()).is_some());
}

#[test]
fn a_flood_of_questions_is_answered_in_part() {
    let mut respondent = Respondent::default();
    let taken = (0..10_000).filter(|_| respondent.hear(START, &question(None)).is_some()).count();
    assert_eq!(taken, 64);
    assert_eq!(ready(&mut respondent, START + LIMIT, &LeaseTable::default()).len(), 64);
    assert!(respondent.hear(START, &question(None)).is_some());
}

#[test]
fn the_operator_who_takes_a_lock_away_is_known_for_a_minute() {
    let mut respondent = Respondent::default();
    let freed = Freed { keys: vec!["one".into()], owner: None, by: "ada@desk, pid 3".into() };
    assert_eq!(respondent.hear(START, &freed_message(freed.clone())), Some(Follows::Freed(freed.clone())));
    let mut table = LeaseTable::default();
    table.note_freed(START, key("one"), None, &freed.by.into());
    let hold = |names: &[&str], owner: &str, since: Instant| NewLease {
        owner: Owner::Named(owner.as_bytes().into()),
        sent_at: since,
        ..lease(names, None)
    };
    let by = |table: &LeaseTable, after: Duration, held: &NewLease| {
        table.freed_by(START + after, held).map(|by| by.to_string())
    };
    let held = hold(&["two", "one"], "me", START);
    assert_eq!(by(&table, LIMIT, &held).as_deref(), Some("ada@desk, pid 3"));
    assert_eq!(by(&table, LIMIT, &hold(&["two"], "me", START)), None);
    assert_eq!(by(&table, Duration::from_secs(61), &held), None);
    // She did not take the lock away from an owner who took it later.
    assert_eq!(by(&table, LIMIT, &hold(&["one"], "me", START + MS)), None);
    // She takes it from one owner only. An operator who frees the next holder's lock does not hide her name from the first.
    table.note_freed(START, key("one"), Some(b"you"), &"bob".into());
    assert_eq!(by(&table, LIMIT, &held).as_deref(), Some("ada@desk, pid 3"));
    assert_eq!(by(&table, LIMIT, &hold(&["one"], "you", START)).as_deref(), Some("bob"));
}

#[test]
fn a_name_that_is_repeated_in_logs_moves_no_terminal() {
    let by = format!("\u{1b}[31mada\n\u{202e}{}", "x".repeat(1_000));
    let freed = freed_message(Freed { keys: vec!["one".into()], owner: None, by });
    let Some(Follows::Freed(heard)) = Respondent::default().hear(START, &freed) else { panic!("not heard") };
    assert!(heard.by.starts_with("?[31mada??xxx"));
    assert_eq!(heard.by.chars().count(), 200);
}

#[test]
fn a_lock_that_nobody_looks_after_is_told_until_its_owner_gives_it_back() {
    let named = |name: &str, token| NewLease {
        owner: Owner::Named(b"me"[..].into()),
        tokens: [token].into(),
        renews: false,
        ..lease(&[name], Some("a workflow"))
    };
    let mut table = LeaseTable::default();
    table.note(&named("one", 1));
    table.note(&named("two", 2));
    let later = START + Duration::from_secs(5);
    table.note(&NewLease { since: later, sent_at: later, label: None, ..named("two", 2) });
    let facts = table.facts(later, None);
    let two = facts.iter().find(|lock| lock.key == key("two")).unwrap();
    assert_eq!(
        (two.since, two.label.as_deref(), two.state),
        (START, Some("a workflow"), None),
        "extended, held since then"
    );
    table.give_up(later, b"me", Some(&[key("one")]));
    assert_eq!(table.facts(later, None).len(), 1);
    assert_eq!(table.facts(START + Duration::from_secs(66), None).len(), 0, "its lease is over");
}

#[test]
fn locks_that_are_never_given_back_do_not_fill_the_memory() {
    let mut table = LeaseTable::default();
    for number in 0..30_000 {
        let owner = Owner::Named(b"me"[..].into());
        table.note(&NewLease { owner, lease: None, ..lease(&[&format!("cart_{number}")], None) });
    }
    assert_eq!(table.facts(START, None).len(), 10_000);
}

#[test]
fn a_lock_on_very_many_keys_does_not_fill_the_memory() {
    let names: Vec<String> = (0..20_000).map(|number| format!("cart_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (owner, tokens) = (Owner::Named(b"me"[..].into()), (0..20_000).collect());
    let mut table = LeaseTable::default();
    // With all tokens beside each key it would be 3 GB.
    table.note(&NewLease { owner, tokens, lease: None, ..lease(&names, None) });
    let facts = table.facts(START, None);
    assert_eq!(facts.len(), 10_000);
    assert!(facts.iter().any(|lock| lock.key == key("cart_19999") && lock.token == Some(19_999)));
}
