//! The number by which JavaScript names a lease.

/// Names one registered lease. It fits into a JavaScript number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HoldId(u64);

/// The place in the table and the serial number share the 53 bits of a JavaScript number. The serial number begins anew after two thousand
/// million holds, and nobody keeps an id that long.
const PLACE_BITS: u32 = 22;
const SERIAL_MASK: u64 = (1 << (53 - PLACE_BITS)) - 1;

impl HoldId {
    pub(super) fn new(place: usize, serial: u64) -> Self {
        Self(((serial & SERIAL_MASK) << PLACE_BITS) | place as u64)
    }

    /// The id as a JavaScript number.
    #[must_use]
    pub const fn to_number(self) -> u64 {
        self.0
    }

    /// The id of a JavaScript number. A number that was never an id is found in no table.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(super) fn place(self) -> usize {
        usize::try_from(self.0 & ((1 << PLACE_BITS) - 1)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::HoldId;

    #[test]
    fn ids_fit_a_javascript_number_however_many_holds_there_were() {
        for serial in [1, (1 << 31) - 1, 1 << 31, u64::MAX] {
            let id = HoldId::new(123, serial);
            assert!(id.to_number() < 1 << 53);
            assert_eq!(id.place(), 123);
        }
    }
}
