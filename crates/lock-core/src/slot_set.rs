//! Sets of hash slots.

/// A set of hash slots; empty ones take no memory.
#[derive(Debug, Default)]
pub(crate) struct SlotSet {
    words: Vec<u64>,
}

impl SlotSet {
    pub(crate) fn has(&self, slot: u16) -> bool {
        self.words.get(usize::from(slot / 64)).is_some_and(|word| word & (1 << (slot % 64)) != 0)
    }

    pub(crate) fn add(&mut self, slot: u16) {
        if self.words.is_empty() {
            self.words.resize(16_384 / 64, 0);
        }
        if let Some(word) = self.words.get_mut(usize::from(slot / 64)) {
            *word |= 1 << (slot % 64);
        }
    }

    pub(crate) fn remove(&mut self, slot: u16) {
        if let Some(word) = self.words.get_mut(usize::from(slot / 64)) {
            *word &= !(1 << (slot % 64));
        }
    }

    pub(crate) fn remove_all(&mut self, is_out: impl Fn(u16) -> bool) {
        for (word, first) in self.words.iter_mut().zip((0_u16..).step_by(64)).filter(|(word, _)| **word != 0)
        {
            let out = (0..64).filter(|bit| is_out(first + bit)).fold(0, |out, bit| out | 1 << bit);
            *word &= !out;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.words.clear();
    }
}
