//! The options as the provider hands them over. `native.d.ts` has these shapes for TypeScript, so each option is written only
//! here.

use super::cluster_options::NativeCluster;
use super::sentinel_options::NativeSentinels;
use super::tls_options::NativeTls;
use super::values::{family, limit, millis};
use crate::lane::Settings;
use crate::net::{Endpoint, Place, SocketRules, Target, Tls};
use lock_core::census::ProcessFacts;
use lock_core::{
    BackoffRule, ClientConfig, Credentials, HandshakeOptions, PauseRule, RetryPolicy, Safety, Secrets,
};
use napi_derive::napi;
use std::net::{IpAddr, SocketAddr};

/// The options of one provider. The provider has checked every value. The name of each time says its unit. An option that is not
/// set is absent.
#[napi(object, object_to_js = false)]
pub struct NativeOptions {
    /// A Unix socket; then host, port, family and the local address mean nothing.
    pub path: Option<String>,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// 4 or 6: only addresses of that family; 0: all.
    pub family: u8,
    /// The IP address to connect from.
    pub local_address: Option<String>,
    /// Idle time until the system asks whether the other side is still there; 0: the system's default; none: the system does not
    /// ask.
    pub keep_alive_ms: Option<f64>,
    /// Small writes are sent at once.
    pub no_delay: bool,
    /// Longest time to connect, TLS included; 0: no limit.
    pub connect_timeout_ms: f64,
    /// TLS; none: plain text.
    pub tls: Option<NativeTls>,
    /// A cluster; then path, host and port mean nothing.
    pub cluster: Option<NativeCluster>,
    /// The Sentinels that know the master; then path, host and port mean nothing.
    pub sentinels: Option<NativeSentinels>,
    /// The user; none: the default user.
    pub username: Option<String>,
    /// The password. With a user name and no password, this is the empty string.
    pub password: Option<String>,
    /// The database for SELECT.
    pub database: u32,
    /// The name for CLIENT SETNAME.
    pub connection_name: Option<String>,
    /// The name for CLIENT SETINFO; none: Redis is told neither name nor version.
    pub library_name: Option<String>,
    /// Ask for RESP3, without which Redis cannot tell the client that a lock is free.
    pub resp3: bool,
    /// Wait until the server has loaded its data.
    pub ready_check: bool,
    /// Longest pause between two checks of a server that is loading; 0: the server's own estimate.
    pub longest_loading_pause_ms: f64,
    /// Calls wait until there is a connection.
    pub offline_queue: bool,
    /// Commands that a lost connection left unanswered are sent again.
    pub resends: bool,
    /// After so many failed reconnects, calls fail; none: they never do.
    pub most_reconnects: Option<u32>,
    /// Calls with a time limit fail in that case, too.
    pub most_reconnects_for_all: bool,
    /// The pause before a reconnect.
    pub reconnect: NativePauses,
    /// The pause after an attempt in which no Sentinel knew the master.
    pub reconnect_after_lookup: NativePauses,
    /// `ResultKind.AskError` asks about error replies.
    pub asks_on_errors: bool,
    /// Longest time for one command, including the wait for a connection.
    pub command_timeout_ms: Option<f64>,
    /// Longest silence of a connection that owes replies; none: 15 s.
    pub socket_timeout_ms: Option<f64>,
    /// `keyPrefix` followed by `namespace`.
    pub prefix: String,
    /// First pause of a call that polls.
    pub default_retry_interval_ms: f64,
    /// Longest pause of a call that polls.
    pub maximum_retry_interval_ms: f64,
    /// The factor by which that pause grows each time.
    pub backoff_factor: f64,
    /// If the JavaScript thread is stuck for longer, it loses its locks.
    pub maximum_stall_ms: f64,
    /// So many replicas must have a lock before it counts; none: the master's reply is enough.
    pub safety_replicas: Option<u32>,
    /// Longest wait for the replicas; after it the lock is given back.
    pub safety_timeout_ms: Option<f64>,
    /// Use the fallback lane, which runs on the background thread.
    pub on_thread: bool,
    /// Name of the machine, for operators who ask.
    pub machine: String,
    /// Name and version of the runtime, for operators who ask.
    pub runtime: String,
}

/// The rule for the pause before an attempt to connect.
#[napi(string_enum = "camelCase")]
pub enum NativePauses {
    /// ioredis' rule: the pause grows each time.
    Growing,
    /// ioredis' rule for a cluster.
    GrowingInCluster,
    /// There is no second attempt.
    Never,
    /// `ResultKind.AskPause` asks for the pause.
    Asked,
}

impl NativeOptions {
    /// The error says which part of `redisOptions` is wrong, and why; it holds no secret.
    pub(super) fn into_settings(self) -> Result<Settings, String> {
        let local: Option<IpAddr> = self
            .local_address
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|_| "localAddress is no IP address".to_owned())?;
        let master_only = self.sentinels.is_some();
        let passwords =
            [self.password.as_deref(), self.sentinels.as_ref().and_then(NativeSentinels::password)];
        let secrets = Secrets::new(passwords.into_iter().flatten());
        let target = Target {
            place: match (self.sentinels, self.path) {
                (Some(sentinels), _) => Place::Asked(sentinels.into_sentinels(&secrets)?.into()),
                (None, Some(path)) => Place::At(Endpoint::Unix(path.into())),
                (None, None) => Place::At(Endpoint::Tcp { host: self.host, port: self.port }),
            },
            socket: SocketRules {
                family: family(self.family),
                local: local.map(|address| SocketAddr::new(address, 0)),
                keep_alive: self.keep_alive_ms.map(millis),
                no_delay: self.no_delay,
                connect_limit: limit(self.connect_timeout_ms),
            },
            tls: self.tls.map(|tls| Tls::new(tls.into_options())).transpose()?,
            secrets: secrets.clone(),
        };
        let (cluster, discovery) =
            self.cluster.map(|cluster| cluster.into_settings(self.ready_check)).unzip();
        let username = self.username;
        let client = ClientConfig {
            prefix: self.prefix.into_bytes(),
            credentials: self.password.map(|password| Credentials { username, password }),
            hidden: secrets,
            database: self.database,
            backoff: BackoffRule {
                first: millis(self.default_retry_interval_ms),
                longest: millis(self.maximum_retry_interval_ms),
                factor: self.backoff_factor,
            },
            handshake_options: HandshakeOptions {
                connection_name: self.connection_name,
                library_name: self.library_name,
                resp3: self.resp3,
                ready_check: self.ready_check,
                longest_loading_pause: limit(self.longest_loading_pause_ms),
                master_only,
            },
            retry: RetryPolicy {
                most_reconnects: self.most_reconnects,
                most_reconnects_for_all: self.most_reconnects_for_all,
                pause: self.reconnect.into(),
                lookup_pause: self.reconnect_after_lookup.into(),
                offline_queue: self.offline_queue,
                resends: self.resends,
                command_limit: self.command_timeout_ms.map(millis),
                silence: self.socket_timeout_ms.map(millis),
                asks_on_errors: self.asks_on_errors,
            },
            cluster,
            safety: (self.safety_replicas.zip(self.safety_timeout_ms))
                .map(|(replicas, timeout)| Safety { replicas, timeout: millis(timeout) }),
            version: env!("CARGO_PKG_VERSION"),
        };
        let process = ProcessFacts {
            host: self.machine,
            pid: std::process::id(),
            package: client.version.to_owned(),
            node: self.runtime,
            connection: client.handshake_options.connection_name.clone(),
            options: options_in_common(&client, self.maximum_stall_ms),
            ..ProcessFacts::default()
        };
        Ok(Settings { target, discovery, client, process, maximum_stall: millis(self.maximum_stall_ms) })
    }
}

/// The options that all instances of a shop should have in common.
fn options_in_common(client: &ClientConfig, maximum_stall_ms: f64) -> String {
    let safety = client.safety.map_or(0, |safety| safety.replicas);
    let prefix = String::from_utf8_lossy(&client.prefix);
    format!("prefix={prefix} database={} safety={safety} maximumStallMs={maximum_stall_ms}", client.database)
}

impl From<NativePauses> for PauseRule {
    fn from(pauses: NativePauses) -> Self {
        match pauses {
            NativePauses::Growing => Self::Growing,
            NativePauses::GrowingInCluster => Self::GrowingInCluster,
            NativePauses::Never => Self::Never,
            NativePauses::Asked => Self::Asked,
        }
    }
}
