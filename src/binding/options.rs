//! The options as the provider hands them over: names and units checked there, types made here.

use super::sentinel_options::NativeSentinels;
use super::tls_options::NativeTls;
use super::values::{family, limit, millis};
use crate::lane::{Discovery, Settings};
use crate::net::{Endpoint, Place, SocketRules, Target, Tls};
use lock_core::{
    BackoffRule, ClientConfig, ClusterRules, Credentials, Greeting, NodeAddress, PauseRule, Perseverance,
    Safety, Secrets,
};
use serde::Deserialize;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// One provider's options; what they mean is said in `provider/src/native-options.ts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NativeOptions {
    path: Option<String>,
    host: String,
    port: u16,
    family: u8,
    local_address: Option<String>,
    local_port: Option<u16>,
    keep_alive_ms: Option<f64>,
    no_delay: bool,
    connect_timeout_ms: f64,
    tls: Option<NativeTls>,
    cluster: Option<NativeCluster>,
    sentinels: Option<NativeSentinels>,
    username: Option<String>,
    password: Option<String>,
    database: u32,
    connection_name: Option<String>,
    library_name: Option<String>,
    resp3: bool,
    ready_check: bool,
    longest_loading_pause_ms: f64,
    offline_queue: bool,
    resends: bool,
    most_reconnects: Option<u32>,
    most_reconnects_for_all: bool,
    reconnect: Reconnect,
    reconnect_after_lookup: Reconnect,
    asks_on_errors: bool,
    command_timeout_ms: Option<f64>,
    socket_timeout_ms: Option<f64>,
    prefix: String,
    default_retry_interval_ms: f64,
    maximum_retry_interval_ms: f64,
    backoff_factor: f64,
    maximum_stall_ms: f64,
    safety_replicas: Option<u32>,
    safety_timeout_ms: Option<f64>,
    pub(super) on_thread: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Reconnect {
    Growing,
    GrowingInCluster,
    Never,
    Asked,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NativeNode {
    host: String,
    port: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NativeCluster {
    nodes: Vec<NativeNode>,
    lookup_timeout_ms: f64,
    refresh_every_ms: Option<f64>,
    most_redirections: u32,
    moved_pause_ms: f64,
    try_again_pause_ms: f64,
    down_pause_ms: f64,
    addresses: HashMap<String, NativeNode>,
}

impl NativeOptions {
    /// The error says what is wrong with which part of `redisOptions`; it holds no secret.
    pub(super) fn into_settings(self) -> Result<Settings, String> {
        let local = match (&self.local_address, self.local_port) {
            (None, None) => None,
            (address, port) => {
                let address = address.as_deref().map_or(Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), str::parse);
                let address = address.map_err(|_| "localAddress is no IP address".to_owned())?;
                Some(SocketAddr::new(address, port.unwrap_or(0)))
            }
        };
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
                local,
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
            greeting: Greeting {
                connection_name: self.connection_name,
                library_name: self.library_name,
                resp3: self.resp3,
                ready_check: self.ready_check,
                longest_loading_pause: limit(self.longest_loading_pause_ms),
                master_only,
            },
            perseverance: Perseverance {
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
        Ok(Settings { target, discovery, client, maximum_stall: millis(self.maximum_stall_ms) })
    }
}

impl NativeCluster {
    fn into_settings(self, ready_check: bool) -> (ClusterRules, Discovery) {
        let address = |(named, NativeNode { host, port }): (String, NativeNode)| {
            (named, NodeAddress { host: host.into(), port })
        };
        let rules = ClusterRules {
            most_redirections: self.most_redirections,
            moved_pause: millis(self.moved_pause_ms),
            try_again_pause: millis(self.try_again_pause_ms),
            down_pause: millis(self.down_pause_ms),
            refresh_every: self.refresh_every_ms.map(millis),
            addresses: self.addresses.into_iter().map(address).collect(),
        };
        let endpoint = |NativeNode { host, port }| Endpoint::Tcp { host, port };
        let discovery = Discovery {
            start: self.nodes.into_iter().map(endpoint).collect(),
            limit: millis(self.lookup_timeout_ms),
            ready_check,
        };
        (rules, discovery)
    }
}

impl From<Reconnect> for PauseRule {
    fn from(reconnect: Reconnect) -> Self {
        match reconnect {
            Reconnect::Growing => Self::Growing,
            Reconnect::GrowingInCluster => Self::GrowingInCluster,
            Reconnect::Never => Self::Never,
            Reconnect::Asked => Self::Asked,
        }
    }
}
