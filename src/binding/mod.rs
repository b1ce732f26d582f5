//! The addon's interface for JavaScript: options go in, classes are called, results come out. Its only user is the provider in
//! `provider/`.

mod client;
mod cluster_options;
mod deliver;
mod facts;
mod inspector;
mod options;
mod sentinel_options;
mod tls_options;
mod values;
