//! A real server and the model, kept in the same state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use server_model::{Reply, Server, Value, Verb};

use super::compare::{
    DUMP, NO_TIMES, Tokens, keyspace_differences, model_keyspace, model_of, real_keyspace, same_reply, shown,
};
use super::op::Op;
use super::resp::{Connection, array, text};
use super::scripts::body;
use super::server::RealServer;

/// How much less time a real key may have left than the model's.
const SLACK_MS: i64 = 60;
/// A key that ends sooner than this is ended on both sides. Otherwise chance would decide in which command it ends.
const SOON_MS: i64 = 400;
/// If a command and its surroundings took longer than this, the machine was busy, and all times are read again.
const STALL_US: u64 = 4000;
/// How near a time in a mark may be to now.
const MARK_SLACK_MS: i64 = 20;

type Message = (Vec<u8>, Vec<u8>);

pub(crate) struct Pair {
    pub(crate) model: Server,
    /// The real server's TIME after the last command, in microseconds.
    pub(crate) now_us: u64,
    /// How often each command had each outcome.
    pub(crate) tally: BTreeMap<String, u64>,
    pub(crate) stalls: u64,
    connection: Connection,
    subscriber: Connection,
    subscribed: BTreeSet<Vec<u8>>,
    scripts: BTreeMap<Verb, Vec<u8>>,
    dump: Vec<u8>,
    /// Counters may be lost. Tokens are the server's TIME then, which the model does not know to the microsecond.
    tokens_are_times: bool,
    _server: RealServer,
}

impl Pair {
    /// `change` is applied to each script before the server gets it.
    pub(crate) fn start(
        program: &str,
        tokens_are_times: bool,
        change: impl Fn(Verb, String) -> String,
    ) -> Self {
        let server = RealServer::start(program);
        let mut connection = Connection::open(server.port).unwrap();
        let mut load = |body: &str| text(connection.command(&["SCRIPT", "LOAD", body]));
        let scripts = Verb::ALL.into_iter().map(|verb| (verb, load(&change(verb, body(verb))))).collect();
        let dump = load(DUMP);
        let mut subscriber = Connection::open(server.port).unwrap();
        subscriber.command(&["PSUBSCRIBE", "mlr!o:*"]);
        let mut pair = Self {
            model: Server::new(),
            now_us: 0,
            tally: BTreeMap::new(),
            stalls: 0,
            connection,
            subscriber,
            subscribed: BTreeSet::new(),
            scripts,
            dump,
            tokens_are_times,
            _server: server,
        };
        pair.now_us = time(pair.connection.command(&["TIME"]));
        pair
    }

    /// Begins or ends a client's life by its subscription.
    pub(crate) fn toggle_subscription(&mut self, client: &[u8]) {
        let channel = [b"mlr!c:", client].concat();
        let gone = self.subscribed.remove(&channel);
        let word: &[u8] = if gone { b"UNSUBSCRIBE" } else { b"SUBSCRIBE" };
        self.subscriber.command(&[word, &channel]);
        if !gone {
            self.subscribed.insert(channel);
        }
    }

    /// Removes everything that would make the next command's outcome a matter of chance.
    pub(crate) fn settle(&mut self) -> Result<(), String> {
        let all = model_keyspace(&self.model, self.now_us);
        // Keys that would end soon by themselves end now.
        for (key, &(_, left)) in &all {
            if (0..SOON_MS).contains(&left) {
                self.let_expire(key.clone());
            }
        }
        // A polled key changes sides by the clock, so a mark whose times are near begins anew.
        let now = i64::try_from(self.now_us / 1000).unwrap_or(i64::MAX);
        for (mark, (value, left)) in &all {
            let Value::Text(text) = value else { continue };
            let text = String::from_utf8_lossy(text);
            let near = |time: &str| {
                let passed = time.parse::<i64>().map(|time| now - time);
                passed.is_ok_and(|passed| {
                    [0, 100, 10_000].iter().any(|turn| (passed - turn).abs() < MARK_SLACK_MS)
                })
            };
            let ends_near = [2_000, 29_000].iter().any(|turn| (left - turn).abs() < MARK_SLACK_MS);
            if text.contains('@') && mark.starts_with(b"mlr!") && (ends_near || text.split('@').any(near)) {
                let ms = (*left >= 0).then(|| if ends_near { 20_000 } else { left.unsigned_abs() });
                let text = if text.starts_with('+') { b"+".to_vec() } else { b"1".to_vec() };
                self.step(&Op::Set { key: mark.clone(), text, ms, only_new: false })?;
            }
        }
        // A record is trusted if its time left is the lock's within 5 ms. Times that differ by about that much are made to differ by more.
        for (record, &(_, left)) in &all {
            let name = record.windows(3).position(|part| part == b"}h:").map(|at| &record[at + 3..]);
            let of_lock = name.and_then(|name| all.get(name)).map_or(-1, |&(_, left)| left);
            if of_lock >= SOON_MS && left >= SOON_MS && (3..=8).contains(&(left - of_lock).abs()) {
                self.step(&Op::Expire { key: record.clone(), ms: left + 1000 })?;
            }
        }
        Ok(())
    }

    /// Lets a key reach its end on both sides.
    pub(crate) fn let_expire(&mut self, key: Vec<u8>) {
        let op = Op::Expire { key, ms: 1 };
        // Chance decides whether the key still exists when the dump is read. The comparison comes later.
        self.connection.command(&op.command(|_| Vec::new()));
        self.now_us = time(self.connection.command(&["TIME"]));
        op.run(&mut self.model, self.now_us, &mut |_, _| 0);
        std::thread::sleep(Duration::from_millis(3));
        self.now_us = time(self.connection.command(&["TIME"]));
    }

    /// Runs the command on both sides. The error tells the difference.
    pub(crate) fn step(&mut self, op: &Op) -> Result<(), String> {
        let command = op.command(|verb| self.scripts[&verb].clone());
        let dump = [b"EVALSHA".to_vec(), self.dump.clone(), b"0".to_vec()];
        self.connection.push(&["TIME"]);
        self.connection.push(&command);
        self.connection.push(&["TIME"]);
        self.connection.push(&dump);
        self.connection.push(&["TIME"]);
        self.connection.flush();
        let before = time(self.connection.read());
        let reply = self.connection.read();
        let after = time(self.connection.read());
        let mut real = real_keyspace(self.connection.read());
        let end = time(self.connection.read());
        if before > self.now_us + 1000 * (SOON_MS.unsigned_abs() / 2)
            || end > before + 1000 * (SOON_MS.unsigned_abs() / 2)
        {
            // The command was so slow that keys may have ended at any point of it, so it proves nothing.
            self.messages();
            self.stalls += 1;
            self.read_anew(real, end);
            return Ok(());
        }

        let earlier = self.model.clone();
        let mut published: Vec<Message> = Vec::new();
        let subscribed = &self.subscribed;
        let expected = op.run(&mut self.model, before, &mut |channel, message| {
            let heard = channel.starts_with(b"mlr!o:") || subscribed.contains(channel);
            if heard {
                published.push((channel.to_vec(), message.to_vec()));
            }
            heard.into()
        });
        *self.tally.entry(format!("{} {}", op.name(), outcome(&expected))).or_default() += 1;

        let tokens = if self.tokens_are_times { Tokens::Moment(before..=after + 64) } else { Tokens::Exact };
        let slack_ms = SLACK_MS + i64::try_from((end - before) / 1000).unwrap();
        let parked = matches!(&expected, Reply::Array(parts) if parts.first() == Some(&Reply::Int(2)));
        let times = match op {
            Op::Verb { verb: Verb::Park, .. } if parked => 3..=3,
            Op::Verb { verb: Verb::Renew, .. } => 1..=usize::MAX,
            _ => NO_TIMES,
        };
        let mut differences = Vec::new();
        if !same_reply(&reply, &expected, &times, slack_ms, &tokens) {
            differences.push(format!("reply:\n    real  {reply:?}\n    model {expected:?}"));
        }
        let heard = self.messages();
        let blurred = |list: &[Message]| -> Vec<String> {
            list.iter().map(|(channel, message)| tokens.blur(channel) + " " + &tokens.blur(message)).collect()
        };
        if blurred(&heard) != blurred(&published) {
            differences.push(format!(
                "messages:\n    real  {:?}\n    model {:?}",
                blurred(&heard),
                blurred(&published)
            ));
        }
        let modelled = model_keyspace(&self.model, after);
        differences.extend(keyspace_differences(&real, &modelled, slack_ms, &tokens));
        self.now_us = after;
        if differences.is_empty() {
            let stalled = end - before > STALL_US;
            if stalled {
                // The effect of the stall is not known: a record is trusted only if its time left is the lock's within a few ms.
                real = real_keyspace(self.connection.command(&dump));
            }
            if stalled || self.tokens_are_times {
                self.stalls += u64::from(stalled);
                self.read_anew(real, after);
            }
            return Ok(());
        }
        Err(format!("{op:?}\n  {}\n  before it:{}", differences.join("\n  "), listing(&earlier, before)))
    }

    fn read_anew(&mut self, real: super::compare::Keyspace, now_us: u64) {
        self.model = model_of(&real, now_us);
        self.now_us = now_us;
    }

    /// The messages that the subscriber has received so far.
    fn messages(&mut self) -> Vec<Message> {
        self.subscriber.push(&["PING"]);
        self.subscriber.flush();
        let mut heard = Vec::new();
        loop {
            let mut parts: Vec<_> = array(self.subscriber.read()).into_iter().map(text).collect();
            if parts[0] == b"pong" {
                return heard;
            }
            let message = parts.pop().unwrap();
            heard.push((parts.pop().unwrap(), message));
        }
    }
}

fn outcome(reply: &Reply) -> String {
    match reply {
        Reply::Array(parts) => match parts.first() {
            Some(Reply::Int(tag)) => tag.to_string(),
            other => format!("{other:?}"),
        },
        Reply::Error(_) => "error".into(),
        Reply::Int(number) => number.to_string(),
        Reply::Nil => "nil".into(),
        Reply::Text(text) => String::from_utf8_lossy(text).into_owned(),
    }
}

fn listing(model: &Server, now_us: u64) -> String {
    let mut out = String::new();
    for (key, value, left) in model.entries(now_us) {
        let _ = write!(
            out,
            "\n    {} = {} ({left} ms)",
            String::from_utf8_lossy(key),
            shown(value, &Tokens::Exact)
        );
    }
    out
}

fn time(reply: Reply) -> u64 {
    let parts: Vec<u64> = array(reply)
        .into_iter()
        .map(|part| String::from_utf8(text(part)).unwrap().parse().unwrap())
        .collect();
    parts[0] * 1_000_000 + parts[1]
}
