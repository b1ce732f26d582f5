//! A sorted set. Ours have a handful of members, so a sorted list is enough.

use std::cmp::Ordering;

/// Members with scores, ordered by score and then by bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SortedSet {
    entries: Vec<(Vec<u8>, f64)>,
}

impl SortedSet {
    /// Members with their scores, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        self.entries.iter().map(|(member, score)| (member.as_slice(), *score))
    }

    /// The member with the lowest score.
    #[must_use]
    pub fn first(&self) -> Option<(&[u8], f64)> {
        self.iter().next()
    }

    /// The score of a member.
    #[must_use]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.iter().find(|&(other, _)| other == member).map(|(_, score)| score)
    }

    /// Whether it has no member; Redis has no key then.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// ZADD: gives the member this score.
    pub(crate) fn put(&mut self, member: &[u8], score: f64) {
        let member = self.take(member).unwrap_or_else(|| member.to_vec());
        let at = self.entries.partition_point(|(other, at)| {
            at.total_cmp(&score).then_with(|| other.as_slice().cmp(&member)) == Ordering::Less
        });
        self.entries.insert(at, (member, score));
    }

    /// ZADD LT: gives the member this score unless it has a lower one.
    pub(crate) fn put_lower(&mut self, member: &[u8], score: f64) {
        if self.score(member).is_none_or(|old| score < old) {
            self.put(member, score);
        }
    }

    /// Takes the member out; true when it was in.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        self.take(member).is_some()
    }

    /// Takes out the member with the lowest score.
    pub(crate) fn pop_first(&mut self) -> Option<(Vec<u8>, f64)> {
        (!self.entries.is_empty()).then(|| self.entries.remove(0))
    }

    fn take(&mut self, member: &[u8]) -> Option<Vec<u8>> {
        let at = self.entries.iter().position(|(other, _)| other == member)?;
        Some(self.entries.remove(at).0)
    }
}
