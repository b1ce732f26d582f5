//! The options about Sentinels, as the provider hands them over.

use super::cluster_options::NativeNode;
use super::tls_options::NativeTls;
use super::values::{family, millis};
use crate::net::{Detection, Endpoint, Known, Sentinel, Sentinels, Tls};
use lock_core::{Credentials, Secrets};
use napi_derive::napi;
use std::collections::HashMap;

/// The Sentinels, and how the client talks to them.
#[napi(object, object_to_js = false)]
pub struct NativeSentinels {
    /// The Sentinels' name for the master.
    pub name: String,
    /// Their addresses, in the order in which they are asked.
    pub addresses: Vec<NativeSentinel>,
    /// The user; none: the default user.
    pub username: Option<String>,
    /// The password. With a user name and no password, this is the empty string.
    pub password: Option<String>,
    /// TLS; none: plain text.
    pub tls: Option<NativeTls>,
    /// Other addresses for the addresses that the Sentinels name, by "host:port".
    pub mapped: HashMap<String, NativeNode>,
    /// The client asks the Sentinels for other Sentinels.
    pub learns: bool,
    /// Longest wait for one answer.
    pub command_timeout_ms: f64,
    /// The client listens to the Sentinels, so that it knows a new master at once.
    pub detection: Option<NativeDetection>,
}

/// One Sentinel.
#[napi(object, object_to_js = false)]
pub struct NativeSentinel {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// 4 or 6: only addresses of that family; none: the family of all sockets.
    pub family: Option<u8>,
}

/// How the client listens to Sentinels.
#[napi(object, object_to_js = false)]
pub struct NativeDetection {
    /// Largest number of Sentinels to listen to.
    pub most: u32,
    /// Pauses before the reconnects to one of them, by attempt.
    pub pauses_ms: Vec<f64>,
    /// After the last of these pauses the client gives the Sentinel up. Otherwise it repeats the last pause.
    pub stops: bool,
}

impl NativeSentinels {
    /// The password for the Sentinels.
    pub(super) fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The error says what is wrong with `sentinelTLS`; it holds no secret.
    pub(super) fn into_sentinels(self, secrets: &Secrets) -> Result<Sentinels, String> {
        let tls = self.tls.map(|tls| Tls::new(tls.into_options())).transpose();
        let sentinel = |NativeSentinel { host, port, family: wanted }| Sentinel {
            endpoint: Endpoint::Tcp { host, port },
            family: wanted.map(family),
        };
        let mapped = |(from, NativeNode { host, port })| (from, Endpoint::Tcp { host, port });
        let username = self.username;
        Ok(Sentinels {
            name: self.name,
            known: Known::new(self.addresses.into_iter().map(sentinel).collect()).into(),
            credentials: self.password.map(|password| Credentials { username, password }),
            tls: tls.map_err(|trouble| format!("sentinelTLS: {trouble}"))?,
            addresses: self.mapped.into_iter().map(mapped).collect(),
            secrets: secrets.clone(),
            learns: self.learns,
            limit: millis(self.command_timeout_ms),
            detection: self.detection.map(|detection| Detection {
                most: usize::try_from(detection.most).unwrap_or(usize::MAX),
                pauses: detection.pauses_ms.into_iter().map(millis).collect(),
                stops: detection.stops,
            }),
        })
    }
}
