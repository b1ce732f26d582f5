//! The options about TLS, as the provider hands them over.

use crate::net::{TlsOptions, Trust};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NativeTls {
    authorities: Vec<String>,
    pinned: bool,
    trust: NativeTrust,
    certificate: Option<String>,
    key: Option<String>,
    server_name: Option<String>,
    sends_name: bool,
    tls12: bool,
    tls13: bool,
    ciphers: Vec<String>,
    groups: Vec<String>,
    protocols: Vec<String>,
    revoked: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum NativeTrust {
    Full,
    AnyName,
    Blind,
}

impl NativeTls {
    pub(super) fn into_options(self) -> TlsOptions {
        TlsOptions {
            authorities: self.authorities,
            pinned: self.pinned,
            trust: match self.trust {
                NativeTrust::Full => Trust::Full,
                NativeTrust::AnyName => Trust::AnyName,
                NativeTrust::Blind => Trust::Blind,
            },
            identity: self.certificate.zip(self.key),
            server_name: self.server_name,
            sends_name: self.sends_name,
            versions: (self.tls12, self.tls13),
            ciphers: self.ciphers,
            groups: self.groups,
            protocols: self.protocols,
            revoked: self.revoked,
        }
    }
}
