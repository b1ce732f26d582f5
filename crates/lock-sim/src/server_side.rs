//! The server's own commands, beside the scripts, which the model executes.

use crate::network::Command;
use lock_core::{SIDE_KEY_MARK, Script, slot_of};
use server_model::{Reply, Server, Verb};
use std::collections::{BTreeSet, HashMap, HashSet};

/// A mistake of the server, to test whether the simulation notices it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// A release does not look at the lock's owner.
    ReleaseOfAnyone,
    /// The last park of a connection is executed once more after its end, whatever became of the call.
    ParkComesAgain,
    /// A node of a cluster goes on serving a slot that it has given away.
    MovedSlotIsServed,
    /// A slot moves without its keys.
    SlotMovesEmpty,
    /// While a slot is moving, both nodes serve the keys that they have of it.
    HalfASlotIsServed,
    /// SCAN finds no lock.
    ScanFindsNothing,
}

/// The server and its knowledge of the clients.
#[derive(Debug)]
pub(crate) struct ServerSide {
    pub(crate) mutant: Option<Mutant>,
    /// The official package was used, and one of its callers may be waiting.
    pub(crate) official: bool,
    /// It is a node of a cluster.
    pub(crate) in_cluster: bool,
    last_park: HashMap<usize, Command>,
    pub(crate) data: Server,
    /// The listeners of a channel: connections, by place.
    pub(crate) channels: HashMap<Vec<u8>, usize>,
    pub(crate) known_scripts: HashSet<Vec<u8>>,
    /// Counts restarts.
    pub(crate) run: u64,
    /// Locks that were taken away.
    pub(crate) taken_away: Vec<Vec<u8>>,
    /// Connections that are to be closed.
    pub(crate) killed: Vec<usize>,
    scripts: HashMap<Vec<u8>, (Verb, Vec<u8>)>,
}

/// A message to a connection.
pub(crate) type Push = (usize, Vec<u8>);

impl ServerSide {
    /// `run`: the number of its first start, which no other server has.
    pub(crate) fn new(run: u64) -> Self {
        let mut scripts = HashMap::new();
        for verb in Verb::ALL {
            let is_verb = |script: &Script| script.name() == verb.name();
            let Some(script) = Script::ALL.into_iter().find(is_verb) else { continue };
            let sha = script.sha().as_bytes().to_vec();
            scripts.insert(sha.clone(), (verb, sha.clone()));
            scripts.insert(script.body().as_bytes().to_vec(), (verb, sha));
        }
        Self {
            mutant: None,
            official: false,
            in_cluster: false,
            last_park: HashMap::new(),
            data: Server::new(),
            channels: HashMap::new(),
            known_scripts: HashSet::new(),
            run,
            taken_away: Vec::new(),
            killed: Vec::new(),
            scripts,
        }
    }

    /// Executes one command of a connection. Returns the reply (none for SUBSCRIBE) and the messages that it sent.
    pub(crate) fn execute(&mut self, now_us: u64, from: usize, command: &Command) -> (Vec<u8>, Vec<Push>) {
        let parts: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        match parts.as_slice() {
            [b"HELLO", ..] => (b"%0\r\n".to_vec(), vec![]),
            [b"INFO"] => {
                let (run, node) = (self.run, u8::from(self.in_cluster));
                let text = format!(
                    "redis_version:7.0.15\r\nloading:0\r\ncluster_enabled:{node}\r\nrun_id:{run}\r\n"
                );
                (format!("${}\r\n{text}\r\n", text.len()).into_bytes(), vec![])
            }
            [b"CLIENT", b"ID"] => (format!(":{from}\r\n").into_bytes(), vec![]),
            [b"CLIENT", b"KILL", b"ID", number] => {
                let number: Option<usize> =
                    std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
                self.killed.extend(number);
                (b":1\r\n".to_vec(), vec![])
            }
            [how @ (b"SUBSCRIBE" | b"SSUBSCRIBE"), channels @ ..] => {
                let mut pushes = Vec::new();
                for channel in channels {
                    self.channels.insert(channel.to_vec(), from);
                    pushes.push((from, push(&[&how.to_ascii_lowercase(), channel, b"1"])));
                }
                (Vec::new(), pushes)
            }
            [b"PUBLISH" | b"SPUBLISH", channel, message] => {
                let receiver = self.channels.get(*channel).copied();
                let pushes = receiver.map(|to| (to, told(channel, message)));
                (format!(":{}\r\n", u8::from(receiver.is_some())).into_bytes(), pushes.into_iter().collect())
            }
            [how @ (b"EVAL" | b"EVALSHA"), script, count, rest @ ..] => {
                if self.is_park(script) {
                    self.last_park.insert(from, command.clone());
                }
                self.script(now_us, *how == b"EVAL", script, count, rest)
            }
            [b"SET", key, owner, b"NX", b"PX", ms] => {
                let ms = std::str::from_utf8(ms).ok().and_then(|ms| ms.parse().ok());
                let taken = self.data.set_if_absent(now_us, key, owner, ms);
                (if taken { b"+OK\r\n".to_vec() } else { b"_\r\n".to_vec() }, vec![])
            }
            [b"GET", key] => {
                let holder = self.data.get(now_us, key).map_or(Reply::Nil, |text| Reply::Text(text.into()));
                let mut out = Vec::new();
                encode(&holder, &mut out);
                (out, vec![])
            }
            [b"SCAN", cursor, b"MATCH", pattern, b"COUNT", _] => (self.scan(now_us, cursor, pattern), vec![]),
            [b"SCRIPT", b"EXISTS", _] => {
                (format!("*1\r\n:{}\r\n", u8::from(self.official)).into_bytes(), vec![])
            }
            [b"CLIENT", b"LIST", ..] => {
                let line: &[u8] = if self.official {
                    b"$38\r\nid=9 idle=0 cmd=evalsha lib-name= x=1\n\r\n"
                } else {
                    b"$0\r\n\r\n"
                };
                (line.to_vec(), vec![])
            }
            _ => (b"+OK\r\n".to_vec(), vec![]),
        }
    }

    fn script(
        &mut self,
        now_us: u64,
        whole: bool,
        script: &[u8],
        count: &[u8],
        rest: &[&[u8]],
    ) -> (Vec<u8>, Vec<Push>) {
        let Some((verb, sha)) = self.scripts.get(script).cloned() else {
            return (b"-ERR unknown script\r\n".to_vec(), vec![]);
        };
        if whole {
            self.known_scripts.insert(sha);
        } else if !self.known_scripts.contains(&sha) {
            return (b"-NOSCRIPT No matching script. Please use EVAL.\r\n".to_vec(), vec![]);
        }
        let count = std::str::from_utf8(count).ok().and_then(|count| count.parse().ok()).unwrap_or(0_usize);
        let (keys, args) = rest.split_at(count.min(rest.len()));
        let frees = matches!(verb, Verb::HandOver | Verb::GiveBack | Verb::Release);
        let holder = keys.first().filter(|_| frees && self.mutant == Some(Mutant::ReleaseOfAnyone));
        let holder = holder.and_then(|lock| self.data.get(now_us, lock)).map(<[u8]>::to_vec);
        let mut args = args.to_vec();
        if let (Some(holder), Some(owner)) = (&holder, args.first_mut()) {
            *owner = holder;
        }
        let before =
            if verb == Verb::Revoke { self.holders(now_us, keys.iter().copied()) } else { Vec::new() };
        let mut pushes = Vec::new();
        let channels = &self.channels;
        let reply = self.data.run(now_us, verb, keys, &args, &mut |channel, message| {
            let Some(to) = channels.get(channel) else { return 0 };
            pushes.push((*to, told(channel, message)));
            1
        });
        let after = self.holders(now_us, before.iter().map(|(name, _)| name.as_slice()));
        let gone = before.into_iter().filter(|lock| !after.contains(lock)).map(|(name, _)| name);
        self.taken_away.extend(gone);
        let mut out = Vec::new();
        encode(&reply, &mut out);
        (out, pushes)
    }

    /// Those of these keys that are locks, with their holders.
    fn holders<'a>(&self, now_us: u64, keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let locks = keys.into_iter().filter(|name| !name.starts_with(SIDE_KEY_MARK));
        locks.filter_map(|name| Some((name.to_vec(), self.data.get(now_us, name)?.to_vec()))).collect()
    }

    /// Some names, by slot. A complete iteration finds every name that stands all the time. The cursor says where to go on.
    fn scan(&self, now_us: u64, cursor: &[u8], pattern: &[u8]) -> Vec<u8> {
        let from = std::str::from_utf8(cursor).ok().and_then(|cursor| cursor.parse().ok()).unwrap_or(0_u32);
        let prefix = pattern.strip_suffix(b"*").unwrap_or(pattern);
        let left = self.data.names(now_us).map(|name| (u32::from(slot_of(name)), name));
        let mut left: Vec<_> = left.filter(|(slot, _)| *slot >= from).collect();
        left.sort_unstable();
        let next = left.first().map_or(0, |(slot, _)| slot + 1);
        let is_last = left.iter().all(|(slot, _)| *slot < next);
        let is_blind = self.mutant == Some(Mutant::ScanFindsNothing);
        let is_found = |(slot, name): &(u32, &[u8])| !is_blind && *slot < next && name.starts_with(prefix);
        let found = left.into_iter().filter(is_found);
        let names = found.map(|(_, name)| Reply::Text(name.to_vec())).collect();
        let cursor = if is_last { 0 } else { next };
        let mut out = Vec::new();
        encode(&Reply::Array(vec![Reply::Text(cursor.to_string().into()), Reply::Array(names)]), &mut out);
        out
    }

    fn is_park(&self, script: &[u8]) -> bool {
        self.mutant == Some(Mutant::ParkComesAgain)
            && self.scripts.get(script).is_some_and(|(verb, _)| *verb == Verb::Park)
    }

    /// Slots belong to another node from now on, so their channels end. Returns the messages that say so.
    pub(crate) fn end_channels(&mut self, slots: &BTreeSet<u16>) -> Vec<Push> {
        let of_slot =
            |channel: &[u8]| channel.starts_with(SIDE_KEY_MARK) && slots.contains(&slot_of(channel));
        let mut ended: Vec<_> = self.channels.extract_if(|channel, _| of_slot(channel)).collect();
        ended.sort_unstable();
        let end = |(channel, to): (Vec<u8>, usize)| (to, push(&[b"sunsubscribe", &channel, b"0"]));
        ended.into_iter().map(end).collect()
    }

    /// The server has noticed that a connection is gone.
    pub(crate) fn forget(&mut self, now_us: u64, connection: usize) {
        self.channels.retain(|_, to| *to != connection);
        if let Some(park) = self.last_park.remove(&connection) {
            self.execute(now_us, connection, &park);
            self.last_park.remove(&connection);
        }
    }
}

/// A message, on a channel of a slot or on one of the whole server.
fn told(channel: &[u8], message: &[u8]) -> Vec<u8> {
    let kind: &[u8] = if channel.starts_with(SIDE_KEY_MARK) { b"smessage" } else { b"message" };
    push(&[kind, channel, message])
}

fn push(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = format!(">{}\r\n", parts.len()).into_bytes();
    for part in parts {
        out.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn encode(reply: &Reply, out: &mut Vec<u8>) {
    match reply {
        Reply::Int(number) => out.extend_from_slice(format!(":{number}\r\n").as_bytes()),
        Reply::Text(text) => {
            out.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
            out.extend_from_slice(text);
            out.extend_from_slice(b"\r\n");
        }
        Reply::Array(items) => {
            out.extend_from_slice(format!("*{}\r\n", items.len()).as_bytes());
            items.iter().for_each(|item| encode(item, out));
        }
        Reply::Nil => out.extend_from_slice(b"_\r\n"),
        Reply::Error(text) => out.extend_from_slice(format!("-{text}\r\n").as_bytes()),
    }
}
