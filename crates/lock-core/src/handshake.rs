//! What is said on a new connection before the first lock: who we are, which database, is the server ready,
//! and what does it allow.

use crate::config::ClientConfig;
use crate::error::{Code, Error};
use crate::key::LockKey;
use crate::resp::{Value, append_command};
use crate::script::Script;
use std::collections::VecDeque;
use std::time::Duration;

/// Longest pause between two looks at a server that is loading its data (ioredis' `maxLoadingRetryTime`).
const LONGEST_LOADING_PAUSE: Duration = Duration::from_secs(10);
/// The first release whose scripts can keep what fencing and hold records need.
const OLDEST_WITH_RECORDS: (u32, u32) = (6, 2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Auth,
    Select,
    ClientInfo,
    Info,
    Probe,
}

/// Where the handshake stands after a reply.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More replies are to come.
    Pending,
    /// The server is loading its data: ask again after this long.
    Loading(Duration),
    /// Done. With a reason when side keys cannot be used (the *plain* rung).
    Ready { plain: Option<String>, password_unwanted: bool },
    /// This connection is of no use.
    Failed(Error),
}

#[derive(Debug, Default)]
pub(crate) struct Handshake {
    expected: VecDeque<Step>,
    plain: Option<String>,
    loading: Option<Duration>,
    password_unwanted: bool,
    /// Things worth a line in the log.
    pub(crate) notes: Vec<String>,
}

impl Handshake {
    /// Writes the whole handshake at once: replies come in order, so nothing is gained by waiting for each.
    pub(crate) fn begin(config: &ClientConfig, out: &mut Vec<u8>) -> Self {
        let mut handshake = Self::default();
        if let Some(credentials) = &config.credentials {
            let password = credentials.password.as_bytes();
            match &credentials.username {
                Some(user) => append_command(out, &[b"AUTH", user.as_bytes(), password]),
                None => append_command(out, &[b"AUTH", password]),
            }
            handshake.expected.push_back(Step::Auth);
        }
        if config.database != 0 {
            append_command(out, &[b"SELECT", itoa::Buffer::new().format(config.database).as_bytes()]);
            handshake.expected.push_back(Step::Select);
        }
        append_command(out, &[b"CLIENT", b"SETINFO", b"LIB-NAME", b"medusa-locking-redis"]);
        append_command(out, &[b"CLIENT", b"SETINFO", b"LIB-VER", config.version.as_bytes()]);
        handshake.expected.extend([Step::ClientInfo, Step::ClientInfo]);
        handshake.ask_ready(config, out);
        handshake
    }

    /// Asks whether the server is ready, and what it allows.
    pub(crate) fn ask_ready(&mut self, config: &ClientConfig, out: &mut Vec<u8>) {
        append_command(out, &[b"INFO"]);
        let mut counter = Vec::new();
        LockKey::new(config.prefix.clone()).counter(&mut counter);
        append_command(out, &[b"EVAL", Script::Probe.body().as_bytes(), b"1", &counter]);
        self.expected.extend([Step::Info, Step::Probe]);
        self.loading = None;
    }

    /// Takes the next reply.
    pub(crate) fn handle(&mut self, config: &ClientConfig, reply: &Value) -> Progress {
        let Some(step) = self.expected.pop_front() else {
            return Progress::Failed(Error::new(Code::Internal, "Redis answered what was not asked."));
        };
        let outcome = match step {
            Step::Auth => self.handle_auth(reply),
            Step::Select => handle_select(config, reply),
            Step::ClientInfo => Ok(()),
            Step::Info => self.handle_info(reply),
            Step::Probe => self.handle_probe(reply),
        };
        match (outcome, self.loading) {
            (Err(error), _) => Progress::Failed(error),
            (Ok(()), _) if !self.expected.is_empty() => Progress::Pending,
            (Ok(()), Some(pause)) => Progress::Loading(pause),
            (Ok(()), None) => {
                Progress::Ready { plain: self.plain.take(), password_unwanted: self.password_unwanted }
            }
        }
    }

    fn handle_auth(&mut self, reply: &Value) -> Result<(), Error> {
        let Some(text) = error_text(reply) else { return Ok(()) };
        // As with ioredis: a password that the server does not want is no reason not to work.
        let unneeded = ["no password is set", "without any password configured", "wrong number of arguments"];
        if unneeded.iter().any(|known| text.contains(known)) {
            self.password_unwanted = true;
            self.notes.push(format!("Redis did not want the password that was given: {text}"));
            return Ok(());
        }
        Err(Error::new(
            Code::AuthFailed,
            format!("Redis refused the user name or password: {text}. Check redisUrl and redisOptions."),
        ))
    }

    fn handle_info(&mut self, reply: &Value) -> Result<(), Error> {
        if let Some(text) = error_text(reply) {
            if text.starts_with("NOAUTH") {
                return Err(Error::new(
                    Code::AuthFailed,
                    format!(
                        "Redis asks for a password and none was given: {text}. Check redisUrl and redisOptions."
                    ),
                ));
            }
            self.notes.push(format!("The ready check is skipped, INFO was refused: {text}"));
            return Ok(());
        }
        let Value::Text(info) = reply else { return Ok(()) };
        let info = String::from_utf8_lossy(info);
        if field(&info, "loading") == Some("1") {
            let seconds =
                field(&info, "loading_eta_seconds").and_then(|eta| eta.parse().ok()).unwrap_or(1_u64);
            self.loading =
                Some(Duration::from_secs(seconds).clamp(Duration::from_millis(100), LONGEST_LOADING_PAUSE));
        }
        if let Some(version) = field(&info, "redis_version") {
            let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
            let version_pair = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
            if version_pair < OLDEST_WITH_RECORDS {
                self.plain = Some(format!("Redis {version} is older than 6.2"));
            }
        }
        Ok(())
    }

    fn handle_probe(&mut self, reply: &Value) -> Result<(), Error> {
        match reply {
            Value::Error(_) => {
                let text = error_text(reply).unwrap_or_default();
                if text.contains("NOPERM") || text.to_lowercase().contains("permission") {
                    self.plain = Some(text);
                } else if self.loading.is_none() {
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

fn handle_select(config: &ClientConfig, reply: &Value) -> Result<(), Error> {
    match error_text(reply) {
        // Locks in another database than the shop's other instances use would exclude nobody.
        Some(text) if !text.starts_with("NOAUTH") => {
            Err(Error::new(Code::Refused, format!("Redis refused database {}: {text}", config.database)))
        }
        _ => Ok(()),
    }
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
