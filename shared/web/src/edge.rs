//! A service in front of the API, such as CloudFront with AWS WAF. It sends a secret header with each
//! request. A request without the header bypassed the service, and is refused.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use upblit_base::environment::{ConfigError, Env};

use crate::error::Error;

/// Setting with the SHA-256 of the header's value in hexadecimal, so that no function holds the value.
/// While the value is rotated, two hashes, separated by a comma.
const SETTING: &str = "EDGE_SECRET_SHA256";

/// The header that the service in front sends.
const HEADER: HeaderName = HeaderName::from_static("x-edge-secret");

/// Marks a request that came through the service in front.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThroughEdge;

#[derive(Clone)]
struct Accepted(Arc<[[u8; 32]]>);

/// Requires the header of every request, if `EDGE_SECRET_SHA256` is set.
///
/// # Errors
/// If the setting is not one or two SHA-256 hashes.
pub(crate) fn required(routes: Router, env: &Env) -> Result<Router, ConfigError> {
    let Some(setting) = env.optional(SETTING) else {
        return Ok(routes);
    };
    let hashes: Option<Vec<_>> = setting.split(',').map(hash).collect();
    let hashes = hashes.filter(|hashes| hashes.len() <= 2);
    let hashes = hashes.ok_or_else(|| {
        ConfigError::new(SETTING, "must be one or two SHA-256 hashes in hexadecimal")
    })?;
    let accepted = Accepted(hashes.into());
    Ok(routes.layer(from_fn_with_state(accepted, require)))
}

async fn require(
    State(accepted): State<Accepted>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    if !accepted.allow(request.headers()) {
        return Err(Error::BypassedEdge);
    }
    request.headers_mut().remove(HEADER);
    request.extensions_mut().insert(ThroughEdge);
    Ok(next.run(request).await)
}

impl Accepted {
    /// Returns whether the request has exactly one value and its hash is accepted. Takes the same
    /// time for all values of the same length.
    fn allow(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(HEADER).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return false;
        };
        let presented = Sha256::digest(value.as_bytes());
        let equal = self.0.iter().map(|hash| hash[..].ct_eq(&presented[..]));
        equal.fold(Choice::from(0), |any, equal| any | equal).into()
    }
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.trim().as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = str::from_utf8(pair)
            .ok()
            .filter(|pair| !pair.starts_with('+'))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    fn setting(secrets: &[&str]) -> String {
        let hash = |secret: &&str| {
            let hash = Sha256::digest(secret);
            hash.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        };
        secrets.iter().map(hash).collect::<Vec<_>>().join(",")
    }

    async fn status(setting: &str, path: &str, headers: &[&str]) -> StatusCode {
        let env = Env::from_pairs([(SETTING, setting)]);
        let routes = Router::new().route("/me", get(async || ()));
        let app = crate::app_behind_edge(routes, &env).unwrap();
        let mut request = Request::get(path);
        for value in headers {
            request = request.header(HEADER, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        app.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_requests_with_the_header_are_served() {
        let rotating = setting(&["new", "old"]);
        for (headers, is_served) in [
            (&["new"][..], true),
            (&["old"], true),
            (&[], false),
            (&["other"], false),
            (&["new", "new"], false),
            (&[&rotating[..]], false),
            (&[""], false),
        ] {
            for path in ["/me", "/health", "/nowhere"] {
                let status = status(&rotating, path, headers).await;
                assert_eq!(
                    status != StatusCode::FORBIDDEN,
                    is_served,
                    "{path} {headers:?}"
                );
            }
        }
        assert_eq!(
            status(&setting(&["old"]), "/me", &["new"]).await,
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            status("", "/me", &[]).await,
            StatusCode::OK,
            "without the setting"
        );
    }

    #[test]
    fn a_setting_other_than_one_or_two_hashes_is_refused() {
        let hash = setting(&["x"]);
        let three = [&*hash; 3].join(",");
        let signed = hash.replacen(&hash[..2], "+1", 1);
        for text in ["secret", &hash[1..], &format!("{hash},"), &three, &signed] {
            let env = Env::from_pairs([(SETTING, text)]);
            assert!(required(Router::new(), &env).is_err(), "{text}");
        }
    }
}
