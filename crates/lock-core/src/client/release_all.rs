//! Deleting the locks of a namespace: SCAN finds them, a script compares and deletes batch by batch.

use super::encoding::{append_eval, append_flag, append_side};
use super::replies::server_text;
use super::requests::{Outcome, ReleaseAllRequest};
use super::{Client, Kind, TaskKey, closed_error};
use crate::error::{Code, Error};
use crate::key::{LockKey, Namespace, SIDE_KEY_MARK};
use crate::resp::{Value, append_header, append_integer, append_text};
use crate::script::Script;
use crate::time::Instant;
use std::sync::Arc;

/// Keys looked at by one SCAN: at first, and the most.
const SCAN_COUNT: (u64, u64) = (16, 1_000);
/// Bytes of names that one SCAN should find, and that one script is given. Redis ends a connection that has channels and owes
/// more than 32 MB, and names may be long.
const PORTION: usize = 1 << 20;
/// Locks handled by one script: short enough not to hold up others.
const BATCH: usize = 250;
/// After so many connections in a row that broke before the answer the call fails: it may be what breaks them.
const MOST_CUTS: u32 = 5;

#[derive(Debug)]
pub(super) struct ReleaseAll {
    owner: Option<Arc<[u8]>>,
    cursor: Vec<u8>,
    /// The last SCAN said that it was the last.
    scanned: bool,
    found: Vec<LockKey>,
    freed: u64,
    /// In a cluster, a script stays within one slot.
    by_slot: bool,
    moved: bool,
    /// How many keys the next SCAN looks at.
    count: u64,
    /// Connections in a row that broke before the answer.
    cuts: u32,
}

impl ReleaseAll {
    /// The connection broke before the answer, which may have been too much for it: the next portion is smaller. True when
    /// that has happened too often.
    pub(super) fn cut(&mut self) -> bool {
        self.cuts += 1;
        self.count = (self.count / 8).max(1);
        self.cuts >= MOST_CUTS
    }

    /// A SCAN found names of so many bytes.
    fn found_bytes(&mut self, bytes: usize) {
        if bytes > PORTION {
            let fits = self.count.saturating_mul(PORTION as u64) / bytes as u64;
            self.count = fits.max(1);
        } else if bytes < PORTION / 8 {
            self.count = (self.count * 4).min(SCAN_COUNT.1);
        }
    }

    pub(super) fn keeps_to_slots(&self) -> bool {
        self.by_slot
    }

    /// From here on each script stays within one slot.
    pub(super) fn keep_to_slots(&mut self) {
        self.by_slot = true;
        self.found.sort_unstable();
    }

    fn batch(&self) -> &[LockKey] {
        self.found.get(..self.batch_len()).unwrap_or_default()
    }

    fn batch_len(&self) -> usize {
        let mut bytes = 0;
        let fits = self.found.iter().take(BATCH).take_while(|key| {
            bytes += key.name().len();
            bytes <= PORTION
        });
        let most = fits.count().max(1).min(self.found.len());
        match (self.by_slot, self.found.first()) {
            (true, Some(first)) => {
                self.found.iter().take(most).take_while(|key| key.slot() == first.slot()).count()
            }
            _ => most,
        }
    }

    /// The slot of what was sent has moved: other nodes have to be asked for its locks.
    pub(super) fn moved(&mut self) {
        let count = self.batch_len();
        self.found.drain(..count);
        self.moved = true;
    }

    pub(super) fn encode(&self, whole: bool, plain: bool, namespace: &Namespace, out: &mut Vec<u8>) {
        let batch = self.batch();
        if batch.is_empty() {
            let pattern = namespace.pattern();
            append_header(out, 6);
            for part in [b"SCAN", &self.cursor[..], b"MATCH", &pattern, b"COUNT"] {
                append_text(out, part);
            }
            return append_integer(out, self.count);
        }
        let stride = if plain { 1 } else { 4 };
        append_eval(out, Script::Free, whole, batch.len() * stride, 4);
        let mut side = Vec::new();
        for key in batch {
            append_text(out, key.name());
            if !plain {
                append_side(out, &mut side, |side| key.record(side));
                append_side(out, &mut side, |side| key.queue(side));
                append_side(out, &mut side, |side| key.counter(side));
            }
        }
        append_integer(out, stride as u64);
        append_flag(out, self.owner.is_none());
        append_text(out, self.owner.as_deref().unwrap_or_default());
        // Locks of all slots: most of them were not used on this connection.
        append_flag(out, true);
    }
}

impl Client {
    /// Deletes locks of the namespace; ends with [`Outcome::Freed`] or [`Outcome::Failed`].
    ///
    /// # Errors
    /// [`Code::Closed`] after [`Client::close`]; [`Code::InvalidArgument`] when that would be every key of the
    /// database.
    pub fn release_all(&mut self, now: Instant, request: ReleaseAllRequest) -> Result<TaskKey, Error> {
        if self.closed {
            return Err(closed_error());
        }
        if request.owner.is_none() && self.namespace.is_everything() {
            return Err(Error::new(
                Code::InvalidArgument,
                "releaseAll without an ownerId would delete every key of the database, since both \"namespace\" and \"keyPrefix\" are empty. Pass an ownerId.",
            ));
        }
        let all = ReleaseAll {
            owner: request.owner,
            cursor: b"0".to_vec(),
            scanned: false,
            found: Vec::new(),
            freed: 0,
            by_slot: self.keeps_to_slots(),
            moved: false,
            count: SCAN_COUNT.0,
            cuts: 0,
        };
        Ok(self.add(now, Some(request.caller), Kind::ReleaseAll(all), None))
    }

    /// Takes out every `releaseAll`, to be asked for elsewhere, with how many locks it has deleted.
    pub(crate) fn take_release_alls(&mut self) -> Vec<(ReleaseAllRequest, u64)> {
        let found: Vec<u32> = (self.tasks.iter())
            .filter(|(_, task)| matches!(task.kind, Kind::ReleaseAll(_)))
            .filter_map(|(index, _)| u32::try_from(index).ok())
            .collect();
        let mut requests = Vec::new();
        for index in found {
            let Some(task) = self.tasks.get_mut(index as usize) else { continue };
            if let (Some(caller), Kind::ReleaseAll(all)) = (task.caller.take(), &task.kind) {
                self.callers -= 1;
                requests.push((ReleaseAllRequest { caller, owner: all.owner.clone() }, all.freed));
            }
            self.forget(index);
        }
        requests
    }

    pub(super) fn release_all_reply(&mut self, now: Instant, index: u32, reply: Value) {
        let Some(task) = self.tasks.get_mut(index as usize) else { return };
        let Kind::ReleaseAll(all) = &mut task.kind else { return };
        let parts = match reply {
            Value::Array(items) => <[Value; 2]>::try_from(items).map_err(Value::Array),
            other => Err(other),
        };
        all.cuts = 0;
        match parts {
            Ok([Value::Int(1), Value::Int(freed)]) => {
                all.freed += u64::try_from(freed).unwrap_or(0);
                let count = all.batch_len();
                all.found.drain(..count);
            }
            Ok([Value::Text(cursor), Value::Array(names)]) => {
                all.scanned = cursor == b"0";
                all.cursor = cursor;
                all.found_bytes(
                    names.iter().map(|name| if let Value::Text(name) = name { name.len() } else { 0 }).sum(),
                );
                all.found.extend(names.into_iter().filter_map(|name| match name {
                    Value::Text(name) if !name.starts_with(SIDE_KEY_MARK) => Some(LockKey::new(name)),
                    _ => None,
                }));
                if all.by_slot {
                    all.found.sort_unstable();
                }
            }
            Ok([first, _]) | Err(first) => {
                let text = server_text(&first);
                let message = format!("Redis refused to release the locks of the namespace: {text}");
                let error = Error::new(Code::Refused, message).with_cause(Some(text));
                return self.finish(index, Outcome::Failed(error));
            }
        }
        self.free_on(now, index);
    }

    /// The connection broke before the answer. True when the call has failed for it.
    pub(super) fn release_all_cut(&mut self, index: u32) -> bool {
        let Some(Kind::ReleaseAll(all)) = self.tasks.get_mut(index as usize).map(|task| &mut task.kind)
        else {
            return false;
        };
        if !all.cut() {
            return false;
        }
        let message = format!(
            "releaseAll was given up: {MOST_CUTS} connections to Redis in a row broke before it had answered. {} locks were released.",
            all.freed
        );
        let error = Error::new(Code::Unreachable, message);
        self.finish(index, Outcome::Failed(error.with_cause(Some(self.link.last_reason().to_owned()))));
        true
    }

    /// Goes on with the next batch, or ends.
    pub(super) fn free_on(&mut self, now: Instant, index: u32) {
        let Some(Kind::ReleaseAll(all)) = self.tasks.get(index as usize).map(|task| &task.kind) else {
            return;
        };
        if all.scanned && all.found.is_empty() {
            let outcome = if all.moved { Outcome::FreedSome(all.freed) } else { Outcome::Freed(all.freed) };
            self.finish(index, outcome);
        } else {
            self.submit(now, index);
        }
    }
}
