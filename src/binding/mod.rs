//! What JavaScript sees: options in, one class, results out. The provider in `provider/` is its only user.

mod client;
mod cluster_options;
mod deliver;
mod facts;
mod inspector;
mod options;
mod sentinel_options;
mod tls_options;
mod values;
