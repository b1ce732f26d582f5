//! Commands that share a script call: `take` and `give back` for locks of `execute` that nobody waits for, and parks of several waiters for
//! one key. The call around a small script costs Redis more than the script. The outbox also knows the locks that count only when replicas
//! have them. One WAIT, sent last in its turn, is for everything that was taken until its answer.

use crate::call_id::CallId;
use crate::key::LockKey;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Most locks of one script call. A longer call would hold up all clients of the server.
const MOST: usize = 16;

/// The calls that go out with the next write.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    takes: VecDeque<CallId>,
    gives: VecDeque<CallId>,
    parks: VecDeque<CallId>,
    /// A call stands behind one that came after it.
    unsorted: bool,
    /// The server does not know the scripts' hashes.
    whole: bool,
    /// Calls that hold their keys and wait until replicas have them.
    unacknowledged: Vec<CallId>,
    /// A WAIT is under way.
    waits: bool,
}

impl Outbox {
    pub(crate) fn push_take(&mut self, call: CallId) {
        self.unsorted |= self.takes.back().is_some_and(|last| last.serial > call.serial);
        self.takes.push_back(call);
    }

    pub(crate) fn push_give(&mut self, call: CallId) {
        self.gives.push_back(call);
    }

    pub(crate) fn push_park(&mut self, call: CallId) {
        self.unsorted |= self.parks.back().is_some_and(|last| last.serial > call.serial);
        self.parks.push_back(call);
    }

    /// Makes the next scripts go out with their text.
    pub(crate) fn send_texts(&mut self) {
        self.whole = true;
    }

    /// Takes the first `most` give-backs. Also returns whether they need the script's text.
    pub(crate) fn take_gives(&mut self, most: usize) -> (Vec<CallId>, bool) {
        (first(&mut self.gives, most), self.whole)
    }

    /// Takes the first `most` takes and parks, in order of arrival. Also returns whether they need the scripts' texts.
    pub(crate) fn take_wishes(&mut self, most: usize) -> (Vec<CallId>, Vec<CallId>, bool) {
        if std::mem::take(&mut self.unsorted) {
            // A call that is sent again after an unknown script came before the calls that were made meanwhile.
            self.takes.make_contiguous().sort_unstable_by_key(|call| call.serial);
            self.parks.make_contiguous().sort_unstable_by_key(|call| call.serial);
        }
        let takes = first(&mut self.takes, most);
        let parks = first(&mut self.parks, most - takes.len());
        let whole = self.whole;
        // Later commands on this connection are behind the texts.
        self.whole &= takes.is_empty() && parks.is_empty() && self.has_unsent();
        (takes, parks, whole)
    }

    /// Whether a collected call is not sent yet.
    pub(crate) fn has_unsent(&self) -> bool {
        !(self.takes.is_empty() && self.gives.is_empty() && self.parks.is_empty())
    }

    /// Takes all takes and parks that were not sent, because the process ends.
    pub(crate) fn withdraw_wishes(&mut self) -> Vec<CallId> {
        [&mut self.takes, &mut self.parks].into_iter().flat_map(std::mem::take).collect()
    }

    /// Takes everything that was not sent, in order, because the connection is gone.
    pub(crate) fn take_all(&mut self) -> Vec<CallId> {
        [&mut self.gives, &mut self.takes, &mut self.parks].into_iter().flat_map(std::mem::take).collect()
    }

    /// The calls that are not sent.
    pub(crate) fn calls(&self) -> impl Iterator<Item = CallId> + '_ {
        self.takes.iter().chain(&self.gives).chain(&self.parks).copied()
    }

    /// Whether nothing is collected and no call waits for replicas.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_unsent() && self.unacknowledged.is_empty()
    }

    /// The call holds its keys as soon as replicas have them.
    pub(crate) fn await_replicas(&mut self, call: CallId) {
        self.unacknowledged.push(call);
    }

    /// Whether a WAIT has to be sent now. If so, it counts as sent.
    pub(crate) fn begin_wait(&mut self) -> bool {
        !self.unacknowledged.is_empty() && !std::mem::replace(&mut self.waits, true)
    }

    /// The WAIT was answered, or the connection is gone. Takes the calls that waited for it.
    pub(crate) fn end_wait(&mut self) -> Vec<CallId> {
        self.waits = false;
        std::mem::take(&mut self.unacknowledged)
    }

    /// Whether the call waits for replicas.
    pub(crate) fn awaits_replicas(&self, call: CallId) -> bool {
        self.unacknowledged.contains(&call)
    }
}

fn first(calls: &mut VecDeque<CallId>, most: usize) -> Vec<CallId> {
    calls.drain(..calls.len().min(most)).collect()
}

/// Splits the calls into portions for one command each. `slot`: gives a call's slot, for a server on which a command must keep to one slot.
pub(crate) fn portions(calls: Vec<CallId>, slot: Option<impl Fn(CallId) -> Option<u16>>) -> Vec<Vec<CallId>> {
    let Some(slot) = slot else {
        return calls.chunks(MOST).map(<[_]>::to_vec).collect();
    };
    let mut portions: Vec<Vec<CallId>> = Vec::new();
    let mut open: HashMap<u16, usize> = HashMap::new();
    for call in calls {
        let Some(slot) = slot(call) else { continue };
        let portion = open.get(&slot).and_then(|at| portions.get_mut(*at));
        match portion.filter(|portion| portion.len() < MOST) {
            Some(portion) => portion.push(call),
            None => {
                open.insert(slot, portions.len());
                portions.push(vec![call]);
            }
        }
    }
    portions
}

/// Groups the calls by key, in the order in which they came.
pub(crate) fn by_key<'a>(
    calls: Vec<CallId>,
    key: impl Fn(CallId) -> Option<&'a LockKey>,
) -> Vec<Vec<CallId>> {
    let mut parties: Vec<Vec<CallId>> = Vec::new();
    let mut known: BTreeMap<&LockKey, usize> = BTreeMap::new();
    for call in calls {
        let Some(key) = key(call) else { continue };
        match known.get(key).and_then(|at| parties.get_mut(*at)) {
            Some(party) => party.push(call),
            None => {
                known.insert(key, parties.len());
                parties.push(vec![call]);
            }
        }
    }
    parties
}

#[cfg(test)]
mod tests {
    use super::{MOST, Outbox, by_key, portions};
    use crate::call_id::CallId;
    use crate::key::LockKey;

    fn calls(count: u32) -> Vec<CallId> {
        (0..count).map(|index| CallId { index, serial: u64::from(index) }).collect()
    }

    #[test]
    fn a_command_takes_a_limited_number_of_calls() {
        let sizes = |count| {
            portions(calls(count), None::<fn(CallId) -> Option<u16>>).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(16), [16]);
        assert_eq!(sizes(17), [MOST, 1]);
    }

    #[test]
    fn a_command_keeps_to_one_slot_where_slots_matter() {
        let slot = |call: CallId| u16::try_from(call.index % 2).ok();
        let portions = portions(calls(40), Some(slot));
        assert!(portions.iter().all(|calls| calls.len() <= MOST));
        assert!(portions.iter().all(|calls| calls.windows(2).all(|pair| slot(pair[0]) == slot(pair[1]))));
        assert_eq!(portions.iter().map(Vec::len).sum::<usize>(), 40);
    }

    #[test]
    fn waiters_for_one_key_stay_in_the_order_in_which_they_came() {
        let keys = [LockKey::new(b"a".to_vec()), LockKey::new(b"b".to_vec())];
        let key = |call: CallId| keys.get(call.index as usize % 2);
        let parties = by_key(calls(5), key);
        let indexes: Vec<Vec<u32>> =
            parties.iter().map(|calls| calls.iter().map(|call| call.index).collect()).collect();
        assert_eq!(indexes, [vec![0, 2, 4], vec![1, 3]]);
    }

    #[test]
    fn one_wait_is_for_all_that_was_taken_until_its_answer() {
        let mut outbox = Outbox::default();
        assert!(!outbox.begin_wait());
        let ids = calls(3);
        outbox.await_replicas(ids[0]);
        assert!(outbox.begin_wait());
        outbox.await_replicas(ids[1]);
        assert!(!outbox.begin_wait(), "one is under way");
        assert_eq!(outbox.end_wait(), [ids[0], ids[1]]);
        outbox.await_replicas(ids[2]);
        assert!(outbox.begin_wait());
    }
}
