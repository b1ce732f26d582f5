//! The questions on a new connection before the first lock: the name of the client, the database, whether the server is ready, and what it
//! allows. There are two rounds. The client asks for pushes only after the server has said that it speaks RESP3, since a subscription would
//! make an older connection useless.

use super::channels::Channels;
use super::info::{eviction, field, loading, replica, too_few_replicas, uselessness};
use super::needs::{self, SideKeys, error_text};
use super::refusal::{self, Refused};
use crate::config::ClientConfig;
use crate::error::{Code, Error};
use crate::mode::Mode;
use crate::resp::{Value, append_command};
use crate::secrets::Secrets;
use std::collections::VecDeque;
use std::time::Duration;

/// The first release whose scripts can keep fencing tokens and hold records.
const OLDEST_WITH_RECORDS: (u32, u32) = (6, 2);
/// The first release whose channels belong to slots.
const OLDEST_WITH_SHARDS: (u32, u32) = (7, 0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Auth,
    Hello,
    Select,
    ClientName,
    ClientId,
    ClientInfo,
    Info,
    Locks,
    Probe,
    Wait,
    Kill,
    Subscribe,
    ShardSubscribe,
    Publish,
}

/// The server's identity for a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The id of the server's run. The server's numbers begin anew with each run.
    run: String,
    /// The server's own number for the connection.
    number: i64,
}

/// The state of the handshake after a reply.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More replies are to come.
    Pending,
    /// The server is loading its data. Ask again after this time.
    Loading(Duration),
    /// The handshake is done. `why`: the reason for a mode that is not the best.
    Ready { mode: Mode, why: Option<String>, password_unwanted: bool },
    /// This connection is useless, but another one may work.
    Useless(String),
    /// This connection is useless, and the waiting calls are told.
    Failed(Error),
}

#[derive(Debug, Default)]
pub(super) struct Handshake {
    expected: VecDeque<Step>,
    channels: Channels,
    /// A slot of this node of a cluster. `None`: the server has all keys.
    slot: Option<u16>,
    /// The reason why the node does not answer for this slot.
    elsewhere: Option<String>,
    /// The connection before this one.
    previous: Option<Identity>,
    run: String,
    number: Option<i64>,
    second_round: bool,
    /// The server said whether it is a node of a cluster.
    mode_known: bool,
    /// It is a node of a cluster, and the option `cluster` is not given.
    pub(super) is_cluster: bool,
    /// The reason why side keys cannot be used.
    plain: Option<String>,
    /// The reason why pushes cannot be used or trusted.
    polling: Option<String>,
    loading: Option<Duration>,
    password_unwanted: bool,
    secrets: Secrets,
    /// The refusal that keeps the connection from the best mode and may end later.
    pub(super) refused: Option<Refused>,
    /// The server says that it is a replica.
    pub(super) replica: bool,
    /// The last error. A server often says why before it closes the connection.
    pub(super) last_error: Option<String>,
    /// The client must always send scripts by their text.
    pub(super) by_text: bool,
    /// Lines for the log.
    pub(super) notes: Vec<String>,
}

impl Handshake {
    /// Writes the whole first round at once. Replies come in order, so nothing is gained by waiting for each.
    pub(super) fn begin(
        config: &ClientConfig,
        channels: Channels,
        slot: Option<u16>,
        previous: Option<Identity>,
        out: &mut Vec<u8>,
    ) -> Self {
        let mode_known = slot.is_some();
        let secrets = config.secrets();
        let mut handshake = Self { channels, slot, mode_known, previous, secrets, ..Self::default() };
        if let Some(credentials) = &config.credentials {
            let password = credentials.password.as_bytes();
            match &credentials.username {
                Some(user) => append_command(out, &[b"AUTH", user.as_bytes(), password]),
                None => append_command(out, &[b"AUTH", password]),
            }
            handshake.expected.push_back(Step::Auth);
        }
        if config.handshake_options.resp3 {
            append_command(out, &[b"HELLO", b"3"]);
            handshake.expected.push_back(Step::Hello);
        } else {
            handshake.polling = Some("the option protocol says RESP2, which has no pushes".to_owned());
        }
        if config.database != 0 {
            append_command(out, &[b"SELECT", itoa::Buffer::new().format(config.database).as_bytes()]);
            handshake.expected.push_back(Step::Select);
        }
        if let Some(name) = &config.handshake_options.connection_name {
            append_command(out, &[b"CLIENT", b"SETNAME", name.as_bytes()]);
            handshake.expected.push_back(Step::ClientName);
        }
        append_command(out, &[b"CLIENT", b"ID"]);
        handshake.expected.push_back(Step::ClientId);
        if let Some(library) = &config.handshake_options.library_name {
            append_command(out, &[b"CLIENT", b"SETINFO", b"LIB-NAME", library.as_bytes()]);
            append_command(out, &[b"CLIENT", b"SETINFO", b"LIB-VER", config.version.as_bytes()]);
            handshake.expected.extend([Step::ClientInfo, Step::ClientInfo]);
        }
        handshake.ask_ready(config, out);
        handshake
    }

    /// Asks whether the server is ready and what it allows.
    pub(super) fn ask_ready(&mut self, config: &ClientConfig, out: &mut Vec<u8>) {
        append_command(out, &[b"INFO"]);
        needs::ask_scripts(&needs::probed_key(&config.prefix, self.slot), self.by_text, out);
        self.expected.extend([Step::Info, Step::Locks, Step::Probe]);
        if config.safety.is_some() {
            needs::ask_wait(out);
            self.expected.push_back(Step::Wait);
        }
        self.loading = None;
    }

    /// Takes the next reply.
    pub(super) fn handle(&mut self, config: &ClientConfig, reply: &Value, out: &mut Vec<u8>) -> Progress {
        let Some(step) = self.expected.pop_front() else {
            return Progress::Failed(Error::new(Code::Internal, "Redis answered what was not asked."));
        };
        if let Some(reason) = refusal::passing(reply, step == Step::Auth) {
            return Progress::Useless(reason);
        }
        // An older server that does not know CLIENT SETINFO works all the same.
        if step != Step::ClientInfo {
            self.last_error = error_text(reply).or(self.last_error.take());
        }
        if step == Step::Info
            && let Some(reason) = uselessness(config, reply)
        {
            return Progress::Useless(self.secrets.clean(&reason));
        }
        let outcome = match step {
            Step::Auth => self.handle_auth(reply),
            Step::Hello => {
                self.handle_hello(reply);
                Ok(())
            }
            Step::Select => refusal::check_select(config, reply),
            Step::ClientId => {
                self.number = if let Value::Int(number) = reply { Some(*number) } else { None };
                self.notes.extend(needs::without_client(reply));
                Ok(())
            }
            Step::Kill => {
                self.notes.extend(needs::without_client(reply));
                Ok(())
            }
            // Names only help people.
            Step::ClientName | Step::ClientInfo => Ok(()),
            Step::Info => self.handle_info(config, reply),
            Step::Locks => needs::check_locks(&config.prefix, reply, &self.secrets),
            Step::Probe => {
                self.handle_probe(config, reply, out);
                Ok(())
            }
            Step::Wait => needs::check_wait(reply),
            Step::Subscribe | Step::ShardSubscribe => {
                self.refused =
                    Some(if step == Step::Subscribe { Refused::Channels } else { Refused::SlotChannel });
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
            _ if self.elsewhere.is_some() => Progress::Useless(self.elsewhere.take().unwrap_or_default()),
            (Ok(()), _) if !self.expected.is_empty() => Progress::Pending,
            (Ok(()), Some(pause)) => Progress::Loading(pause),
            (Ok(()), None) if !self.second_round && self.begin_second_round(out) => Progress::Pending,
            (Ok(()), None) => {
                let (mode, why) = match (self.plain.take(), self.polling.take()) {
                    (Some(why), _) => (Mode::Plain, Some(why)),
                    (None, Some(why)) => (Mode::Polling, Some(why)),
                    (None, None) => (Mode::HandOff, None),
                };
                Progress::Ready { mode, why, password_unwanted: self.password_unwanted }
            }
        }
    }

    /// Asks for everything that the answers of the first round allow. False: there is nothing to ask.
    fn begin_second_round(&mut self, out: &mut Vec<u8>) -> bool {
        self.second_round = true;
        if let Some(previous) = self.previous.take().filter(|previous| previous.run == self.run) {
            // A command of the last connection may still be in a network or a buffer. The server must not execute it after the client has
            // repeated it here and rolled it back.
            append_command(out, &[b"CLIENT", b"KILL", b"ID", previous.number.to_string().as_bytes()]);
            self.expected.push_back(Step::Kill);
        }
        if self.plain.is_none() && self.polling.is_none() {
            let (grants, losses) = (self.channels.grants(), self.channels.losses());
            if let Some(slot) = self.slot {
                append_command(out, &[b"SUBSCRIBE", &losses]);
                append_command(out, &[b"SSUBSCRIBE", &self.channels.grants_of(slot)]);
                self.expected.extend([Step::Subscribe, Step::ShardSubscribe, Step::Publish]);
            } else {
                append_command(out, &[b"SUBSCRIBE", &grants, &losses]);
                self.expected.extend([Step::Subscribe, Step::Publish]);
            }
            self.channels.count_receivers(self.slot, out);
        }
        !self.expected.is_empty()
    }

    /// The server's identity for this connection, if the server told it.
    pub(super) fn identity(&self) -> Option<Identity> {
        let number = self.number.filter(|_| !self.run.is_empty())?;
        Some(Identity { run: self.run.clone(), number })
    }

    /// Takes a push. The server confirms a subscription by a push and not by a reply.
    pub(super) fn handle_push(&mut self, push: &[Value]) {
        let told = match push.first() {
            Some(Value::Text(kind)) if kind == b"subscribe" => Step::Subscribe,
            Some(Value::Text(kind)) if kind == b"ssubscribe" => Step::ShardSubscribe,
            _ => return,
        };
        self.expected.retain(|step| *step != told);
    }

    /// Whether the number of receivers can be trusted. The scripts take it as proof that a client lives.
    fn handle_publish(&mut self, reply: &Value) {
        if *reply == Value::Int(1) || self.polling.is_some() {
            return;
        }
        self.refused = Some(Refused::Receivers);
        let name = if self.slot.is_some() { "SPUBLISH" } else { "PUBLISH" };
        self.polling = Some(match reply {
            Value::Int(count) => format!("a message to one receiver was counted as {count}"),
            other => format!("{name} is refused ({})", error_text(other).unwrap_or_default()),
        });
    }

    fn handle_auth(&mut self, reply: &Value) -> Result<(), Error> {
        if let Some(said) = refusal::check_auth(reply)? {
            self.password_unwanted = true;
            self.notes.push(format!("Redis did not want the password that was given: {said}"));
        }
        Ok(())
    }

    /// Reads HELLO's answer, for a server that refuses INFO.
    fn handle_hello(&mut self, reply: &Value) {
        if let Some(text) = error_text(reply) {
            self.refused = Some(Refused::Resp3);
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
        if self.slot.is_none() {
            self.is_cluster = true;
            self.polling = Some("it is a node of a cluster, and the option cluster is not given".to_owned());
        }
    }

    fn handle_version(&mut self, version: &str) {
        let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
        let version_pair = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        let version = self.secrets.clean(version);
        if version_pair < OLDEST_WITH_RECORDS {
            self.refused = None;
            self.plain = Some(format!("Redis {version} is older than 6.2"));
        } else if self.slot.is_some() && version_pair < OLDEST_WITH_SHARDS {
            self.polling = Some(format!("Redis {version} is older than 7.0, whose channels belong to slots"));
        }
    }

    fn handle_info(&mut self, config: &ClientConfig, reply: &Value) -> Result<(), Error> {
        if let Value::Error(said) = reply {
            if let Some(error) = refusal::missing_password(said) {
                return Err(error);
            }
            if config.handshake_options.ready_check {
                self.notes.push(format!("The ready check is skipped, INFO was refused: {said}"));
            }
            if !self.mode_known && self.polling.is_none() {
                self.refused = Some(Refused::Info);
                self.polling = Some(format!("whether it is a node of a cluster is not known ({said})"));
            }
            return Ok(());
        }
        let Value::Text(info) = reply else { return Ok(()) };
        let info = String::from_utf8_lossy(info);
        self.loading = loading(config, &info);
        self.run = field(&info, "run_id").unwrap_or_default().to_owned();
        if field(&info, "cluster_enabled") == Some("1") {
            self.is_cluster_node();
        }
        if let Some(version) = field(&info, "redis_version") {
            self.handle_version(version);
        }
        let replica = replica(&info);
        self.replica = replica.is_some();
        let lacks = too_few_replicas(config, &info).filter(|_| !self.replica);
        let notes = eviction(&info).into_iter().chain(replica).chain(lacks);
        self.notes.extend(notes.map(|note| self.secrets.clean(&note)));
        Ok(())
    }

    fn handle_probe(&mut self, config: &ClientConfig, reply: &Value, out: &mut Vec<u8>) {
        match needs::side_keys(reply, &self.secrets) {
            SideKeys::Usable => {}
            SideKeys::Refused(text) => {
                self.refused = Some(Refused::SideKeys);
                self.plain = Some(text);
            }
            SideKeys::NotByHash(text) if !self.by_text => {
                self.by_text = true;
                self.notes.push(format!(
                    "Every script is sent in full, since Redis, or a proxy in front of it, does not run them by their hashes: {text}"
                ));
                needs::ask_side_keys(&needs::probed_key(&config.prefix, self.slot), true, out);
                self.expected.push_back(Step::Probe);
            }
            SideKeys::Loading(_) if config.handshake_options.ready_check => {
                // A server that refuses INFO gives no estimate.
                self.loading.get_or_insert(Duration::from_secs(1));
            }
            SideKeys::Unknown(text)
                if self.slot.is_some() && (text.starts_with("MOVED") || text.starts_with("CLUSTERDOWN")) =>
            {
                self.elsewhere = Some(text);
            }
            SideKeys::NotByHash(text) | SideKeys::Loading(text) | SideKeys::Unknown(text) => {
                self.notes.push(format!("Whether side keys may be used could not be found out: {text}"));
            }
        }
    }
}
