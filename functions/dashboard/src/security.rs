//! Security headers of the pages. The documents in `dashboard/` contain the same policy, as far as
//! a static file can, for hosts that send no header.

use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use shared::base::environment::{ConfigError, Env};
use url::{Host, Url};

/// Headers that do not depend on settings.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        STRICT_TRANSPORT_SECURITY,
        "max-age=31536000; includeSubDomains",
    ),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Policy of the API reference, which has no scripts.
const REFERENCE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// Security headers for the dashboard of a deployment.
#[derive(Debug, Clone)]
pub struct SecurityHeaders {
    policy: HeaderValue,
}

impl SecurityHeaders {
    /// Reads `API_URL` and `GITHUB_URL`. The pages may send requests to the former, and load
    /// avatars from the latter if it is a GitHub Enterprise Server.
    ///
    /// # Errors
    /// If a setting is not a valid address.
    pub fn load(env: &Env) -> Result<Self, ConfigError> {
        let api = origin(env, "API_URL")?.map(|(origin, _)| format!(" {origin}"));
        let images = origin(env, "GITHUB_URL")?.map(|(origin, host)| match host {
            // With subdomain isolation, avatars have their own host.
            Host::Domain(host) => format!(" {origin} https://avatars.{host}"),
            _ => format!(" {origin}"),
        });
        let policy = policy(&images.unwrap_or_default(), &api.unwrap_or_default());
        let policy =
            HeaderValue::try_from(policy).map_err(|error| ConfigError::new("API_URL", error))?;
        Ok(Self { policy })
    }

    /// Adds the headers of a page or of a file that it loads.
    pub fn add(&self, headers: &mut HeaderMap) {
        add_all(headers, self.policy.clone());
    }

    /// Adds the headers of the API reference.
    pub(crate) fn add_for_reference(&self, headers: &mut HeaderMap) {
        add_all(headers, REFERENCE_POLICY);
    }
}

fn add_all(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Returns the policy, with additional sources for images and requests. It differs from that of the
/// documents in `connect-src`, because a static file does not know the API, and in
/// `frame-ancestors`, which only a header can set.
fn policy(images: &str, api: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; \
         img-src 'self' https://*.githubusercontent.com{images}; connect-src 'self'{api}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// Returns origin and host of an address in the settings. `None` if it is not set.
fn origin(env: &Env, name: &str) -> Result<Option<(String, Host)>, ConfigError> {
    if env.optional(name).is_none() {
        return Ok(None);
    }
    let url = env.secure_url(name, None)?;
    let url = Url::parse(&url).map_err(|error| ConfigError::new(name, error))?;
    let host = url.host().map(|host| host.to_owned());
    let host = host.ok_or_else(|| ConfigError::new(name, "has no host"))?;
    Ok(Some((url.origin().ascii_serialization(), host)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn policy_with(settings: &[(&str, &str)]) -> Result<String, ConfigError> {
        let env = Env::from_pairs(settings.iter().copied());
        let security = SecurityHeaders::load(&env)?;
        Ok(security.policy.to_str().unwrap().to_owned())
    }

    #[test]
    fn documents_contain_the_policy_for_hosts_that_send_no_header() {
        let in_document = policy_with(&[])
            .unwrap()
            // A static file does not know the address of the API. app/policy.js narrows the policy
            // later.
            .replace("connect-src 'self'", "connect-src 'self' https:")
            // Browsers ignore this directive in a document.
            .replace("frame-ancestors 'none'; ", "");
        for document in ["index.html", "login.html", "oauth-success.html"] {
            let path = format!("{}/../../dashboard/{document}", env!("CARGO_MANIFEST_DIR"));
            let text = fs::read_to_string(path).unwrap();
            assert!(
                text.contains(&format!("content=\"{in_document}\"")),
                "{document}"
            );
        }
    }

    #[test]
    fn settings_add_origins_and_nothing_else() {
        let added = policy_with(&[
            ("API_URL", "https://api.example.com/v2"),
            ("GITHUB_URL", "https://git.example.com:8443"),
        ]);
        let added = added.unwrap();
        assert!(
            added.contains("connect-src 'self' https://api.example.com;"),
            "{added}"
        );
        let images = "https://*.githubusercontent.com https://git.example.com:8443 https://avatars.git.example.com;";
        assert!(added.contains(images), "{added}");
        for value in [
            "https://x.test; script-src *",
            "https://x.test script-src",
            "http://x.test",
            "javascript:alert(1)",
        ] {
            assert!(policy_with(&[("API_URL", value)]).is_err(), "{value}");
        }
    }
}
