//! The servers of a world and their slots: one server, or the two masters of a cluster.

use crate::brought_back::BroughtBack;
use crate::network::Command;
use crate::server_side::{Mutant, Push, ServerSide};
use lock_core::{NodeAddress, SlotRange, slot_of};
use server_model::Server;
use std::collections::BTreeSet;

const SLOTS: u16 = 16_384;

/// One server.
#[derive(Debug)]
struct Master {
    side: ServerSide,
    /// The data of a lagging replica.
    replica: Server,
    /// Its address, in a cluster.
    port: u16,
    /// The server is lost, and no replica has taken over yet.
    away: bool,
}

impl Master {
    fn new(run: u64, port: u16) -> Self {
        Self { side: ServerSide::new(run), replica: Server::new(), port, away: false }
    }

    fn address(&self) -> NodeAddress {
        NodeAddress { host: "s".into(), port: self.port }
    }
}

/// See the module. Servers are numbered 0 and 1.
#[derive(Debug)]
pub(crate) struct Servers {
    first: Master,
    /// Unused if there is one server.
    second: Master,
    /// The master of each slot. Empty if there is one server.
    slots: Vec<usize>,
    /// Moving slots. Some of their keys are at the other server already.
    on_their_way: BTreeSet<u16>,
    /// While a master is away, the other one refuses everything, too.
    down: bool,
}

impl Servers {
    pub(crate) fn new(is_cluster: bool) -> Self {
        let (mut first, mut second) = (Master::new(1, 7_000), Master::new(1 << 32, 7_001));
        first.side.in_cluster = is_cluster;
        second.side.in_cluster = is_cluster;
        let slots = if is_cluster { halves() } else { Vec::new() };
        Self { first, second, slots, on_their_way: BTreeSet::new(), down: false }
    }

    pub(crate) fn is_cluster(&self) -> bool {
        !self.slots.is_empty()
    }

    fn master(&self, server: usize) -> &Master {
        if server == 0 { &self.first } else { &self.second }
    }

    fn master_mut(&mut self, server: usize) -> &mut Master {
        if server == 0 { &mut self.first } else { &mut self.second }
    }

    /// The server of this number.
    pub(crate) fn at(&mut self, server: usize) -> &mut ServerSide {
        &mut self.master_mut(server).side
    }

    /// All servers.
    pub(crate) fn each(&mut self) -> impl Iterator<Item = &mut ServerSide> {
        let second = (!self.slots.is_empty()).then_some(&mut self.second);
        [Some(&mut self.first), second].into_iter().flatten().map(|master| &mut master.side)
    }

    /// The server that has the slot.
    pub(crate) fn of_slot(&self, slot: u16) -> usize {
        self.slots.get(usize::from(slot)).copied().unwrap_or(0)
    }

    /// Whether a server is lost and no replica has taken over.
    pub(crate) fn is_away(&self, server: usize) -> bool {
        self.master(server).away
    }

    pub(crate) fn any_is_away(&self) -> bool {
        self.first.away || self.second.away
    }

    /// Whether a server serves keys.
    pub(crate) fn serves(&self, server: usize) -> bool {
        !self.is_away(server) && !self.down
    }

    /// The server at an address. The only server needs no address.
    pub(crate) fn listening(&self, address: Option<&NodeAddress>) -> Option<usize> {
        let Some(address) = address else { return (!self.is_cluster()).then_some(0) };
        (0..2).find(|server| !self.is_away(*server) && self.master(*server).address() == *address)
    }

    /// The table of slots, as every node tells it.
    pub(crate) fn table(&self) -> Vec<SlotRange> {
        let mut first = 0;
        let runs = self.slots.chunk_by(|one, next| one == next);
        let ranges = runs.map(|run| {
            let last = first + u16::try_from(run.len()).unwrap_or(SLOTS) - 1;
            let master = self.master(run.first().copied().unwrap_or(0)).address();
            SlotRange { first: std::mem::replace(&mut first, last + 1), last, master }
        });
        ranges.collect()
    }

    /// The server's answer to a command whose keys are not its own. `asked`: ASKING came before it. `us`: the server's clock.
    pub(crate) fn refusal(&self, server: usize, command: &Command, asked: bool, us: u64) -> Option<Vec<u8>> {
        let keys = keys_of(command);
        let slot = slot_of(keys.first().filter(|_| self.is_cluster())?);
        if keys.iter().any(|key| slot_of(key) != slot) {
            return Some(b"-CROSSSLOT Keys in request don't hash to the same slot\r\n".to_vec());
        }
        if self.down {
            return Some(b"-CLUSTERDOWN The cluster is down\r\n".to_vec());
        }
        let owner = self.of_slot(slot);
        let is_on_its_way = self.on_their_way.contains(&slot);
        let mutant = self.master(server).side.mutant;
        if owner != server && !(is_on_its_way && asked) && mutant != Some(Mutant::MovedSlotIsServed) {
            return Some(format!("-MOVED {slot} {}\r\n", self.master(owner).address()).into_bytes());
        }
        // Channels stay with the owner, and do not count as missing keys.
        let is_message = command.first().is_some_and(|name| name == b"SSUBSCRIBE" || name == b"SPUBLISH");
        if !is_on_its_way || is_message || mutant == Some(Mutant::HalfASlotIsServed) {
            return None;
        }
        let found = keys.iter().filter(|key| self.has(server, us, key)).count();
        match found {
            _ if found == keys.len() => None,
            0 if owner == server => {
                Some(format!("-ASK {slot} {}\r\n", self.master(1 - server).address()).into_bytes())
            }
            _ if owner == server || keys.len() > 1 => {
                Some(b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n".to_vec())
            }
            _ => None,
        }
    }

    /// Whether the key is at this server.
    pub(crate) fn has(&self, server: usize, us: u64, key: &[u8]) -> bool {
        self.master(server).side.data.pttl(us, key) != -2
    }

    /// The server that executes a command of one key, whichever node is asked first. `clocks`: those of both servers.
    pub(crate) fn place_of(&self, slot: u16, clocks: [u64; 2], key: &[u8]) -> usize {
        let owner = self.of_slot(slot);
        let us = clocks.get(owner).copied().unwrap_or(0);
        if self.on_their_way.contains(&slot) && !self.has(owner, us, key) { 1 - owner } else { owner }
    }

    pub(crate) fn is_on_its_way(&self, slot: u16) -> bool {
        self.on_their_way.contains(&slot)
    }

    pub(crate) fn any_is_on_its_way(&self) -> bool {
        !self.on_their_way.is_empty()
    }

    /// A slot begins to move to the other server, key by key.
    pub(crate) fn begin_move(&mut self, slot: u16) {
        self.on_their_way.insert(slot);
    }

    /// The slot's last keys move, and the other server owns the slot. See `move_slots`.
    pub(crate) fn end_move(&mut self, slot: u16, ahead_ms: i64) -> Vec<Push> {
        self.on_their_way.remove(&slot);
        self.move_slots(&[slot], 1 - self.of_slot(slot), ahead_ms)
    }

    /// Some keys of a slot on its way move.
    pub(crate) fn move_keys(&mut self, slot: u16, moves: &BTreeSet<Vec<u8>>, ahead_ms: i64) {
        let from = self.of_slot(slot);
        let moved = self.at(from).data.take_out(|key| moves.contains(key));
        self.at(1 - from).data.take_in(moved, ahead_ms);
    }

    /// Gives slots to a server, with all their keys and the time that these have left, at one instant. `ahead_ms`: by how much the new
    /// server's clock is ahead of the other's. Returns the messages to the listeners of their channels.
    pub(crate) fn move_slots(&mut self, slots: &[u16], to: usize, ahead_ms: i64) -> Vec<Push> {
        let from = 1 - to;
        let moves = |slot: &u16| self.of_slot(*slot) == from && !self.on_their_way.contains(slot);
        let moved: BTreeSet<u16> = slots.iter().copied().filter(moves).collect();
        for slot in &moved {
            if let Some(owner) = self.slots.get_mut(usize::from(*slot)) {
                *owner = to;
            }
        }
        let source = self.at(from);
        let mutant = source.mutant;
        let stays = (mutant == Some(Mutant::MovedSlotIsServed)).then(|| source.data.clone());
        let moves = source.data.take_out(|key| moved.contains(&slot_of(key)));
        let pushes = if stays.is_some() { Vec::new() } else { source.end_channels(&moved) };
        if let Some(data) = stays {
            source.data = data;
        }
        if mutant != Some(Mutant::SlotMovesEmpty) {
            self.at(to).data.take_in(moves, ahead_ms);
        }
        pushes
    }

    /// A master is lost. `down`: the cluster refuses everything until a replica takes over. Returns the locks that will be back then. `us`: the
    /// server's clock.
    pub(crate) fn lose(&mut self, server: usize, down: bool, us: u64) -> BroughtBack {
        self.down = down;
        let master = self.master_mut(server);
        master.away = true;
        let lost = std::mem::replace(&mut master.side.data, master.replica.clone());
        let back = BroughtBack::of(us, &lost, &master.side.data);
        master.side.channels.clear();
        master.side.known_scripts.clear();
        master.side.run += 1;
        back
    }

    /// The replica of a lost master takes over, at an address of its own.
    pub(crate) fn take_over(&mut self, server: usize) {
        self.down = false;
        let Self { first, second, slots, .. } = self;
        let master = if server == 0 { first } else { second };
        master.away = false;
        master.port += 2;
        let owns = |slot: u16| slots.get(usize::from(slot)) == Some(&server);
        // A replica that lagged may still have keys that belong to another master by now.
        drop(master.side.data.take_out(|key| !owns(slot_of(key))));
    }

    /// A failover of the only server: a replica that lags takes over. Returns the locks that are back, as `lose` does.
    pub(crate) fn fail_over(&mut self, us: u64) -> BroughtBack {
        std::mem::swap(&mut self.first.side.data, &mut self.first.replica);
        BroughtBack::of(us, &self.first.replica, &self.first.side.data)
    }

    /// Replicas get the data that the masters have now.
    pub(crate) fn replicate(&mut self) {
        self.first.replica = self.first.side.data.clone();
        self.second.replica = self.second.side.data.clone();
    }

    /// A lock that stands, except those of `owner`.
    pub(crate) fn lock_left(&self, us: u64, owner: &[u8]) -> Option<Vec<u8>> {
        let left = |master: &Master| {
            let data = &master.side.data;
            let is_lock = |name: &&[u8]| !name.starts_with(b"mlr!{") && data.get(us, name) != Some(owner);
            data.names(us).find(is_lock).map(<[u8]>::to_vec)
        };
        left(&self.first).or_else(|| left(&self.second))
    }
}

/// Each master has half of the slots.
fn halves() -> Vec<usize> {
    (0..SLOTS).map(|slot| usize::from(slot >= SLOTS / 2)).collect()
}

/// The server that owns the slot at the beginning.
pub(crate) fn home_of(slot: u16) -> usize {
    usize::from(slot >= SLOTS / 2)
}

/// The slot of a lock key.
pub(crate) fn slot_of_key(key: usize) -> u16 {
    slot_of(format!("l:k{key}").as_bytes())
}

/// The keys that a command names, and the channels that belong to slots.
fn keys_of(command: &Command) -> Vec<&[u8]> {
    let parts: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
    match parts.as_slice() {
        [b"EVAL" | b"EVALSHA", _, count, rest @ ..] => {
            let count = std::str::from_utf8(count).ok().and_then(|count| count.parse().ok()).unwrap_or(0);
            rest.iter().take(count).copied().collect()
        }
        [b"GET" | b"SET" | b"SSUBSCRIBE" | b"SPUBLISH", key, ..] => vec![key],
        _ => Vec::new(),
    }
}
