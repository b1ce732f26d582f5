//! A router without servers: the test plays the nodes of a Redis Cluster, in virtual time.

use super::{MS, config, verb};
use lock_core::resp::{Parser, Value};
use lock_core::{
    AcquireRequest, ClientConfig, ClusterRules, Error, Event, FIRST, Hold, Instant, Keep, NodeAddress,
    NodeId, Outcome, Owner, ReleaseAllRequest, ReleaseRequest, Router, SlotRange, WaitPolicy, Wanted, tag_of,
};
use std::time::Duration;

pub const LEASE: Duration = Duration::from_secs(9);
pub const TICKET: u64 = 1_800_000_000_000_000;
pub const LISTENS: &[u8] = b">3\r\n+ssubscribe\r\n+x\r\n:1\r\n";

pub fn rules() -> ClusterRules {
    ClusterRules::default()
}

pub fn with(rules: ClusterRules) -> ClientConfig {
    ClientConfig { cluster: Some(rules), ..config() }
}

/// A key of the slot, as a caller names it.
pub fn key(slot: u16) -> String {
    format!("{{{}}}", tag_of(slot))
}

pub fn address(host: &str) -> NodeAddress {
    NodeAddress { host: host.into(), port: 7000 }
}

/// Slots of a node.
pub fn range(first: u16, last: u16, host: &str) -> SlotRange {
    SlotRange { first, last, master: address(host) }
}

/// The half of the slots that "a" has, and the half that "b" has.
pub fn halves() -> Vec<SlotRange> {
    vec![range(0, 8191, "a"), range(8192, 16_383, "b")]
}

pub struct Nodes {
    pub router: Router,
    pub now: Instant,
    pub done: Vec<(u64, Outcome)>,
    pub events: Vec<(NodeId, Event)>,
    next_caller: u64,
}

impl Nodes {
    pub fn new(config: ClientConfig) -> Self {
        let router = Router::new(config, [7; 24]);
        let now = Instant::from_nanos(1 << 40);
        let mut nodes = Self { router, now, done: vec![], events: vec![], next_caller: 0 };
        nodes.router.connect();
        nodes.drain();
        nodes
    }

    /// "a" and "b" have half of the slots each, and are connected.
    pub fn ready(config: ClientConfig) -> Self {
        let mut nodes = Self::new(config);
        nodes.map(&halves());
        nodes.shake_hands("a");
        nodes.shake_hands("b");
        nodes.events.clear();
        nodes
    }

    pub fn map(&mut self, ranges: &[SlotRange]) {
        self.router.handle_map(self.now, Ok(ranges.to_vec()));
        self.drain();
    }

    pub fn no_map(&mut self) {
        self.router.handle_map(self.now, Err("ECONNREFUSED".to_owned()));
        self.drain();
    }

    pub fn find(&self, host: &str) -> Option<NodeId> {
        self.router.nodes().into_iter().find(|id| self.router.address(*id) == Some(&address(host)))
    }

    pub fn id(&self, host: &str) -> NodeId {
        self.find(host).unwrap_or_else(|| panic!("there is no node {host}"))
    }

    /// The client connects to the node and shakes hands. Returns the commands of the handshake.
    pub fn shake_hands(&mut self, host: &str) -> Vec<Vec<String>> {
        let id = self.id(host);
        let now = self.now;
        self.router.client(id).unwrap().handle_connected(now);
        let mut asked = Vec::new();
        for _ in 0..2 {
            let sent = self.sent(host);
            for command in &sent {
                let reply: &[u8] = match command[0].as_str() {
                    "CLIENT" if command[1] == "ID" => b":7\r\n",
                    "INFO" => b"$41\r\nredis_version:7.0.15\r\nloading:0\r\nrun_id:x\r\n",
                    "EVAL" | "EVALSHA" => b"*1\r\n:1\r\n",
                    "SUBSCRIBE" => b">3\r\n+subscribe\r\n+x\r\n:1\r\n",
                    "SSUBSCRIBE" => LISTENS,
                    "SPUBLISH" => b":1\r\n",
                    _ => b"+OK\r\n",
                };
                self.reply(host, reply);
            }
            asked.extend(sent);
        }
        asked
    }

    /// The commands to a node since the last time.
    pub fn sent(&mut self, host: &str) -> Vec<Vec<String>> {
        let (id, now) = (self.id(host), self.now);
        let client = self.router.client(id).unwrap();
        client.handle_write(now);
        let mut parser = Parser::default();
        parser.feed(client.transmit());
        client.transmitted(usize::MAX);
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

    /// Does the same, as names of scripts or commands.
    pub fn asked(&mut self, host: &str) -> Vec<String> {
        let name = |command: &Vec<String>| {
            if command[0].starts_with("EVAL") { verb(command).to_owned() } else { command[0].clone() }
        };
        self.sent(host).iter().map(name).collect()
    }

    pub fn reply(&mut self, host: &str, bytes: &[u8]) {
        let (id, now) = (self.id(host), self.now);
        self.router.client(id).unwrap().handle_bytes(now, bytes);
        self.drain();
    }

    pub fn refuse(&mut self, host: &str, text: &str) {
        self.reply(host, format!("-{text}\r\n").as_bytes());
    }

    /// Lets time pass, stopping at every deadline on the way.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.router.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.router.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
        self.drain();
    }

    pub fn drain(&mut self) {
        while let Some((id, event)) = self.router.poll_event(self.now) {
            match event {
                Event::Done { caller, outcome } => self.done.push((caller, outcome)),
                event => self.events.push((id, event)),
            }
        }
    }

    /// Whether the router asked for the table of slots since the last time.
    pub fn looks_up(&mut self) -> bool {
        let before = self.events.len();
        self.events.retain(|(id, event)| *id != FIRST || !matches!(event, Event::Connect));
        self.events.len() < before
    }

    pub fn acquire(&mut self, keys: &[String], wanted: Wanted, wait: WaitPolicy) -> u64 {
        self.acquire_for(keys, wanted, wait, Some(LEASE))
    }

    pub fn acquire_for(
        &mut self,
        keys: &[String],
        wanted: Wanted,
        wait: WaitPolicy,
        lease: Option<Duration>,
    ) -> u64 {
        self.next_caller += 1;
        let request = AcquireRequest {
            caller: self.next_caller,
            keys: self.router.parse_keys(keys).unwrap(),
            named: if keys.len() > 1 { keys.to_vec() } else { vec![] },
            wanted,
            lease,
            wait,
            keep: Keep::No,
            label: None,
        };
        self.router.acquire(self.now, request).unwrap();
        self.drain();
        self.next_caller
    }

    /// A call of `execute` for keys of these slots.
    pub fn wait_for(&mut self, slots: &[u16], wait: WaitPolicy) -> u64 {
        let keys: Vec<String> = slots.iter().map(|slot| key(*slot)).collect();
        self.acquire(&keys, Wanted::Execute, wait)
    }

    pub fn cancel(&mut self, caller: u64) {
        self.router.cancel(self.now, 0, caller);
        self.drain();
    }

    pub fn release(&mut self, slots: &[u16], hold: Option<&Hold>, owner: &Owner) -> u64 {
        self.next_caller += 1;
        let keys: Vec<String> = slots.iter().map(|slot| key(*slot)).collect();
        let request = ReleaseRequest {
            caller: self.next_caller,
            keys: self.router.parse_keys(&keys).unwrap(),
            owner: owner.clone(),
            lease_end: hold.map(|_| self.now + LEASE),
            claim: hold.and_then(|hold| hold.claim.as_ref()).map(|claiming| claiming.claim),
            limit: hold.map(|_| 5000 * MS),
            waited: false,
            sound: true,
            good_until: None,
            of_attempt: None,
        };
        self.router.release(self.now, request);
        self.drain();
        self.next_caller
    }

    pub fn release_all(&mut self) {
        self.next_caller += 1;
        let request = ReleaseAllRequest { caller: self.next_caller, owner: None };
        self.router.release_all(self.now, request).unwrap();
        self.drain();
    }

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

    pub fn hold(&mut self) -> Hold {
        match self.outcome() {
            Outcome::Held(hold) => hold,
            other => panic!("not held: {other:?}"),
        }
    }

    /// A call holds the key of a slot, whose counter is raised.
    pub fn holding(&mut self, host: &str, slot: u16) -> Hold {
        self.wait_for(&[slot], WaitPolicy::None);
        self.sent(host);
        self.reply(host, &held(1));
        self.hold()
    }

    /// A waiter parks at the key of a slot; its client's id there.
    pub fn park(&mut self, host: &str, slot: u16) -> String {
        self.wait_for(&[slot], WaitPolicy::Limit(3_600_000 * MS));
        let sent = self.sent(host);
        assert_eq!((sent[0][0].as_str(), verb(&sent[1])), ("SSUBSCRIBE", "park"));
        self.reply(host, LISTENS);
        self.reply(host, &parked(TICKET));
        sent[1][12].clone()
    }
}

pub fn held(token: u64) -> Vec<u8> {
    format!("*2\r\n:1\r\n:{token}\r\n").into_bytes()
}

pub fn parked(ticket: u64) -> Vec<u8> {
    format!("*5\r\n:2\r\n:0\r\n:{ticket}\r\n:60000\r\n:1\r\n").into_bytes()
}

/// A message on the channel of the client for a slot.
pub fn smessage(client: &str, slot: u16, token: u64) -> Vec<u8> {
    let channel = format!("mlr!{{{}}}c:{client}", tag_of(slot));
    let message = format!("{token}:0:medusa_lock:{}", key(slot));
    format!(">3\r\n+smessage\r\n${}\r\n{channel}\r\n${}\r\n{message}\r\n", channel.len(), message.len())
        .into_bytes()
}
