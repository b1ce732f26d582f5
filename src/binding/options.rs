//! The options as the provider hands them over: names and units checked there, types made here.

use crate::lane::Settings;
use crate::net::{Family, Target};
use lock_core::{BackoffRule, ClientConfig, Credentials};
use serde::Deserialize;
use std::time::Duration;

/// One provider's options, parsed by `provider/src/options.ts`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NativeOptions {
    host: String,
    port: u16,
    /// 0: any, 4 or 6.
    family: u8,
    username: Option<String>,
    /// With a user name and no password this is the empty string.
    password: Option<String>,
    database: u32,
    /// `keyPrefix` followed by `namespace`.
    prefix: String,
    default_retry_interval_ms: f64,
    maximum_retry_interval_ms: f64,
    backoff_factor: f64,
    maximum_stall_ms: f64,
    /// Use the thread lane.
    pub(super) on_thread: bool,
}

impl NativeOptions {
    pub(super) fn into_settings(self) -> Settings {
        let username = self.username;
        Settings {
            target: Target {
                host: self.host,
                port: self.port,
                family: match self.family {
                    4 => Family::V4,
                    6 => Family::V6,
                    _ => Family::Any,
                },
            },
            client: ClientConfig {
                prefix: self.prefix.into_bytes(),
                credentials: self.password.map(|password| Credentials { username, password }),
                database: self.database,
                backoff: BackoffRule {
                    first: millis(self.default_retry_interval_ms),
                    longest: millis(self.maximum_retry_interval_ms),
                    factor: self.backoff_factor,
                },
                max_retries_per_request: 20,
                version: env!("CARGO_PKG_VERSION"),
            },
            maximum_stall: millis(self.maximum_stall_ms),
        }
    }
}

/// A number of milliseconds; what is no length of time counts as none, what is too long as the longest.
pub(super) fn millis(value: f64) -> Duration {
    if value.is_nan() || value <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(value / 1_000.0).unwrap_or(Duration::MAX)
}
