//! What a client is told once, at its start. Everything here is already parsed: the core checks nothing again.

use crate::backoff::BackoffRule;
use crate::node_address::NodeAddress;
use crate::secrets::Secrets;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

/// How the client proves who it is. `Debug` never shows the password.
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
    /// `keyPrefix` followed by `namespace`: what stands before a caller's key in Redis.
    pub prefix: Vec<u8>,
    /// Sent with AUTH; `None` sends none.
    pub credentials: Option<Credentials>,
    /// What else must not be shown when a server repeats it: the Sentinels' password.
    pub hidden: Secrets,
    /// Database number, selected when it is not 0.
    pub database: u32,
    /// How a waiting acquire spaces its attempts.
    pub backoff: BackoffRule,
    /// What is said and asked on a new connection.
    pub handshake_options: HandshakeOptions,
    /// When a connection or a call is given up.
    pub retry: RetryPolicy,
    /// The server is one of several that share the keys by slots; `None`: it has them all.
    pub cluster: Option<ClusterRules>,
    /// On how many replicas a lock must be before it counts; `None`: the master's answer is enough.
    pub safety: Option<Safety>,
    /// Library version told to the server by CLIENT SETINFO.
    pub version: &'static str,
}

impl ClientConfig {
    /// What no log line and no error may show.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let own = Secrets::new(self.credentials.as_ref().map(|credentials| credentials.password.as_str()));
        self.hidden.and(&own)
    }
}

/// How redirections of a Redis Cluster are followed; the default is ioredis'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRules {
    /// After so many redirections in a row a call without a time limit of its own fails, a release after ten times as many
    /// (`maxRedirections`).
    pub most_redirections: u32,
    /// Pause before a command is sent to where its slot has moved (`retryDelayOnMoved`).
    pub moved_pause: Duration,
    /// Pause before a command is repeated whose keys are on the move (`retryDelayOnTryAgain`).
    pub try_again_pause: Duration,
    /// Pause before a command is repeated that the cluster is not fit for (`retryDelayOnClusterDown`).
    pub down_pause: Duration,
    /// How often the table of slots is asked for without a reason (`slotsRefreshInterval`); `None`: never.
    pub refresh_every: Option<Duration>,
    /// Where nodes are that name another address of theirs, by `host:port` (`natMap`).
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

/// What must be known of replicas before a lock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safety {
    /// So many must have acknowledged it; at least 1.
    pub replicas: u32,
    /// Within this time, at least 1 ms; else the lock is given back.
    pub timeout: Duration,
}

/// What is said and asked on a new connection; the default is ioredis'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandshakeOptions {
    /// Name told by CLIENT SETNAME (`connectionName`).
    pub connection_name: Option<String>,
    /// Library name told by CLIENT SETINFO; `None`: neither name nor version are told (`disableClientInfo`).
    pub library_name: Option<String>,
    /// Ask for RESP3, without which there are no pushes (`protocol`).
    pub resp3: bool,
    /// Wait until the server has loaded its data (`enableReadyCheck`).
    pub ready_check: bool,
    /// Longest pause between two looks at a server that is loading (`maxLoadingRetryTime`); `None`: its own estimate.
    pub longest_loading_pause: Option<Duration>,
    /// A server whose INFO says that it is a replica is left at once: the address came from somebody who may be behind
    /// the times. Looked at with the ready check only, as in ioredis. Default: no.
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

/// When a connection or a call is given up; the default is ioredis'.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After how many failed reconnects in a row calls fail, and after as many again (`maxRetriesPerRequest`);
    /// `None`: never.
    pub most_reconnects: Option<u32>,
    /// Calls with a time limit fail then, too, and not only at their limit: somebody asked for it.
    pub most_reconnects_for_all: bool,
    /// The pause before a reconnect (`retryStrategy`).
    pub pause: PauseRule,
    /// The pause after nobody could say where the master is (`sentinelRetryStrategy`).
    pub lookup_pause: PauseRule,
    /// Calls wait for a connection (`enableOfflineQueue`).
    pub offline_queue: bool,
    /// What a lost connection left unanswered is asked again (`autoResendUnfulfilledCommands`).
    pub resends: bool,
    /// Longest that one command takes, waiting for a connection included (`commandTimeout`).
    pub command_limit: Option<Duration>,
    /// Longest silence of a connection that owes answers (`socketTimeout`); `None`: 15 s.
    pub silence: Option<Duration>,
    /// Somebody decides on each error reply whether to reconnect (`reconnectOnError`).
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

/// What decides on the pause before a reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseRule {
    /// 50 ms more per attempt, 2 s at most; after a failed look-up 10 ms more, 1 s at most.
    Growing,
    /// 100 ms and 2 ms more per attempt, 2 s at most: as long as no node of a cluster can be reached.
    GrowingInCluster,
    /// There is no second connection.
    Never,
    /// Somebody is asked each time, by [`crate::Event::AskPause`].
    Asked,
}
