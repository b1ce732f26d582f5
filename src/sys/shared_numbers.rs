//! An array of numbers that JavaScript made and we write to: results cross the boundary without an object each.

use napi::bindgen_prelude::Float64Array;

/// Written on the JavaScript thread only, read by the dispatcher right after.
pub(crate) struct SharedNumbers(Float64Array);

impl SharedNumbers {
    /// Takes the array; it is kept alive as long as this value.
    pub(crate) fn new(array: Float64Array) -> Self {
        Self(array)
    }

    /// How many numbers fit.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes `values` from the start; what does not fit is left out.
    pub(crate) fn write(&mut self, values: &[f64]) {
        // SAFETY: no other Rust reference exists, and JavaScript does not run while this one does.
        let target = unsafe { self.0.as_mut() };
        target.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
    }
}
