//! The renewal lane: keeps leases alive from the background thread, over a connection of its own, whether or
//! not the JavaScript thread is busy. JavaScript hears of it only when a lease is lost.

use super::engine::Notice;
use super::shared::{Inbound, Shared};
use super::{Settings, background, detector};
use crate::net::{self, Place};
use crate::sys::now;
use lock_core::{
    Credentials, Greeting, HoldId, Instant, LogLevel, Namespace, Renewal, RenewalAnswer, Script,
};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError, RedisResult};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// Most leases that one script renews: longer scripts hold up everybody on the server.
const BATCH: usize = 64;
/// Longest pause while there are leases. Timers stand still while the machine is suspended, leases do not.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest that one renewal waits for its answer, and the shortest limit it gets.
const ANSWER_LIMIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

pub(super) struct Renewer {
    shared: Arc<Shared>,
    settings: Settings,
    namespace: Namespace,
    connection: Mutex<Option<MultiplexedConnection>>,
    stall_told: AtomicBool,
}

/// Starts the renewal of one client; it ends when `shared` is closed.
pub(crate) fn start(shared: Arc<Shared>, settings: Settings) -> Result<(), String> {
    let renewer = Renewer {
        namespace: Namespace::new(&settings.client.prefix),
        shared,
        settings,
        connection: Mutex::new(None),
        stall_told: AtomicBool::new(false),
    };
    background::spawn(run(Arc::new(renewer)))
}

async fn run(renewer: Arc<Renewer>) {
    let shared = Arc::clone(&renewer.shared);
    // Ends with this task.
    let mut detectors = None;
    while !shared.is_closed() {
        let (mut due, mut lost) = (Vec::new(), Vec::new());
        let next = shared.leases().poll(now(), &mut due, &mut lost);
        for hold in lost {
            renewer.tell_lost(hold, None);
        }
        if !due.is_empty() {
            renewer.begin(&due);
        }
        if shared.reachable.swap(false, Ordering::AcqRel) {
            // Made before it is needed, so that the first renewal does not pay for it.
            tokio::spawn(Arc::clone(&renewer).connect_ahead());
            // Not before: by now the Sentinels have named the others.
            detectors.get_or_insert_with(|| detector::start(&renewer));
        }
        if next == Instant::FAR_FUTURE {
            shared.renewal.notified().await;
        } else {
            // Asked at every look, so that a stall is noticed when it begins and not at the next renewal.
            shared.stuck_for();
            let pause = next.since(now()).clamp(Duration::from_millis(1), LONGEST_PAUSE);
            let _ = tokio::time::timeout(pause, shared.renewal.notified()).await;
        }
    }
}

impl Renewer {
    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes the connection anew at the next renewal.
    pub(super) async fn leave(&self) {
        self.connection.lock().await.take();
    }

    /// Sends the due renewals on their way, unless the JavaScript thread is stuck: a hung process must not hold
    /// a lock for ever.
    fn begin(self: &Arc<Self>, due: &[Renewal]) {
        let stuck = self.shared.stuck_for();
        if stuck > self.settings.maximum_stall {
            if !self.stall_told.swap(true, Ordering::AcqRel) {
                self.log(format!(
                    "The JavaScript thread has been stuck for {} s, longer than maximumStallMs allows: its locks are no longer renewed.",
                    stuck.as_secs()
                ));
            }
            let mut leases = self.shared.leases();
            due.iter().for_each(|renewal| leases.failed(now(), renewal.hold));
            return;
        }
        self.stall_told.store(false, Ordering::Release);
        let (named, unique): (Vec<_>, Vec<_>) = due.iter().cloned().partition(|due| due.attempt.is_some());
        for batch in named.chunks(BATCH).chain(unique.chunks(BATCH)) {
            tokio::spawn(Arc::clone(self).renew(batch.to_vec()));
        }
    }

    async fn renew(self: Arc<Self>, batch: Vec<Renewal>) {
        let sent_at = now();
        let limit = batch.iter().map(|renewal| renewal.lease / 6).min().unwrap_or_default();
        let limit = limit.clamp(ANSWER_LIMIT.0, ANSWER_LIMIT.1);
        let outcome = match tokio::time::timeout(limit, self.ask(&batch)).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => {
                // Nothing says that this connection will ever answer.
                self.connection.lock().await.take();
                Err(format!("no answer within {} ms", limit.as_millis()))
            }
        };
        match outcome {
            Ok(answers) => self.take_answers(sent_at, &batch, &answers),
            Err(reason) => {
                let mut leases = self.shared.leases();
                batch.iter().for_each(|renewal| leases.failed(now(), renewal.hold));
                drop(leases);
                self.tell_failed(&batch, &reason);
            }
        }
        self.shared.renewal.notify_one();
    }

    fn take_answers(&self, sent_at: Instant, batch: &[Renewal], answers: &[i64]) {
        let mut answers = answers.iter();
        for renewal in batch {
            let lost: Vec<_> = (renewal.keys.iter())
                .filter(|_| answers.next() != Some(&1))
                .map(|key| self.namespace.caller_name(key))
                .collect();
            let answer = if lost.is_empty() { RenewalAnswer::Extended } else { RenewalAnswer::NotOurs };
            let is_lost = self.shared.leases().answered(sent_at, renewal.hold, answer);
            if is_lost {
                self.tell_lost(renewal.hold, Some(lost));
            }
        }
    }

    /// One script call; an answer per key.
    async fn ask(&self, batch: &[Renewal]) -> RedisResult<Vec<i64>> {
        let mut guard = self.connection.lock().await;
        let reused = guard.is_some();
        let records =
            !self.shared.plain.load(Ordering::Acquire) && batch.iter().all(|due| due.attempt.is_some());
        let mut connection = match guard.as_ref() {
            Some(connection) => connection.clone(),
            None => guard.insert(self.connect().await?).clone(),
        };
        drop(guard);
        match call(&mut connection, batch, records).await {
            Err(error) if error.is_unrecoverable_error() || error.is_io_error() => {
                self.connection.lock().await.take();
                if !reused {
                    return Err(error);
                }
                // The connection may have broken long ago; that says nothing about the server now.
                let mut fresh = self.connect().await?;
                let answers = call(&mut fresh, batch, records).await?;
                self.connection.lock().await.replace(fresh);
                Ok(answers)
            }
            Err(error) if is_readonly(&error) => {
                // It was a master once: the name or a Sentinel may lead to another by now.
                self.leave().await;
                if matches!(self.settings.target.place, Place::Asked(_)) {
                    self.shared.send(Inbound::Moved { reason: error.to_string() });
                }
                Err(error)
            }
            outcome => outcome,
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let stream = net::connect_stream(&self.settings.target).await;
        let stream = stream.map_err(|trouble| io_error(trouble.reason))?;
        // All renewals wait behind this.
        match tokio::time::timeout(ANSWER_LIMIT.1, self.greet(stream)).await {
            Ok(greeted) => greeted,
            Err(_) => {
                Err(io_error(format!("no answer on a new connection within {} s", ANSWER_LIMIT.1.as_secs())))
            }
        }
    }

    async fn greet(&self, stream: Box<dyn net::Stream>) -> RedisResult<MultiplexedConnection> {
        let Greeting { library_name, connection_name, .. } = &self.settings.client.greeting;
        let mut info = RedisConnectionInfo::default().set_db(i64::from(self.settings.client.database));
        info = match library_name {
            Some(name) => info.set_lib_name(name, self.settings.client.version),
            None => info.set_skip_set_lib_name(),
        };
        if let Some(Credentials { username, password }) = &self.settings.client.credentials
            && !self.shared.password_unwanted.load(Ordering::Acquire)
        {
            info = info.set_password(password);
            if let Some(username) = username {
                info = info.set_username(username);
            }
        }
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let (mut connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config).await?;
        tokio::spawn(driver);
        self.check_role(&mut connection).await?;
        if let Some(name) = connection_name {
            // Names are for people: a refusal does not matter.
            let _ = redis::cmd("CLIENT").arg("SETNAME").arg(name).query_async::<()>(&mut connection).await;
        }
        Ok(connection)
    }

    /// As the main connection does: a replica would say of every lock that came later that it is nobody's.
    async fn check_role(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let Greeting { master_only, ready_check, .. } = self.settings.client.greeting;
        if !master_only || !ready_check {
            return Ok(());
        }
        // A user who may not ask relies on the Sentinels.
        let info = redis::cmd("INFO").arg("replication").query_async::<String>(connection).await;
        if info.is_ok_and(|info| info.contains("role:slave")) {
            return Err(io_error("the server that the Sentinels named is no master".to_owned()));
        }
        Ok(())
    }

    async fn connect_ahead(self: Arc<Self>) {
        let mut guard = self.connection.lock().await;
        if guard.is_none() && !self.shared.is_closed() {
            // What fails here is tried again, and told, when there is something to renew.
            *guard = self.connect().await.ok();
        }
    }

    fn tell_lost(&self, hold: HoldId, keys: Option<Vec<String>>) {
        let keys = keys.or_else(|| {
            let leases = self.shared.leases();
            let held = leases.held(hold)?;
            Some(held.keys.iter().map(|key| self.namespace.caller_name(key)).collect())
        });
        self.shared.send(Inbound::Notice(Notice::Lost { hold, keys: keys.unwrap_or_default() }));
    }

    fn tell_failed(&self, batch: &[Renewal], reason: &str) {
        let keys = batch.iter().flat_map(|renewal| renewal.keys.iter());
        let mut names: Vec<_> = keys.take(10).map(|key| self.namespace.caller_name(key)).collect();
        names.dedup();
        self.log(format!(
            "Failed to renew lock for key(s) \"{}\": {reason}. Retrying.",
            names.join("\", \"")
        ));
    }

    fn log(&self, message: String) {
        self.shared.send(Inbound::Notice(Notice::Log { level: LogLevel::Warn, message }));
    }
}

/// `records`: the holds are of named owners, whose hold records tell them apart.
async fn call(
    connection: &mut MultiplexedConnection,
    batch: &[Renewal],
    records: bool,
) -> RedisResult<Vec<i64>> {
    let command = |name: &str, script: &str| {
        let stride = if records { 2 } else { 1 };
        let mut command = redis::cmd(name);
        command.arg(script).arg(stride * batch.iter().map(|renewal| renewal.keys.len()).sum::<usize>());
        let pairs = || batch.iter().flat_map(|renewal| renewal.keys.iter().map(move |key| (renewal, key)));
        for (_, key) in pairs() {
            command.arg(key.name());
            if records {
                command.arg(key.record_name());
            }
        }
        command.arg(stride);
        for (renewal, _) in pairs() {
            let millis = u64::try_from(renewal.lease.as_millis()).unwrap_or(u64::MAX);
            command.arg(renewal.owner.as_bytes()).arg(millis);
            if let (true, Some(attempt)) = (records, &renewal.attempt) {
                command.arg(&attempt[..]);
            }
        }
        command
    };
    // EVALSHA, then EVAL: SCRIPT LOAD is a right that users of the official package never had to give.
    let first: Result<Vec<i64>, RedisError> =
        command("EVALSHA", Script::Renew.sha()).query_async(connection).await;
    let answers = match first {
        Err(error) if error.code() == Some("NOSCRIPT") => {
            command("EVAL", Script::Renew.body()).query_async(connection).await?
        }
        outcome => outcome?,
    };
    // The first number is the reply's tag.
    Ok(answers.into_iter().skip(1).collect())
}

/// Redis 6.2 wraps what happens inside of a script.
fn is_readonly(error: &RedisError) -> bool {
    error.code() == Some("READONLY") || error.to_string().contains("-READONLY ")
}

fn io_error(reason: String) -> RedisError {
    RedisError::from(std::io::Error::other(reason))
}
