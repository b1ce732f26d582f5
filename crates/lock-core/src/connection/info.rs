//! The client's reading of INFO.

use crate::config::ClientConfig;
use crate::resp::Value;
use std::time::Duration;

/// The reason why the server cannot keep locks, if INFO names one.
pub(super) fn uselessness(config: &ClientConfig, reply: &Value) -> Option<String> {
    let Value::Text(info) = reply else { return None };
    if !config.handshake_options.master_only || !config.handshake_options.ready_check {
        return None;
    }
    let info = String::from_utf8_lossy(info);
    let role = field(&info, "role").filter(|role| *role != "master")?;
    Some(format!("the server that the Sentinels named says that it is no master (role:{role})"))
}

/// The text about a server that is a replica. It refuses every request for a lock.
pub(super) fn replica(info: &str) -> Option<String> {
    field(info, "role").filter(|role| *role == "slave")?;
    let (host, port) = (field(info, "master_host"), field(info, "master_port"));
    let of = host.zip(port).map(|(host, port)| format!(" of {host}:{port}")).unwrap_or_default();
    Some(format!(
        "The server that redisUrl and redisOptions lead to is a replica{of}: it takes no locks. Connect to the master (a primary or writer endpoint)."
    ))
}

/// How long to wait for a server that loads its data.
pub(super) fn loading(config: &ClientConfig, info: &str) -> Option<Duration> {
    if !config.handshake_options.ready_check || field(info, "loading") != Some("1") {
        return None;
    }
    let seconds = field(info, "loading_eta_seconds").and_then(|eta| eta.parse().ok()).unwrap_or(1_u64);
    let longest = config.handshake_options.longest_loading_pause.unwrap_or(Duration::MAX);
    Some(Duration::from_secs(seconds).min(longest).max(Duration::from_millis(100)))
}

/// A warning about a server that may evict locks. Every lock with a lease is volatile.
pub(super) fn eviction(info: &str) -> Option<String> {
    let policy = field(info, "maxmemory_policy").filter(|policy| *policy != "noeviction")?;
    field(info, "maxmemory").filter(|limit| *limit != "0")?;
    Some(format!(
        "Redis may delete locks that are held when its memory is full: its maxmemory-policy is \"{policy}\". Keep locks on a Redis with \"noeviction\"."
    ))
}

/// A warning about a master with fewer replicas than the option `safety` asks for.
pub(super) fn too_few_replicas(config: &ClientConfig, info: &str) -> Option<String> {
    let wanted = config.safety?.replicas;
    let there: u32 = field(info, "connected_slaves")?.parse().ok()?;
    (there < wanted).then(|| {
        format!(
            "safety.replicas is {wanted}, and Redis has only {there}: every lock is refused (LOCK_NOT_REPLICATED) until it has more."
        )
    })
}

/// A field's value.
pub(super) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
