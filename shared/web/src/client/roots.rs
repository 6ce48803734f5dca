//! Root certificates that are trusted in addition to those of the system.

use std::io;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use upblit_base::environment::{ConfigError, Env};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Root certificates of the system. Read once per process, although each change of the secrets
/// creates new clients.
static NATIVE: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
});

/// Certificates of a private CA.
#[derive(Debug, Clone, Default)]
pub struct ExtraRoots(Vec<CertificateDer<'static>>);

impl ExtraRoots {
    /// Reads PEM certificates from a setting; none if it is unset. Line breaks may be spaces,
    /// since parameters of a deployment are often one line.
    ///
    /// # Errors
    /// If the setting has no certificate, or one that cannot be a root.
    pub fn from_env(env: &Env, name: &str) -> Result<Self, ConfigError> {
        let Some(pem) = env.optional(name) else {
            return Ok(Self::default());
        };
        let invalid = || ConfigError::new(name, "must be certificates in PEM");
        let certificates: Option<Vec<_>> = pem.split(BEGIN).skip(1).map(certificate).collect();
        let certificates = certificates.filter(|all| !all.is_empty());
        let roots = Self(certificates.ok_or_else(invalid)?);
        roots
            .add_to(&mut RootCertStore::empty())
            .map_err(|error| ConfigError::new(name, error))?;
        Ok(roots)
    }

    /// Returns the certificates of the system, and these.
    pub(super) fn with_native(&self) -> io::Result<RootCertStore> {
        let mut store = NATIVE.clone();
        self.add_to(&mut store).map_err(io::Error::other)?;
        if store.is_empty() {
            return Err(io::Error::other("no root certificates were found"));
        }
        Ok(store)
    }

    fn add_to(&self, store: &mut RootCertStore) -> Result<(), rustls::Error> {
        self.0
            .iter()
            .try_for_each(|certificate| store.add(certificate.clone()))
    }
}

/// Parses the certificate in the text after a [`BEGIN`] line.
fn certificate(text: &str) -> Option<CertificateDer<'static>> {
    let (body, _) = text.split_once(END)?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok().map(CertificateDer::from)
}
