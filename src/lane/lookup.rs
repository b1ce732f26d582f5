//! Asks the nodes of a cluster which of them has which slot, on the background thread.

use super::settings::{Discovery, Settings};
use super::shared::{Inbound, Shared};
use super::{background, side};
use crate::net::{Endpoint, Failure, Talk};
use lock_core::resp::Value;
use lock_core::{ClusterRules, NodeAddress, SlotRange};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Largest number of masters of a cluster, because each gets a connection.
const MOST_MASTERS: usize = 1_000;

/// Looks up the table and puts it into the mailbox. The nodes `known` are asked before those of the options.
pub(super) fn begin(shared: &Arc<Shared>, settings: &Settings, known: Vec<NodeAddress>) {
    let (to, settings) = (Arc::clone(shared), settings.clone());
    let started = background::spawn(async move {
        let outcome = look_up(&to, &settings, known).await;
        to.send(Inbound::LookedUp { outcome });
    });
    if let Err(reason) = started {
        shared.send(Inbound::LookedUp { outcome: Err(reason) });
    }
}

/// Asks one node after the other until one knows the table.
pub(super) async fn look_up(
    shared: &Shared,
    settings: &Settings,
    known: Vec<NodeAddress>,
) -> Result<Vec<SlotRange>, String> {
    let Some(discovery) = &settings.discovery else { return Err("there is no cluster".to_owned()) };
    let start = discovery.start.iter().filter_map(|endpoint| match endpoint {
        Endpoint::Tcp { host, port } => Some(NodeAddress { host: host.as_str().into(), port: *port }),
        Endpoint::Unix(_) => None,
    });
    let is_first = known.is_empty();
    let mut asked: Vec<NodeAddress> = Vec::new();
    let mut last = "no node was given".to_owned();
    for address in known.into_iter().chain(start) {
        if asked.contains(&address) {
            continue;
        }
        let answer =
            tokio::time::timeout(discovery.limit, ask(shared, settings, discovery, &address, is_first)).await;
        match answer {
            Ok(Ok(ranges)) => return Ok(ranges),
            Ok(Err(reason)) => last = format!("{address}: {reason}"),
            Err(_) => last = format!("{address}: no answer within {} ms", discovery.limit.as_millis()),
        }
        asked.push(address);
    }
    Err(format!("no node of the cluster could say which has which slot; the last error: {last}"))
}

async fn ask(
    shared: &Shared,
    settings: &Settings,
    discovery: &Discovery,
    address: &NodeAddress,
    is_first: bool,
) -> Result<Vec<SlotRange>, String> {
    let target = settings.target_of(Some(address));
    let unwanted = shared.password_unwanted.load(Ordering::Acquire);
    let talk = side::open(settings, &target, unwanted).await.map_err(|error| error.to_string())?;
    if is_first && discovery.ready_check {
        check_state(&talk).await?;
    }
    let slots = talk.ask(&["CLUSTER", "SLOTS"]).await.map_err(|error| error.to_string())?;
    let default = ClusterRules::default();
    let rules = settings.client.cluster.as_ref().unwrap_or(&default);
    let ranges = parse(&slots, address, rules);
    if ranges.is_empty() {
        return Err("it knows of no slots".to_owned());
    }
    let masters: HashSet<&NodeAddress> = ranges.iter().map(|range| &range.master).collect();
    if masters.len() > MOST_MASTERS {
        return Err(format!(
            "it names {} masters, more than the {MOST_MASTERS} that a cluster may have",
            masters.len()
        ));
    }
    Ok(ranges)
}

/// Whether the node says that the cluster works. A cluster that lacks slots may soon get them back.
async fn check_state(talk: &Talk) -> Result<(), String> {
    match talk.ask(&["CLUSTER", "INFO"]).await {
        Ok(Value::Text(info)) if String::from_utf8_lossy(&info).contains("cluster_state:fail") => {
            Err("cluster_state is fail".to_owned())
        }
        // A user without the right to ask learns of it from the first call.
        Ok(_) => Ok(()),
        Err(Failure::Said(said)) if said.starts_with(b"NOPERM") => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Each entry has the first and the last slot, then the master, then its replicas. Each server is given by host, port and more.
fn parse(slots: &Value, near: &NodeAddress, rules: &ClusterRules) -> Vec<SlotRange> {
    let Value::Array(entries) = slots else { return Vec::new() };
    entries.iter().filter_map(|entry| range(entry, near, rules)).collect()
}

fn range(entry: &Value, near: &NodeAddress, rules: &ClusterRules) -> Option<SlotRange> {
    let Value::Array(parts) = entry else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = parts.as_slice() else {
        return None;
    };
    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
    let host = match host {
        Value::Text(host) => String::from_utf8_lossy(host).into_owned(),
        _ => String::new(),
    };
    // A node that does not know its own address is reached at the address where it was asked.
    let host = if host.is_empty() || host == "?" { Arc::clone(&near.host) } else { host.into() };
    let master = NodeAddress { host, port: u16::try_from(*port).ok()? };
    let master = rules.addresses.get(&master.to_string()).cloned().unwrap_or(master);
    Some(SlotRange { first: u16::try_from(*first).ok()?, last: u16::try_from(*last).ok()?, master })
}
