//! The connection alone: its phases, and the receiver of each reply.

use super::{Connection, Expected, Input};
use crate::backoff::BackoffRule;
use crate::call_id::CallId;
use crate::config::{ClientConfig, HandshakeOptions, RetryPolicy};
use crate::effects::Effects;
use crate::ids::IdSource;
use crate::requests::Event;
use crate::resp::{Value, append_command};
use crate::secrets::Secrets;
use crate::time::Instant;
use crate::timers::Timer;
use std::time::Duration;

const NOW: Instant = Instant::from_nanos(1 << 40);
const CALL: CallId = CallId { index: 1, serial: 1 };
const HELLO: &[u8] = b"%0\r\n:1\r\n+OK\r\n+OK\r\n$22\r\nredis_version:7.0.15\r\n\r\n*1\r\n:1\r\n*1\r\n:1\r\n";
const CHANNELS: &[u8] = b">3\r\n+subscribe\r\n+mlr!c:x\r\n:1\r\n>3\r\n+subscribe\r\n+mlr!o:x\r\n:2\r\n:1\r\n";

struct Rig {
    connection: Connection,
    config: ClientConfig,
    ids: IdSource,
    fx: Effects,
}

impl Rig {
    fn new() -> Self {
        let config = ClientConfig {
            prefix: b"l:".to_vec(),
            credentials: None,
            hidden: Secrets::default(),
            database: 0,
            backoff: BackoffRule { first: Duration::ZERO, longest: Duration::ZERO, factor: 1.0 },
            handshake_options: HandshakeOptions::default(),
            retry: RetryPolicy::default(),
            cluster: None,
            safety: None,
            version: "0.0.0",
        };
        let connection = Connection::new(&config);
        Self { connection, config, ids: IdSource::new([7; 24]), fx: Effects::default() }
    }

    fn ready() -> Self {
        let mut rig = Self::new();
        rig.connection.connect(&mut rig.fx);
        rig.connection.connected(NOW, &rig.config, &mut rig.ids, &mut rig.fx);
        let inputs: Vec<Input> = [HELLO, CHANNELS].into_iter().flat_map(|bytes| rig.take_in(bytes)).collect();
        assert!(matches!(inputs.as_slice(), [Input::Ready]));
        rig.connection.transmitted(usize::MAX);
        while rig.fx.next_event().is_some() {}
        rig
    }

    fn take_in(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.connection.feed(NOW, bytes);
        let Self { connection, config, fx, .. } = self;
        std::iter::from_fn(|| connection.next_input(NOW, config, fx)).collect()
    }

    fn send(&mut self, expected: Expected) {
        let ping = |_: crate::commands::SendContext<'_>, out: &mut Vec<u8>| append_command(out, &[b"PING"]);
        self.connection.send(NOW, &self.config, expected, false, &mut self.fx, ping);
    }
}

#[test]
fn replies_go_to_those_who_asked_in_the_order_of_asking() {
    let mut rig = Rig::ready();
    rig.send(Expected::Nobody);
    rig.send(Expected::Call(CALL));
    rig.send(Expected::Wait);
    let inputs = rig.take_in(b"+OK\r\n:1\r\n:2\r\n");
    assert!(matches!(
        inputs.as_slice(),
        [Input::Reply(Expected::Call(CALL), Value::Int(1)), Input::Reply(Expected::Wait, Value::Int(2))]
    ));
    assert!(!rig.connection.expects_reply());
}

#[test]
fn bytes_leave_in_pieces_once_and_in_order_whatever_is_written_meanwhile() {
    let mut rig = Rig::ready();
    let (mut left, mut written) = (Vec::new(), 0);
    for piece in (1..40).cycle().take(400) {
        if written < 100 {
            rig.send(Expected::Nobody);
            written += 1;
        }
        let bytes = rig.connection.transmit();
        let count = piece.min(bytes.len());
        left.extend_from_slice(&bytes[..count]);
        rig.connection.transmitted(count);
    }
    assert_eq!(left, b"*1\r\n$4\r\nPING\r\n".repeat(100));
    assert!(rig.connection.transmit().is_empty());
}

#[test]
fn a_reply_that_nobody_asked_for_makes_the_connection_useless() {
    let mut rig = Rig::ready();
    let inputs = rig.take_in(b"-ERR max number of clients reached\r\n");
    let [Input::Useless(reason)] = inputs.as_slice() else { panic!("{inputs:?}") };
    assert!(reason.contains("max number of clients"), "{reason}");
}

#[test]
fn unanswered_commands_are_given_back_when_the_connection_is_lost_and_later_bytes_are_nobodys() {
    let mut rig = Rig::ready();
    rig.send(Expected::Call(CALL));
    let unanswered = rig.connection.lose("cut", false, &mut rig.fx);
    assert!(matches!(unanswered.as_slice(), [Expected::Call(CALL)]));
    assert!(rig.connection.transmit().is_empty(), "nothing of it goes out on the next connection");
    assert!(rig.take_in(b":1\r\n").is_empty());
    assert!(!rig.connection.can_be_lost());
}

#[test]
fn a_connection_that_owes_an_answer_and_says_nothing_is_given_up() {
    let mut rig = Rig::ready();
    rig.send(Expected::Call(CALL));
    let (reason, now) = loop {
        let now = rig.fx.next_due().expect("silence is watched");
        assert_eq!(rig.fx.take_due(now), Some(Timer::Silence));
        if let Some(reason) = rig.connection.silence_due(now, &rig.config, &mut rig.fx) {
            break (reason, now);
        }
    };
    assert_eq!((reason.as_str(), now.since(NOW)), ("no answer for 15 s", Duration::from_secs(15)));
}

#[test]
fn reconnects_are_counted_until_a_connection_is_ready() {
    let mut rig = Rig::new();
    rig.connection.connect(&mut rig.fx);
    for _ in 0..3 {
        rig.connection.lose("refused", false, &mut rig.fx);
        rig.connection.reconnect(&mut rig.fx);
    }
    assert_eq!(rig.connection.attempts(), (3, 0));
    rig.connection.connected(NOW, &rig.config, &mut rig.ids, &mut rig.fx);
    rig.take_in(HELLO);
    rig.take_in(CHANNELS);
    assert_eq!(rig.connection.attempts(), (0, 0));
    let events: Vec<Event> = std::iter::from_fn(|| rig.fx.next_event()).collect();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Connect)).count(), 4);
}
