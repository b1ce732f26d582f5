//! What must be there.

/// For a look at something that is there by an invariant.
pub(crate) trait Present {
    /// The same. Where it is missing, that is a fault of ours: debug builds and the simulation stop; elsewhere the caller passes over it, since
    /// no panic may reach Node.
    fn present(self) -> Self;
}

impl<T> Present for Option<T> {
    #[track_caller]
    fn present(self) -> Self {
        debug_assert!(self.is_some(), "what must be there is missing");
        self
    }
}
