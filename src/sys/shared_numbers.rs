//! An array of numbers that JavaScript makes and the addon writes to, so that a result does not need its own object.

use napi::bindgen_prelude::Float64Array;

/// The JavaScript thread alone writes it, and the dispatcher reads it right after.
pub(crate) struct SharedNumbers(Float64Array);

impl SharedNumbers {
    /// Takes the array and keeps it alive as long as this value.
    pub(crate) fn new(array: Float64Array) -> Self {
        Self(array)
    }

    /// The length of the array.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes `values` from the start, as many as fit.
    pub(crate) fn write(&mut self, values: &[f64]) {
        // SAFETY: no other Rust reference exists, and JavaScript does not run while this one does.
        let target = unsafe { self.0.as_mut() };
        target.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
    }
}
