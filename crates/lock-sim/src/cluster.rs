//! The events of a cluster: slots that move, a master that is lost, and lookups of the table of slots.

use crate::network::Connection;
use crate::servers::{home_of, slot_of_key};
use crate::world::{Happening, MS, World};
use lock_core::slot_of;
use std::collections::BTreeSet;

/// Longest time until a replica takes over for a lost master, and until a client's machine hears of the loss, in ms.
const TAKES_OVER_MS: u64 = 8_000;
const HEARS_MS: (u64, u64) = (500, 20_000);
/// Longest pause between two moves of keys of a moving slot, in ms.
const KEYS_MOVE_MS: u64 = 2_000;

impl World {
    /// The slots of the lock keys.
    pub(crate) fn key_slots(&self) -> Vec<u16> {
        (0..self.plan.keys).map(slot_of_key).collect()
    }

    /// Moves one slot, or all slots of one server, or each slot back to where it began.
    pub(crate) fn move_slots(&mut self) {
        if self.servers.any_is_away() {
            return;
        }
        let keys = self.key_slots();
        let moves: Vec<(u16, usize)> = match self.rng.u8(..6) {
            0 => {
                let to = self.rng.usize(..2);
                (0..16_384).map(|slot| (slot, to)).collect()
            }
            1 => (0..16_384).map(|slot| (slot, home_of(slot))).collect(),
            _ => {
                let Some(slot) = self.rng.choice(keys) else { return };
                if self.plan.key_by_key && self.rng.bool() {
                    return self.begin_move(slot);
                }
                vec![(slot, 1 - self.servers.of_slot(slot))]
            }
        };
        for to in 0..2 {
            let slots: Vec<u16> = moves.iter().filter(|(_, at)| *at == to).map(|(slot, _)| *slot).collect();
            let ahead_ms = self.ahead_ms_of(to);
            for (connection, push) in self.servers.move_slots(&slots, to, ahead_ms) {
                self.send_to_client(connection, push);
            }
        }
        self.note_slots();
    }

    /// By how much the clock of this server is ahead of the other's.
    fn ahead_ms_of(&self, server: usize) -> i64 {
        let ahead = i64::try_from(self.plan.ahead_ms).unwrap_or(0);
        if server == 0 { -ahead } else { ahead }
    }

    fn note_slots(&mut self) {
        self.freeing.keys_moved();
        let at: Vec<_> =
            self.key_slots().into_iter().map(|slot| (slot, self.servers.of_slot(slot))).collect();
        self.note(|| format!("slots by server: {at:?}"));
    }

    fn begin_move(&mut self, slot: u16) {
        if self.servers.is_on_its_way(slot) {
            return;
        }
        self.servers.begin_move(slot);
        self.freeing.keys_moved();
        self.note(|| format!("slot {slot} is on its way"));
        let pause = self.rng.u64(0..KEYS_MOVE_MS) * MS;
        self.after(pause, Happening::KeysMove(slot));
    }

    /// Moves some keys of a moving slot, or all keys that are left.
    pub(crate) fn keys_move(&mut self, slot: u16) {
        let from = self.servers.of_slot(slot);
        let ahead_ms = self.ahead_ms_of(1 - from);
        if self.is_over() || self.rng.u8(..4) == 0 {
            for (connection, push) in self.servers.end_move(slot, ahead_ms) {
                self.send_to_client(connection, push);
            }
            return self.note_slots();
        }
        let us = self.us_of(from);
        let of_slot = |name: &&[u8]| slot_of(name) == slot;
        let names: Vec<Vec<u8>> =
            self.servers.at(from).data.names(us).filter(of_slot).map(<[u8]>::to_vec).collect();
        let moves: BTreeSet<Vec<u8>> = names.into_iter().filter(|_| self.rng.bool()).collect();
        self.servers.move_keys(slot, &moves, ahead_ms);
        self.note(|| format!("{} keys of slot {slot} move", moves.len()));
        let pause = self.rng.u64(0..KEYS_MOVE_MS) * MS;
        self.after(pause, Happening::KeysMove(slot));
    }

    /// A master is lost with everything that was on its way. A replica that lags takes over after a while, at another address.
    pub(crate) fn lose_master(&mut self) {
        if self.servers.any_is_away() || self.servers.any_is_on_its_way() {
            return;
        }
        let (server, down) = (self.rng.usize(..2), self.rng.bool());
        self.freeing.keys_moved();
        let back = self.servers.lose(server, down, self.us_of(server));
        self.bring_back(back);
        let lost =
            self.key_slots().into_iter().filter(|slot| self.servers.of_slot(*slot) == server).collect();
        self.data_lost(lost);
        let broken = |(_, one): &(usize, &mut Connection)| one.server == server && one.open_at_server;
        let mut ends = Vec::new();
        for (at, connection) in self.connections.iter_mut().enumerate().filter(broken) {
            connection.to_server.clear();
            connection.to_client.clear();
            connection.open_at_server = false;
            connection.open_at_client = false;
            ends.push(at);
        }
        for at in ends {
            // If the network does not report the loss, the client notices only the silence.
            let longest = if self.rng.u8(..4) == 0 { HEARS_MS.1 } else { HEARS_MS.0 };
            let hears = self.rng.u64(0..longest) * MS;
            self.after(hears, Happening::ClosedAtClient(at));
        }
        let pause = self.rng.u64(0..TAKES_OVER_MS) * MS;
        self.after(pause, Happening::TakenOver(server));
        self.note(|| format!("server {server} is lost"));
    }

    pub(crate) fn taken_over(&mut self, server: usize) {
        self.servers.take_over(server);
        self.note(|| format!("server {server} is there again"));
    }

    /// A process asks for the table of slots. It gets the table of the moment when it asked. Now and then there is no answer.
    pub(crate) fn look_up(&mut self, process: usize) {
        let answers = self.rng.u8(..8) > 0;
        let found = if answers { Ok(self.servers.table()) } else { Err("nobody answers".to_owned()) };
        let pause = self.latency();
        let Some(one) = self.processes.get_mut(process) else { return };
        one.table = Some(found);
        let life = one.life;
        self.after(pause, Happening::LookedUp { process, life });
    }

    pub(crate) fn looked_up(&mut self, process: usize, life: u64) -> Result<(), String> {
        let now = self.instant();
        let Some(one) = self.processes.get_mut(process).filter(|one| one.life == life) else { return Ok(()) };
        if one.away_until() > self.now {
            let until = one.away_until();
            self.at(until, Happening::LookedUp { process, life });
            return Ok(());
        }
        let Some(found) = one.table.take() else { return Ok(()) };
        one.engine.router().handle_map(now, found);
        self.drain(process)
    }
}
