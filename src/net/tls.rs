//! The TLS of one provider: it makes a rustls configuration from the options, once, and does handshakes over connected sockets.

use super::endpoint::Endpoint;
use super::io_error::describe;
use super::socket::Socket;
use super::tls_error::explain;
use super::verify::{Trust, Verifier};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, Error, RootCertStore, SupportedProtocolVersion};
use std::io::ErrorKind;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The options, parsed by `provider/src/options/tls-options.ts`; certificates and keys are PEM texts.
#[derive(Clone)]
pub(crate) struct TlsOptions {
    /// The trusted authorities.
    pub(crate) authorities: Vec<String>,
    /// The user named the authorities. They may then be servers' own certificates, too.
    pub(crate) pinned: bool,
    /// How far a server's certificate is checked.
    pub(crate) trust: Trust,
    /// Our own certificate followed by its chain, and its key.
    pub(crate) identity: Option<(String, String)>,
    /// The name that the certificate must be for, instead of the host's.
    pub(crate) server_name: Option<String>,
    /// Tell the server that name at the beginning (SNI).
    pub(crate) sends_name: bool,
    /// Protocol versions: TLS 1.2, TLS 1.3.
    pub(crate) versions: (bool, bool),
    /// Cipher suites by their IANA names; empty: all.
    pub(crate) ciphers: Vec<String>,
    /// Key exchange groups; empty: all.
    pub(crate) groups: Vec<String>,
    /// Protocols offered by ALPN.
    pub(crate) protocols: Vec<String>,
    /// Revocation lists.
    pub(crate) revoked: Vec<String>,
}

/// TLS as one provider uses it.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    config: Arc<ClientConfig>,
    server_name: Option<String>,
}

impl Tls {
    /// Makes the configuration. The error names the option; it holds no secret.
    pub(crate) fn new(options: TlsOptions) -> Result<Self, String> {
        let provider = Arc::new(crypto(&options)?);
        let all: Vec<CertificateDer<'static>> = options
            .authorities
            .iter()
            .map(|text| certificates("ca", text))
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        let verifier = Verifier {
            inner: match options.trust {
                Trust::Blind => None,
                Trust::Full | Trust::AnyName => Some(verifier(&all, &options, &provider)?),
            },
            pinned: if options.pinned { all } else { Vec::new() },
            trust: options.trust,
            provider: Arc::clone(&provider),
        };
        let versions: Vec<&'static SupportedProtocolVersion> = [
            options.versions.0.then_some(&rustls::version::TLS12),
            options.versions.1.then_some(&rustls::version::TLS13),
        ]
        .into_iter()
        .flatten()
        .collect();
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| {
                format!("minVersion, maxVersion and ciphers leave nothing to agree on ({error})")
            })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match options.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                    .map_err(|_| "key holds no private key that can be used".to_owned())?;
                builder
                    .with_client_auth_cert(certificates("cert", &chain)?, key)
                    .map_err(|error| format!("cert and key cannot be used together ({error})"))?
            }
        };
        config.enable_sni = options.sends_name;
        config.alpn_protocols = options.protocols.into_iter().map(String::into_bytes).collect();
        Ok(Self { config: Arc::new(config), server_name: options.server_name })
    }

    /// Does the handshake over a connected socket.
    pub(super) async fn handshake(
        &self,
        endpoint: &Endpoint,
        socket: Socket,
    ) -> Result<TlsStream<Socket>, String> {
        let name = self.server_name.as_deref().unwrap_or_else(|| endpoint.host());
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("\"{name}\" is no name that a certificate could be for"))?;
        TlsConnector::from(Arc::clone(&self.config)).connect(name, socket).await.map_err(|error| {
            let reason = match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                Some(error) => explain(error),
                None if error.kind() == ErrorKind::UnexpectedEof => {
                    "the server closed the connection during the TLS handshake; it may not speak TLS here"
                        .to_owned()
                }
                // The server's alert, if it sent one, is lost with the connection.
                None if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => format!(
                    "the server broke off the handshake ({}); it may want a client certificate (tls.cert and tls.key)",
                    describe(&error)
                ),
                None => describe(&error),
            };
            format!("TLS with {endpoint} failed: {reason}")
        })
    }
}

fn crypto(options: &TlsOptions) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    if !options.ciphers.is_empty() {
        provider.cipher_suites.retain(|suite| {
            let name = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
            options.ciphers.contains(&name)
        });
    }
    if !options.groups.is_empty() {
        provider.kx_groups.retain(|group| options.groups.contains(&format!("{:?}", group.name())));
    }
    if provider.cipher_suites.is_empty() || provider.kx_groups.is_empty() {
        return Err("none of ciphers, or none of ecdhCurve, is available in rustls".to_owned());
    }
    Ok(provider)
}

fn verifier(
    authorities: &[CertificateDer<'static>],
    options: &TlsOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut roots = RootCertStore::empty();
    // As in OpenSSL, an authority that cannot be read is skipped.
    roots.add_parsable_certificates(authorities.iter().cloned());
    let mut lists = Vec::new();
    for text in &options.revoked {
        for list in CertificateRevocationListDer::pem_slice_iter(text.as_bytes()) {
            lists.push(list.map_err(|error| format!("crl cannot be read ({error})"))?);
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .with_crls(lists)
        .build()
        .map_err(|error| format!("ca or crl cannot be used ({error})"))
}

fn certificates(option: &str, text: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(format!("{option} holds no certificate")),
        Err(error) => Err(format!("{option} cannot be read ({error})")),
    }
}
