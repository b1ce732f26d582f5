//! A real server beside the model, random commands for both, and the comparison.

pub(crate) mod compare;
pub(crate) mod op;
pub(crate) mod pair;
pub(crate) mod random;
pub(crate) mod resp;
pub(crate) mod scripts;
pub(crate) mod server;
pub(crate) mod world;
