//! Checks the `Host` that a request names. A page can make a browser call this machine under the page's
//! own host name (DNS rebinding), and the browser then lets the page read the response. The port
//! therefore answers only to its own names.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shared::base::environment::{ConfigError, Env, is_loopback_host};
use shared::web::path::without_extra_slashes;
use url::{Host, Url};

/// Setting with further names, separated by commas.
const SETTING: &str = "ALLOWED_HOSTS";

/// Paths to which SDKs send with a key. A container reaches this machine under a name such as
/// `host.docker.internal`, and no page of another site has the key.
const INGEST: [&str; 5] = [
    "/ingest/traces",
    "/ingest/logs",
    "/v1/traces",
    "/v1/logs",
    "/v1/metrics",
];

/// Names under which the port answers: those of the loopback interface, and these.
#[derive(Debug, Clone)]
pub(crate) struct AllowedHosts(Arc<[Host]>);

impl AllowedHosts {
    /// Only the names of the loopback interface.
    pub(crate) fn loopback() -> Self {
        Self(Arc::default())
    }

    /// Also the name in `public_url`, and those of `ALLOWED_HOSTS`.
    ///
    /// # Errors
    /// When a name of the setting is not a host name or an IP address.
    pub(crate) fn load(env: &Env, public_url: &str) -> Result<Self, ConfigError> {
        let names = env.optional(SETTING).unwrap_or_default().split(',');
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        let named = names.map(|name| {
            Host::parse(name).map_err(|_| ConfigError::new(SETTING, "must be host names"))
        });
        let public = Url::parse(public_url).ok();
        let public = public.and_then(|url| url.host().map(|host| host.to_owned()));
        let all = public.map(Ok).into_iter().chain(named);
        Ok(Self(all.collect::<Result<_, _>>()?))
    }

    fn allow(&self, headers: &HeaderMap) -> bool {
        host_of(headers).is_some_and(|host| is_loopback_host(&host) || self.0.contains(&host))
    }
}

/// Middleware that refuses requests for other names with 421, except those of SDKs.
pub(crate) async fn refuse_others(
    State(allowed): State<AllowedHosts>,
    request: Request,
    next: Next,
) -> Response {
    if allowed.allow(request.headers()) || is_of_sdk(&request) {
        return next.run(request).await;
    }
    let text = "This server does not answer to this Host. If the name is its own, add it to ALLOWED_HOSTS.\n";
    (StatusCode::MISDIRECTED_REQUEST, text).into_response()
}

fn is_of_sdk(request: &Request) -> bool {
    request.method() == Method::POST
        && INGEST.contains(&&*without_extra_slashes(request.uri().path()))
        && request.headers().contains_key("x-api-key")
}

/// The host that a request names, without its port. `None` unless there is exactly one valid `Host`.
fn host_of(headers: &HeaderMap) -> Option<Host> {
    let mut values = headers.get_all(HOST).iter();
    let authority: Authority = values.next()?.to_str().ok()?.parse().ok()?;
    let is_plain = values.next().is_none() && !authority.as_str().contains('@');
    is_plain
        .then(|| Host::parse(authority.host()).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::middleware::from_fn_with_state;
    use tower::ServiceExt;

    use super::*;

    const PUBLIC_URL: &str = "https://upblit.tunnel.test/base";

    async fn status(method: Method, path: &str, headers: &[(&str, &str)]) -> StatusCode {
        let env = Env::from_pairs([(SETTING, "host.docker.internal, 192.168.1.7")]);
        let allowed = AllowedHosts::load(&env, PUBLIC_URL).unwrap();
        let site = Router::new()
            .fallback(|| async {})
            .layer(from_fn_with_state(allowed, refuse_others));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        site.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn only_own_names_are_answered() {
        for (host, is_own) in [
            ("127.0.0.1:9000", true),
            ("127.9.9.9", true),
            ("localhost", true),
            ("LOCALHOST:9000", true),
            ("[::1]:9000", true),
            ("upblit.tunnel.test", true),
            ("host.docker.internal:9000", true),
            ("192.168.1.7:9000", true),
            ("evil.test", false),
            ("evil.test:9000", false),
            ("localhost.evil.test", false),
            ("127.0.0.1.evil.test", false),
            ("localhost@evil.test", false),
            ("evil.test@localhost", false),
            ("0.0.0.0:9000", false),
            ("192.168.1.8", false),
            ("[::1", false),
            ("a b", false),
            ("", false),
        ] {
            let expected = if is_own {
                StatusCode::OK
            } else {
                StatusCode::MISDIRECTED_REQUEST
            };
            for path in [
                "/",
                "/me",
                "/sessions",
                "/refresh",
                "/github/login",
                "/docs",
                "/health",
            ] {
                let status = status(Method::GET, path, &[("host", host)]).await;
                assert_eq!(status, expected, "{host} {path}");
            }
        }
    }

    #[tokio::test]
    async fn a_request_without_a_single_host_is_refused() {
        let twice = [("host", "localhost"), ("host", "evil.test")];
        for headers in [&[][..], &twice] {
            let status = status(Method::GET, "/", headers).await;
            assert_eq!(status, StatusCode::MISDIRECTED_REQUEST);
        }
    }

    #[tokio::test]
    async fn sdks_may_use_any_name_with_a_key() {
        let host = ("host", "gateway.docker.internal:9000");
        let key = ("x-api-key", "upblit_live_x");
        for (method, path, headers, is_answered) in [
            (Method::POST, "/ingest/traces", &[host, key][..], true),
            (Method::POST, "/v1/logs", &[host, key], true),
            (Method::POST, "/v1/metrics", &[host, key], true),
            (Method::POST, "//ingest/traces", &[host, key], true),
            (Method::POST, "/v1/logs/", &[host, key], true),
            (Method::POST, "//v1/logs", &[host], false),
            (Method::GET, "//v1/logs", &[host, key], false),
            (Method::POST, "//refresh", &[host, key], false),
            (Method::POST, "/x/../v1/logs", &[host, key], false),
            (Method::POST, "/v1/logs", &[host], false),
            (Method::GET, "/v1/logs", &[host, key], false),
            (Method::POST, "/refresh", &[host, key], false),
            (Method::GET, "/telemetry/logs", &[host, key], false),
            (Method::POST, "/ingest/traces/x", &[host, key], false),
        ] {
            let status = status(method, path, headers).await;
            let expected = if is_answered {
                StatusCode::OK
            } else {
                StatusCode::MISDIRECTED_REQUEST
            };
            assert_eq!(status, expected, "{path}");
        }
    }

    #[test]
    fn a_setting_that_is_no_list_of_names_is_refused() {
        for names in ["a b", "http://x.test", "[::1", "x.test:9000"] {
            let env = Env::from_pairs([(SETTING, names)]);
            assert!(AllowedHosts::load(&env, PUBLIC_URL).is_err(), "{names}");
        }
    }
}
