//! Decides whether a server's certificate is accepted: by webpki's rules, with three exceptions that Node's users rely on.

use super::tls_error::is_own_authority;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;

/// How far a server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The certificate must be valid, signed by a trusted authority, and for the server's name.
    Full,
    /// The name does not matter.
    AnyName,
    /// Not at all.
    Blind,
}

/// The verifier of one provider.
#[derive(Debug)]
pub(super) struct Verifier {
    /// `None` only where nothing is verified.
    pub(super) inner: Option<Arc<WebPkiServerVerifier>>,
    /// The certificates that the user named instead of the public authorities.
    pub(super) pinned: Vec<CertificateDer<'static>>,
    pub(super) trust: Trust,
    pub(super) provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        let verified = inner.verify_server_cert(certificate, intermediates, name, ocsp, now);
        match (verified, self.trust) {
            // webpki checks the name last, so all other checks passed.
            (
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )),
                Trust::AnyName,
            ) => Ok(ServerCertVerified::assertion()),
            // A certificate that `openssl req -x509` makes is that of a CA. webpki never accepts such a certificate for a server.
            // It reports this after it has checked the dates. A pinned certificate needs no issuer.
            (Err(Error::InvalidCertificate(CertificateError::Other(other))), _)
                if is_own_authority(&other)
                    && self.pinned.iter().any(|pinned| pinned.as_ref() == certificate.as_ref()) =>
            {
                if self.trust != Trust::AnyName {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            (verified, _) => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.inner.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // webpki cannot read every certificate that Node can read: it reads none of version 1. If any certificate is accepted,
        // its key proves nothing.
        if self.inner.is_none() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
