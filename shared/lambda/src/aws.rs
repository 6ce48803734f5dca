//! Configuration of AWS clients. Loads only what Lambda provides, because the first request
//! waits for startup.

use std::fs;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{Error as PemError, PemObject};

use upblit_base::environment::{ConfigError, Env};

/// Root certificates trusted for AWS endpoints (Amazon Trust Services). Reading the 140
/// certificates of the operating system takes longer than the rest of a cold start
/// (`docs/decisions/0019-amazon-root-certificates.md`).
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon-roots.pem");

/// Setting for a file of additional trusted certificates, named as in other AWS tools.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Returns the configuration for credentials, region and connections. Makes no network call.
///
/// # Errors
/// If a setting is missing, or `AWS_CA_BUNDLE` names a file that cannot be read.
pub(super) async fn config(env: &Env) -> Result<SdkConfig, ConfigError> {
    let connections = connections(env)?;
    // Lambda sets these variables. Profiles and SSO are for developers and not compiled into
    // releases; `if cfg!(…)` would keep their code in this future.
    #[cfg(debug_assertions)]
    if env.optional("AWS_ACCESS_KEY_ID").is_none() {
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(connections);
        return Ok(config.load().await);
    }
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(connections)
        .region(Region::new(env.required("AWS_REGION")?.to_owned()))
        .credentials_provider(SharedCredentialsProvider::new(credentials(env)?))
        .build())
}

/// Credentials of the function's role. They outlive the instance, so nothing refreshes them.
fn credentials(env: &Env) -> Result<Credentials, ConfigError> {
    Ok(Credentials::new(
        env.required("AWS_ACCESS_KEY_ID")?,
        env.required("AWS_SECRET_ACCESS_KEY")?,
        env.optional("AWS_SESSION_TOKEN").map(str::to_owned),
        None,
        "environment",
    ))
}

fn connections(env: &Env) -> Result<SharedHttpClient, ConfigError> {
    let mut roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    if let Some(path) = env.optional(CA_BUNDLE) {
        let bundle = fs::read(path).map_err(|error| ConfigError::new(CA_BUNDLE, error))?;
        certificates(&bundle).map_err(|error| ConfigError::new(CA_BUNDLE, error))?;
        roots.add_pem_certificate(bundle);
    }
    let tls = TlsContext::builder().with_trust_store(roots).build();
    let tls = tls.map_err(|error| ConfigError::new(CA_BUNDLE, error))?;
    Ok(Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .build_https())
}

/// Parses the certificates of a PEM file, because the SDK panics on invalid ones.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'_>>, PemError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(PemError::NoItemsFound),
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_has_the_five_amazon_roots() {
        assert_eq!(certificates(AMAZON_ROOTS).unwrap().len(), 5);
    }

    #[tokio::test]
    async fn an_unreadable_certificate_bundle_is_reported_by_the_name_of_its_setting() {
        let not_pem = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for path in ["/nowhere", not_pem] {
            let env = Env::from_pairs([(CA_BUNDLE, path)]);
            let error = config(&env).await.unwrap_err().to_string();
            assert!(error.contains(CA_BUNDLE), "{error}");
        }
    }

    #[tokio::test]
    async fn a_missing_aws_setting_is_reported_by_name() {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "eu-central-1"),
        ];
        assert!(config(&Env::from_pairs(pairs)).await.is_ok());
        for missing in ["AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            let env = Env::from_pairs(pairs.into_iter().filter(|(name, _)| *name != missing));
            let error = config(&env).await.unwrap_err().to_string();
            assert_eq!(error, format!("setting {missing} is not set"));
        }
    }
}
