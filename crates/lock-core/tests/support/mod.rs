//! A client without a server: the test plays Redis, in virtual time.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "each test file uses its own part of this module"
)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

pub mod cluster;

use lock_core::resp::{Parser, Value};
use lock_core::{
    AcquireRequest, BackoffRule, Client, ClientConfig, Credentials, Error, Event, HandshakeOptions, Hold,
    Instant, Keep, Outcome, Owner, ReleaseRequest, RetryPolicy, Secrets, TaskKey, WaitPolicy, Wanted,
};
use std::time::Duration;

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);

pub fn config() -> ClientConfig {
    ClientConfig {
        prefix: b"medusa_lock:".to_vec(),
        credentials: None,
        hidden: Secrets::default(),
        database: 0,
        backoff: BackoffRule { first: 5 * MS, longest: 200 * MS, factor: 2.0 },
        handshake_options: HandshakeOptions::default(),
        retry: RetryPolicy::default(),
        cluster: None,
        safety: None,
        version: "0.0.0",
    }
}

pub fn with_password(username: Option<&str>) -> ClientConfig {
    let credentials = Credentials { username: username.map(str::to_owned), password: "s3cret".to_owned() };
    ClientConfig { credentials: Some(credentials), ..config() }
}

/// The client, the time, and the client's output so far.
pub struct Rig {
    pub client: Client,
    pub now: Instant,
    pub done: Vec<(u64, Outcome)>,
    pub events: Vec<Event>,
    next_caller: u64,
    /// The server refuses channels.
    pub refuses_channels: bool,
}

impl Rig {
    pub fn new(config: ClientConfig) -> Self {
        let client = Client::new(config, [7; 24]);
        let mut rig = Self {
            client,
            now: Instant::from_nanos(1 << 40),
            done: vec![],
            events: vec![],
            next_caller: 0,
            refuses_channels: false,
        };
        rig.client.connect();
        rig.drain();
        rig
    }

    /// Connected, handshake answered, nothing else sent.
    pub fn ready(config: ClientConfig) -> Self {
        let mut rig = Self::new(config);
        rig.shake_hands();
        rig.events.clear();
        rig
    }

    /// A client that is connected to a server without channels, so there is no queue.
    pub fn polling(config: ClientConfig) -> Self {
        let mut rig = Self::new(config);
        rig.refuses_channels = true;
        rig.shake_hands();
        rig.events.clear();
        rig
    }

    /// Connected to a server that refuses side keys.
    pub fn plain(config: ClientConfig) -> Self {
        let mut rig = Self::new(config);
        rig.connects_without_side_keys();
        rig.sent();
        rig.events.clear();
        rig
    }

    /// Connects to a server that refuses side keys. Waiting calls are sent.
    pub fn connects_without_side_keys(&mut self) {
        self.connects();
        for command in self.sent() {
            self.reply(match command[0].as_str() {
                "INFO" => b"$33\r\nredis_version:7.0.15\r\nloading:0\r\n\r\n",
                "EVALSHA" => b"-NOPERM no side keys\r\n",
                "EVAL" => b"*1\r\n:1\r\n",
                _ => b"+OK\r\n",
            });
        }
    }

    /// There is a connection, after the pause before it.
    pub fn connects(&mut self) {
        let end = self.now + 60 * SECOND;
        while !self.client.handle_connected(self.now) {
            assert!(self.now < end, "no connection is asked for");
            self.pass(MS);
        }
    }

    pub fn shake_hands(&mut self) {
        self.connects();
        // There are two rounds, because the client asks for pushes after both sides agreed on RESP3.
        for command in self.sent() {
            let reply: &[u8] = match command.first().map(String::as_str) {
                Some("INFO") => b"$33\r\nredis_version:7.0.15\r\nloading:0\r\n\r\n",
                Some("EVAL" | "EVALSHA") => b"*1\r\n:1\r\n",
                Some("WAIT") => b":0\r\n",
                _ => b"+OK\r\n",
            };
            self.reply(reply);
        }
        for command in self.sent() {
            let reply: &[u8] = match command.first().map(String::as_str) {
                Some("SUBSCRIBE") if self.refuses_channels => b"-NOPERM no channels\r\n",
                Some("SUBSCRIBE") => {
                    b">3\r\n+subscribe\r\n+mlr!c:x\r\n:1\r\n>3\r\n+subscribe\r\n+mlr!o:x\r\n:2\r\n"
                }
                Some("PUBLISH") => b":1\r\n",
                // The server was ready at once, and the waiting calls were sent.
                _ => panic!("sent before the server was ready: {command:?}"),
            };
            self.reply(reply);
        }
    }

    /// A grant's message, after which nobody may follow.
    pub fn push(&mut self, client: &str, token: u64, key: &str) {
        self.push_before(client, token, 0, key);
    }

    /// A grant's message. Waiters with an earlier ticket than `first_foreign` may follow.
    pub fn push_before(&mut self, client: &str, token: u64, first_foreign: u64, key: &str) {
        let message = format!("{token}:{first_foreign}:medusa_lock:{key}");
        let channel = format!("mlr!c:{client}");
        let push = format!(
            ">3\r\n+message\r\n${}\r\n{channel}\r\n${}\r\n{message}\r\n",
            channel.len(),
            message.len()
        );
        self.reply(push.as_bytes());
    }

    /// The commands that the client would write since the last time.
    pub fn sent(&mut self) -> Vec<Vec<String>> {
        self.client.handle_write(self.now);
        self.written()
    }

    /// The commands written since the last time.
    pub fn written(&mut self) -> Vec<Vec<String>> {
        let mut parser = Parser::default();
        parser.feed(self.client.transmit());
        self.client.transmitted(usize::MAX);
        let mut commands = Vec::new();
        while let Some(Value::Array(parts)) = parser.next_reply().unwrap() {
            let text = |part: &Value| match part {
                Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
                other => panic!("a command with {other:?}"),
            };
            commands.push(parts.iter().map(text).collect());
        }
        commands
    }

    pub fn reply(&mut self, bytes: &[u8]) {
        self.client.handle_bytes(self.now, bytes);
        self.drain();
    }

    pub fn cut(&mut self) {
        self.client.handle_disconnected(self.now, "ECONNRESET");
        self.drain();
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.client.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Done { caller, outcome } => self.done.push((caller, outcome)),
                event => self.events.push(event),
            }
        }
    }

    /// The client closes its connection.
    pub fn disconnects(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Disconnect))
    }

    pub fn wants_connection(&mut self) -> bool {
        let wanted = self.events.iter().any(|event| matches!(event, Event::Connect));
        self.events.clear();
        wanted
    }

    pub fn acquire(&mut self, keys: &[&str], wanted: Wanted, wait: Option<Duration>) -> (u64, TaskKey) {
        self.next_caller += 1;
        let caller = self.next_caller;
        let named: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let request = AcquireRequest {
            caller,
            keys: self.client.parse_keys(&named).unwrap(),
            named: if named.len() > 1 { named } else { vec![] },
            wanted,
            lease: Some(10 * SECOND),
            wait: wait.map_or(WaitPolicy::None, WaitPolicy::Limit),
            keep: Keep::No,
            label: None,
        };
        let task = self.client.acquire(self.now, request).unwrap();
        self.drain();
        (caller, task)
    }

    pub fn try_for(&mut self, key: &str, owner: &str) -> (u64, TaskKey) {
        self.acquire(&[key], Wanted::Named(owner.as_bytes().into()), None)
    }

    pub fn wait_for(&mut self, key: &str, limit: Duration) -> (u64, TaskKey) {
        self.acquire(&[key], Wanted::Execute, Some(limit))
    }

    pub fn release(&mut self, key: &str, owner: &Owner, lease_end: Option<Instant>) -> u64 {
        self.next_caller += 1;
        let keys = self.client.parse_keys(&[key.to_owned()]).unwrap();
        let limit = lease_end.map(|_| 5 * SECOND);
        let request = ReleaseRequest {
            caller: self.next_caller,
            keys,
            owner: owner.clone(),
            lease_end,
            claim: None,
            limit,
            waited: false,
            sound: true,
            good_until: None,
            of_attempt: None,
        };
        self.client.release(self.now, request);
        self.drain();
        self.next_caller
    }

    /// The only outcome since the last time.
    pub fn outcome(&mut self) -> Outcome {
        assert_eq!(self.done.len(), 1, "outcomes: {:?}", self.done);
        self.done.pop().unwrap().1
    }

    pub fn error(&mut self) -> Error {
        match self.outcome() {
            Outcome::Failed(error) => error,
            other => panic!("did not fail: {other:?}"),
        }
    }

    pub fn logs(&self) -> String {
        let line = |event: &Event| match event {
            Event::Log { message, .. } => Some(message.clone()),
            Event::Recovered { again } => Some(format!("Recovered, again: {again}")),
            _ => None,
        };
        self.events.iter().filter_map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The answer to an acquire of one key.
pub const HELD: &[u8] = b"*2\r\n:1\r\n:1700000000000001\r\n";

/// A client that holds "k" for execute.
pub fn holding(config: ClientConfig) -> (Rig, Hold) {
    let mut rig = Rig::ready(config);
    rig.wait_for("k", SECOND);
    rig.sent();
    rig.reply(HELD);
    match rig.outcome() {
        Outcome::Held(hold) => (rig, hold),
        other => panic!("not held: {other:?}"),
    }
}

pub fn named(owner: &str) -> Owner {
    Owner::Named(owner.as_bytes().into())
}

/// The verb of a script call, by its hash or text.
pub fn verb(command: &[String]) -> &'static str {
    lock_core::Script::of(command[1].as_bytes()).map_or("none", lock_core::Script::name)
}
