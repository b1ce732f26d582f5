//! Small collections that live inside a state: no heap, so that millions of states stay cheap.

use arrayvec::ArrayVec;
use std::fmt;
use std::ops::{Index, IndexMut};

/// A list of at most `N` items, found by small numbers (of clients, keys, calls, connections).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Table<T, const N: usize>(ArrayVec<T, N>);

impl<T, const N: usize> Default for Table<T, N> {
    fn default() -> Self {
        Self(ArrayVec::new())
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Table<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter()).finish()
    }
}

impl<T, const N: usize> Table<T, N> {
    /// Appends an item. More than `N` items would mean that a bound of the model is too low, and the checker must not go on as if it had
    /// covered everything.
    pub fn push(&mut self, item: T) {
        self.0.push(item);
    }

    /// Takes the first item out.
    pub fn pop_first(&mut self) -> Option<T> {
        self.0.pop_at(0)
    }

    /// The items.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The items, to change them.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The first item.
    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    /// Drops every item.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Drops the items that are not wanted.
    pub fn retain(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        self.0.retain(|item| wanted(item));
    }

    /// Sorts the items by a number.
    pub fn sort_by_number(&mut self, number: impl Fn(&T) -> u8) {
        self.0.sort_by_key(number);
    }
}

impl<T, const N: usize> FromIterator<T> for Table<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl<T, const N: usize> Index<u8> for Table<T, N> {
    type Output = T;

    #[allow(
        clippy::indexing_slicing,
        reason = "numbers come from the tables themselves; a wrong one must stop the checker"
    )]
    fn index(&self, at: u8) -> &T {
        &self.0[usize::from(at)]
    }
}

impl<T, const N: usize> IndexMut<u8> for Table<T, N> {
    #[allow(
        clippy::indexing_slicing,
        reason = "numbers come from the tables themselves; a wrong one must stop the checker"
    )]
    fn index_mut(&mut self, at: u8) -> &mut T {
        &mut self.0[usize::from(at)]
    }
}
