//! A client's settings. Everything here is already parsed, and the core checks nothing again.

use crate::backoff::BackoffRule;
use crate::node_address::NodeAddress;
use crate::secrets::Secrets;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// The client's credentials. `Debug` never shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// ACL user; `None` authenticates as Redis' default user.
    pub username: Option<String>,
    /// Password, possibly empty.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Settings of one client.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `keyPrefix` followed by `namespace`. It stands before a caller's key in Redis.
    pub prefix: Vec<u8>,
    /// Sent with AUTH; `None` sends none.
    pub credentials: Option<Credentials>,
    /// Another secret that no text may show if a server repeats it: the Sentinels' password.
    pub hidden: Secrets,
    /// Database number. The client selects it if it is not 0.
    pub database: u32,
    /// How a waiting acquire spaces its attempts.
    pub backoff: BackoffRule,
    /// The questions on a new connection.
    pub handshake_options: HandshakeOptions,
    /// When the client gives up a connection or a call.
    pub retry: RetryPolicy,
    /// The server is one of several that share the keys by slots. `None`: it has all keys.
    pub cluster: Option<ClusterRules>,
    /// How many replicas must have a lock before it counts. `None`: the master's answer is enough.
    pub safety: Option<Safety>,
    /// Library version told to the server by CLIENT SETINFO.
    pub version: &'static str,
}

impl ClientConfig {
    /// The secrets that no log line and no error may show.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let own = Secrets::new(self.credentials.as_ref().map(|credentials| credentials.password.as_str()));
        self.hidden.and(&own)
    }
}

/// How the client follows redirections of a Redis Cluster. The default is ioredis'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRules {
    /// A call without its own time limit fails after this many redirections in a row, and a release after ten times as many
    /// (`maxRedirections`).
    pub most_redirections: u32,
    /// Pause before the client sends a command to the new node of its slot (`retryDelayOnMoved`).
    pub moved_pause: Duration,
    /// Pause before the client repeats a command whose keys are being moved (`retryDelayOnTryAgain`).
    pub try_again_pause: Duration,
    /// Pause before the client repeats a command that the cluster cannot serve now (`retryDelayOnClusterDown`).
    pub down_pause: Duration,
    /// How often the client asks for the table of slots without a reason (`slotsRefreshInterval`). `None`: never.
    pub refresh_every: Option<Duration>,
    /// The real addresses of nodes that name another address, by `host:port` (`natMap`).
    pub addresses: HashMap<String, NodeAddress>,
}

impl Default for ClusterRules {
    fn default() -> Self {
        Self {
            most_redirections: 16,
            moved_pause: Duration::ZERO,
            try_again_pause: Duration::from_millis(100),
            down_pause: Duration::from_millis(100),
            refresh_every: None,
            addresses: HashMap::new(),
        }
    }
}

/// The replicas' answers that a lock needs before it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safety {
    /// At least this many replicas must have acknowledged it. At least 1.
    pub replicas: u32,
    /// The time limit for that, at least 1 ms. After it the lock is given back.
    pub timeout: Duration,
}

/// The questions on a new connection. The default is ioredis'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeOptions {
    /// Connection name for CLIENT SETNAME (`connectionName`).
    pub connection_name: Option<String>,
    /// Library name for CLIENT SETINFO. `None`: the client tells neither name nor version (`disableClientInfo`).
    pub library_name: Option<String>,
    /// Asks for RESP3, without which there are no pushes (`protocol`).
    pub resp3: bool,
    /// Waits until the server has loaded its data (`enableReadyCheck`).
    pub ready_check: bool,
    /// Longest pause between two looks at a server that is loading (`maxLoadingRetryTime`). `None`: its own estimate.
    pub longest_loading_pause: Option<Duration>,
    /// The client leaves a server at once whose INFO says that it is a replica, because its address may be out of date. As in ioredis, it
    /// looks only with the ready check. Default: no.
    pub master_only: bool,
}

impl Default for HandshakeOptions {
    fn default() -> Self {
        Self {
            connection_name: None,
            library_name: Some("medusa-locking-redis".to_owned()),
            resp3: true,
            ready_check: true,
            longest_loading_pause: Some(Duration::from_secs(10)),
            master_only: false,
        }
    }
}

/// When the client gives up a connection or a call. The default is ioredis'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Calls fail after this many failed reconnects in a row, and again after as many more (`maxRetriesPerRequest`). `None`: never.
    pub most_reconnects: Option<u32>,
    /// Calls with a time limit fail then too, and not only at their limit, because the user set the number.
    pub most_reconnects_for_all: bool,
    /// The pause before a reconnect (`retryStrategy`).
    pub pause: PauseRule,
    /// The pause after nobody could say where the master is (`sentinelRetryStrategy`).
    pub lookup_pause: PauseRule,
    /// Calls wait for a connection (`enableOfflineQueue`).
    pub offline_queue: bool,
    /// The client sends commands again that a lost connection left unanswered (`autoResendUnfulfilledCommands`).
    pub resends: bool,
    /// Longest time for one command, including the wait for a connection (`commandTimeout`).
    pub command_limit: Option<Duration>,
    /// Longest silence of a connection that owes answers (`socketTimeout`). `None`: 15 s.
    pub silence: Option<Duration>,
    /// The user's function decides on each error reply whether to reconnect (`reconnectOnError`).
    pub asks_on_errors: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            most_reconnects: Some(20),
            most_reconnects_for_all: false,
            pause: PauseRule::Growing,
            lookup_pause: PauseRule::Growing,
            offline_queue: true,
            resends: true,
            command_limit: None,
            silence: None,
            asks_on_errors: false,
        }
    }
}

/// The rule for the pause before a reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseRule {
    /// 50 ms more per attempt, 2 s at most; after a failed look-up 10 ms more, 1 s at most.
    Growing,
    /// 100 ms and 2 ms more per attempt, 2 s at most, while no node of a cluster can be reached.
    GrowingInCluster,
    /// There is no second connection.
    Never,
    /// The user's function is asked each time, by [`crate::Event::AskPause`].
    Asked,
}
