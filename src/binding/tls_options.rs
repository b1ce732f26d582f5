//! The options about TLS, as the provider hands them over.

use crate::net::{TlsOptions, Trust};
use napi_derive::napi;

/// TLS. Certificates, keys and revocation lists are PEM texts, without a password.
#[napi(object, object_to_js = false)]
pub struct NativeTls {
    /// The trusted authorities.
    pub authorities: Vec<String>,
    /// The user named the authorities. Then they may also be servers' own certificates.
    pub pinned: bool,
    /// How far a server's certificate is checked.
    pub trust: NativeTrust,
    /// Our own certificate and its chain.
    pub certificate: Option<String>,
    /// The key of our own certificate.
    pub key: Option<String>,
    /// The name that the server's certificate must be for; none: the host's.
    pub server_name: Option<String>,
    /// Tell the server that name (SNI).
    pub sends_name: bool,
    /// TLS 1.2 may be used.
    pub tls12: bool,
    /// TLS 1.3 may be used.
    pub tls13: bool,
    /// Cipher suites by their IANA names (`TLS_AES_128_GCM_SHA256`); empty: all.
    pub ciphers: Vec<String>,
    /// Key exchange groups (`X25519`, `secp256r1`, `secp384r1`); empty: all.
    pub groups: Vec<String>,
    /// The protocols for ALPN.
    pub protocols: Vec<String>,
    /// Revocation lists.
    pub revoked: Vec<String>,
}

/// How far a server's certificate is checked.
#[napi(string_enum = "camelCase")]
pub enum NativeTrust {
    /// Chain, dates and name.
    Full,
    /// Chain and dates, but not the name.
    AnyName,
    /// Not at all.
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
