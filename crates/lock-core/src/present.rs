//! Values that must be there.

/// For access to a value that is there by an invariant.
pub(crate) trait Present {
    /// Returns the option unchanged. `None` is a fault of this package: debug builds and the simulation stop. Other builds go on, since no
    /// panic may reach Node.
    fn present(self) -> Self;
}

impl<T> Present for Option<T> {
    #[track_caller]
    fn present(self) -> Self {
        debug_assert!(self.is_some(), "what must be there is missing");
        self
    }
}
