//! The options about Sentinels, as the provider hands them over.

use super::tls_options::NativeTls;
use super::values::{family, millis};
use crate::net::{Detection, Endpoint, Known, Sentinel, Sentinels, Tls};
use lock_core::{Credentials, Secrets};
use serde::Deserialize;
use std::collections::HashMap;

/// See `provider/src/native-options.ts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NativeSentinels {
    name: String,
    addresses: Vec<NativeSentinel>,
    username: Option<String>,
    password: Option<String>,
    tls: Option<NativeTls>,
    /// Other addresses for those that the Sentinels name, by "host:port".
    mapped: HashMap<String, NativeAddress>,
    learns: bool,
    command_timeout_ms: f64,
    detection: Option<NativeDetection>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NativeSentinel {
    host: String,
    port: u16,
    family: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NativeAddress {
    host: String,
    port: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NativeDetection {
    most: u32,
    pauses_ms: Vec<f64>,
    stops: bool,
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
        let mapped = |(from, NativeAddress { host, port })| (from, Endpoint::Tcp { host, port });
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
