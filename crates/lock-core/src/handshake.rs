//! What is said on a new connection before the first lock: who we are, which database, is the server ready,
//! and what does it allow. Two rounds: pushes are only asked for once the server has said that it speaks RESP3,
//! since a subscription would put an older connection out of use.

use crate::channels::Channels;
use crate::config::ClientConfig;
use crate::error::{Code, Error};
use crate::key::LockKey;
use crate::resp::{Value, append_command};
use crate::script::Script;
use std::collections::VecDeque;
use std::time::Duration;

/// The first release whose scripts can keep what fencing and hold records need.
const OLDEST_WITH_RECORDS: (u32, u32) = (6, 2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Auth,
    Hello,
    Select,
    ClientName,
    ClientId,
    ClientInfo,
    Info,
    Probe,
    Kill,
    Subscribe,
    Publish,
}

/// A connection as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The server's run: its numbers begin anew with each.
    run: String,
    /// The server's own number for the connection.
    number: i64,
}

/// How a client waits for a lock: what this server and this user allow, found out anew on every connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rung {
    /// Nothing but the lock keys themselves, as the official package has it: no fencing, no hold records.
    #[default]
    Plain,
    /// Fencing and hold records; waiters ask again and again.
    Polling,
    /// Waiters stand in a queue and are told by push.
    HandOff,
}

/// Where the handshake stands after a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More replies are to come.
    Pending,
    /// The server is loading its data: ask again after this long.
    Loading(Duration),
    /// Done. With the reason when it is not the best rung.
    Ready { rung: Rung, why: Option<String>, password_unwanted: bool },
    /// This connection is of no use; another may be.
    Useless(String),
    /// This connection is of no use, and those who wait are told.
    Failed(Error),
}

#[derive(Debug, Default)]
pub(crate) struct Handshake {
    expected: VecDeque<Step>,
    channels: Channels,
    /// The connection before this one.
    previous: Option<Identity>,
    run: String,
    number: Option<i64>,
    second_round: bool,
    /// Whether it is a node of a cluster was said.
    mode_known: bool,
    /// Why side keys cannot be used.
    plain: Option<String>,
    /// Why pushes cannot be used, or not trusted.
    polling: Option<String>,
    loading: Option<Duration>,
    password_unwanted: bool,
    /// Things worth a line in the log.
    pub(crate) notes: Vec<String>,
}

impl Handshake {
    /// Writes the whole first round at once: replies come in order, so nothing is gained by waiting for each.
    pub(crate) fn begin(
        config: &ClientConfig,
        channels: Channels,
        previous: Option<Identity>,
        out: &mut Vec<u8>,
    ) -> Self {
        let mut handshake = Self { channels, previous, ..Self::default() };
        if let Some(credentials) = &config.credentials {
            let password = credentials.password.as_bytes();
            match &credentials.username {
                Some(user) => append_command(out, &[b"AUTH", user.as_bytes(), password]),
                None => append_command(out, &[b"AUTH", password]),
            }
            handshake.expected.push_back(Step::Auth);
        }
        if config.greeting.resp3 {
            append_command(out, &[b"HELLO", b"3"]);
            handshake.expected.push_back(Step::Hello);
        } else {
            handshake.polling = Some("the option protocol says RESP2, which has no pushes".to_owned());
        }
        if config.database != 0 {
            append_command(out, &[b"SELECT", itoa::Buffer::new().format(config.database).as_bytes()]);
            handshake.expected.push_back(Step::Select);
        }
        if let Some(name) = &config.greeting.connection_name {
            append_command(out, &[b"CLIENT", b"SETNAME", name.as_bytes()]);
            handshake.expected.push_back(Step::ClientName);
        }
        append_command(out, &[b"CLIENT", b"ID"]);
        handshake.expected.push_back(Step::ClientId);
        if let Some(library) = &config.greeting.library_name {
            append_command(out, &[b"CLIENT", b"SETINFO", b"LIB-NAME", library.as_bytes()]);
            append_command(out, &[b"CLIENT", b"SETINFO", b"LIB-VER", config.version.as_bytes()]);
            handshake.expected.extend([Step::ClientInfo, Step::ClientInfo]);
        }
        handshake.ask_ready(config, out);
        handshake
    }

    /// Asks whether the server is ready, and what it allows.
    pub(crate) fn ask_ready(&mut self, config: &ClientConfig, out: &mut Vec<u8>) {
        append_command(out, &[b"INFO"]);
        let (key, mut counter, mut queue) = (LockKey::new(config.prefix.clone()), Vec::new(), Vec::new());
        key.counter(&mut counter);
        key.queue(&mut queue);
        append_command(out, &[b"EVAL", Script::Probe.body().as_bytes(), b"2", &counter, &queue]);
        self.expected.extend([Step::Info, Step::Probe]);
        self.loading = None;
    }

    /// Takes the next reply.
    pub(crate) fn handle(&mut self, config: &ClientConfig, reply: &Value, out: &mut Vec<u8>) -> Progress {
        let Some(step) = self.expected.pop_front() else {
            return Progress::Failed(Error::new(Code::Internal, "Redis answered what was not asked."));
        };
        if step == Step::Info
            && let Some(reason) = uselessness(config, reply)
        {
            return Progress::Useless(reason);
        }
        let outcome = match step {
            Step::Auth => self.handle_auth(reply),
            Step::Hello => {
                self.handle_hello(reply);
                Ok(())
            }
            Step::Select => handle_select(config, reply),
            Step::ClientId => {
                self.number = if let Value::Int(number) = reply { Some(*number) } else { None };
                Ok(())
            }
            // Who may not end a connection lives with what is still under way on it. Names are for people.
            Step::ClientName | Step::ClientInfo | Step::Kill => Ok(()),
            Step::Info => self.handle_info(config, reply),
            Step::Probe => self.handle_probe(config, reply),
            Step::Subscribe => {
                self.polling =
                    Some(format!("channels are refused ({})", error_text(reply).unwrap_or_default()));
                Ok(())
            }
            Step::Publish => {
                self.handle_publish(reply);
                Ok(())
            }
        };
        match (outcome, self.loading) {
            (Err(error), _) => Progress::Failed(error),
            (Ok(()), _) if !self.expected.is_empty() => Progress::Pending,
            (Ok(()), Some(pause)) => Progress::Loading(pause),
            (Ok(()), None) if !self.second_round && self.begin_second_round(out) => Progress::Pending,
            (Ok(()), None) => {
                let (rung, why) = match (self.plain.take(), self.polling.take()) {
                    (Some(why), _) => (Rung::Plain, Some(why)),
                    (None, Some(why)) => (Rung::Polling, Some(why)),
                    (None, None) => (Rung::HandOff, None),
                };
                Progress::Ready { rung, why, password_unwanted: self.password_unwanted }
            }
        }
    }

    /// Asks for what the answers of the first round allow; false when that is nothing.
    fn begin_second_round(&mut self, out: &mut Vec<u8>) -> bool {
        self.second_round = true;
        if let Some(previous) = self.previous.take().filter(|previous| previous.run == self.run) {
            // What is still under way there, in a network or a buffer, must not be executed after it was asked again
            // here, and undone.
            append_command(out, &[b"CLIENT", b"KILL", b"ID", previous.number.to_string().as_bytes()]);
            self.expected.push_back(Step::Kill);
        }
        if self.plain.is_none() && self.polling.is_none() {
            let (grants, losses) = (self.channels.grants(), self.channels.losses());
            append_command(out, &[b"SUBSCRIBE", &grants, &losses]);
            append_command(out, &[b"PUBLISH", &grants, b""]);
            self.expected.extend([Step::Subscribe, Step::Publish]);
        }
        !self.expected.is_empty()
    }

    /// How the server knows this connection, as far as it has said.
    pub(crate) fn identity(&self) -> Option<Identity> {
        let number = self.number.filter(|_| !self.run.is_empty())?;
        Some(Identity { run: self.run.clone(), number })
    }

    /// Takes a push: that a channel is subscribed is told in this way, and not by a reply.
    pub(crate) fn handle_push(&mut self, push: &[Value]) {
        if matches!(push.first(), Some(Value::Text(kind)) if kind == b"subscribe") {
            self.expected.retain(|step| *step != Step::Subscribe);
        }
    }

    /// Whether the number of receivers, which the scripts take as proof that a client lives, can be trusted.
    fn handle_publish(&mut self, reply: &Value) {
        match reply {
            Value::Int(1) => {}
            _ if self.polling.is_some() => {}
            Value::Int(count) => {
                self.polling = Some(format!("a message to one receiver was counted as {count}"));
            }
            other => {
                self.polling =
                    Some(format!("PUBLISH is refused ({})", error_text(other).unwrap_or_default()));
            }
        }
    }

    fn handle_auth(&mut self, reply: &Value) -> Result<(), Error> {
        let Some(text) = error_text(reply) else { return Ok(()) };
        if is_unwanted_password(&text) {
            self.password_unwanted = true;
            self.notes.push(format!("Redis did not want the password that was given: {text}"));
            return Ok(());
        }
        Err(Error::new(
            Code::AuthFailed,
            format!("Redis refused the user name or password: {text}. Check redisUrl and redisOptions."),
        ))
    }

    /// What a server says of itself in RESP3, for those that refuse INFO.
    fn handle_hello(&mut self, reply: &Value) {
        if let Some(text) = error_text(reply) {
            self.polling = Some(format!("it does not speak RESP3 ({text})"));
            return;
        }
        let Value::Array(pairs) = reply else { return };
        for pair in pairs.chunks_exact(2) {
            if let [Value::Text(name), Value::Text(value)] = pair {
                match name.as_slice() {
                    b"mode" if value == b"cluster" => self.is_cluster_node(),
                    b"mode" => self.mode_known = true,
                    b"version" => self.handle_version(&String::from_utf8_lossy(value)),
                    _ => {}
                }
            }
        }
    }

    fn is_cluster_node(&mut self) {
        self.mode_known = true;
        self.polling = Some("it is a node of a cluster".to_owned());
    }

    fn handle_version(&mut self, version: &str) {
        let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
        let version_pair = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if version_pair < OLDEST_WITH_RECORDS {
            self.plain = Some(format!("Redis {version} is older than 6.2"));
        }
    }

    fn handle_info(&mut self, config: &ClientConfig, reply: &Value) -> Result<(), Error> {
        if let Some(text) = error_text(reply) {
            if text.starts_with("NOAUTH") {
                return Err(Error::new(
                    Code::AuthFailed,
                    format!(
                        "Redis asks for a password and none was given: {text}. Check redisUrl and redisOptions."
                    ),
                ));
            }
            if config.greeting.ready_check {
                self.notes.push(format!("The ready check is skipped, INFO was refused: {text}"));
            }
            if !self.mode_known && self.polling.is_none() {
                self.polling = Some(format!("whether it is a node of a cluster is not known ({text})"));
            }
            return Ok(());
        }
        let Value::Text(info) = reply else { return Ok(()) };
        let info = String::from_utf8_lossy(info);
        if config.greeting.ready_check && field(&info, "loading") == Some("1") {
            let seconds =
                field(&info, "loading_eta_seconds").and_then(|eta| eta.parse().ok()).unwrap_or(1_u64);
            let longest = config.greeting.longest_loading_pause.unwrap_or(Duration::MAX);
            let pause = Duration::from_secs(seconds).min(longest);
            self.loading = Some(pause.max(Duration::from_millis(100)));
        }
        self.run = field(&info, "run_id").unwrap_or_default().to_owned();
        if field(&info, "cluster_enabled") == Some("1") {
            self.is_cluster_node();
        }
        if let Some(version) = field(&info, "redis_version") {
            self.handle_version(version);
        }
        // Every lock with a lease is volatile.
        if let Some(policy) = field(&info, "maxmemory_policy")
            && policy != "noeviction"
            && field(&info, "maxmemory").is_some_and(|limit| limit != "0")
        {
            self.notes.push(format!(
                "Redis may delete locks that are held when its memory is full: its maxmemory-policy is \"{policy}\". Keep locks on a Redis with \"noeviction\"."
            ));
        }
        Ok(())
    }

    fn handle_probe(&mut self, config: &ClientConfig, reply: &Value) -> Result<(), Error> {
        match reply {
            Value::Error(_) => {
                let text = error_text(reply).unwrap_or_default();
                if text.contains("NOPERM") || text.to_lowercase().contains("permission") {
                    self.plain = Some(text);
                } else if text.starts_with("LOADING") && config.greeting.ready_check {
                    // Of a server that refuses INFO there is no estimate.
                    self.loading.get_or_insert(Duration::from_secs(1));
                } else {
                    self.notes.push(format!("Whether side keys may be used could not be found out: {text}"));
                }
            }
            Value::Array(items) => {
                if let [Value::Int(0), Value::Text(text)] = items.as_slice() {
                    self.plain = Some(String::from_utf8_lossy(text).into_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Whether a server answers AUTH so because it wants no password: as with ioredis no reason not to work.
#[must_use]
pub fn is_unwanted_password(text: &str) -> bool {
    let unneeded = ["no password is set", "without any password configured", "wrong number of arguments"];
    unneeded.iter().any(|known| text.contains(known))
}

fn handle_select(config: &ClientConfig, reply: &Value) -> Result<(), Error> {
    match error_text(reply) {
        // Locks in another database than the shop's other instances use would exclude nobody.
        Some(text) if !text.starts_with("NOAUTH") => {
            Err(Error::new(Code::Refused, format!("Redis refused database {}: {text}", config.database)))
        }
        _ => Ok(()),
    }
}

/// Why locks cannot be kept there, as far as INFO tells.
fn uselessness(config: &ClientConfig, reply: &Value) -> Option<String> {
    let Value::Text(info) = reply else { return None };
    if !config.greeting.master_only || !config.greeting.ready_check {
        return None;
    }
    let info = String::from_utf8_lossy(info);
    let role = field(&info, "role").filter(|role| *role != "master")?;
    Some(format!("the server that the Sentinels named says that it is no master (role:{role})"))
}

fn error_text(reply: &Value) -> Option<String> {
    match reply {
        Value::Error(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
