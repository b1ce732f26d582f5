//! Describes TLS errors as lines for people: what happened, and what to do.

use rustls::{AlertDescription, CertificateError, Error, OtherError};

/// A TLS error as a line for people: what happened, and what to do.
pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => explain_certificate(error),
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            "the server does not speak TLS here; check the port, or use redis:// without tls".to_owned()
        }
        Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::NoCertificate) => {
            "the server wants a client certificate; give tls.cert and tls.key".to_owned()
        }
        Error::AlertReceived(
            alert @ (AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRevoked
            | AlertDescription::AccessDenied),
        ) => format!("the server refused our client certificate ({alert:?}); check tls.cert and tls.key"),
        // For a missing certificate TLS 1.2 has only this general alert.
        Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the server refused the handshake; it may want a client certificate (tls.cert and tls.key), or other cipher suites".to_owned()
        }
        other => other.to_string(),
    }
}

fn explain_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the server's certificate has expired ({error})")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the server's certificate is not valid yet ({error})")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => format!(
            "the server's certificate is for another name ({error}); tls.servername says which to expect. Only its alternative names count, not its subject (CN)"
        ),
        CertificateError::UnknownIssuer => {
            "the server's certificate is signed by nobody who is trusted here; give its authority as tls.ca"
                .to_owned()
        }
        CertificateError::Revoked => "the server's certificate was revoked".to_owned(),
        CertificateError::Other(other) if is_own_authority(other) => {
            "the server's certificate is signed by nobody who is trusted here but by itself; give it as tls.ca".to_owned()
        }
        CertificateError::Other(other) if is_version_one(other) => {
            "the server's certificate is of X.509 version 1, which cannot be checked here; make it anew with extensions (openssl x509 -req -extfile …), which also name the server".to_owned()
        }
        CertificateError::Other(_) => format!("the server's certificate cannot be used ({error})"),
        other => format!("the server's certificate is not accepted ({other})"),
    }
}

/// Whether the certificate is of version 1, without extensions. By default `openssl x509 -req` makes such certificates.
fn is_version_one(error: &OtherError) -> bool {
    error.0.downcast_ref() == Some(&webpki::Error::UnsupportedCertVersion)
}

/// Whether the certificate is that of a CA. `openssl req -x509` makes such certificates.
pub(super) fn is_own_authority(error: &OtherError) -> bool {
    error.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity)
}
