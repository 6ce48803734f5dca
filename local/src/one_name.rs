//! Redirects browsers from `localhost` to `127.0.0.1`, or the reverse, so that they use the
//! host name of `PUBLIC_URL`. To a browser the two are different sites: sign-in returns to
//! `PUBLIC_URL`, and the login cookie is sent only if sign-in started there.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use shared::base::environment::is_loopback;
use url::Url;

/// Paths that people open in a browser. API clients may use either name.
const VISITED: [&str; 4] = [
    "/",
    "/login",
    "/oauth-success",
    "/oauth2/authorization/github",
];

/// Middleware that redirects a browser to the host name of `public_url`, if the request has
/// another loopback name.
pub(crate) async fn prefer_public_url(
    State(public_url): State<String>,
    request: Request,
    next: Next,
) -> Response {
    match preferred_address(&public_url, &request) {
        Some(address) => Redirect::temporary(&address).into_response(),
        None => next.run(request).await,
    }
}

fn preferred_address(public_url: &str, request: &Request) -> Option<String> {
    if request.method() != Method::GET || !VISITED.contains(&request.uri().path()) {
        return None;
    }
    let host = request.headers().get(HOST)?.to_str().ok()?;
    let path = request.uri().path_and_query()?;
    let mut address = Url::parse(&format!("http://{host}{path}")).ok()?;
    let ours = Url::parse(public_url).ok()?;
    if !is_loopback(&address) || !is_loopback(&ours) || address.host() == ours.host() {
        return None;
    }
    // The port is kept, because cookies do not depend on it.
    address.set_host(ours.host_str()).ok()?;
    Some(address.into())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn redirect_target(public_url: &str, host: &str, path: &str) -> Option<String> {
        let request = Request::get(path)
            .header(HOST, host)
            .body(Body::empty())
            .unwrap();
        preferred_address(public_url, &request)
    }

    #[test]
    fn only_loopback_names_are_redirected() {
        let here = "http://127.0.0.1:9000";
        let path = "/login?reason=x";
        assert_eq!(
            redirect_target(here, "localhost:9001", path).as_deref(),
            Some("http://127.0.0.1:9001/login?reason=x")
        );
        for host in [
            "127.0.0.1:9000",
            "127.0.0.1:9001",
            "evil.test:9000",
            "",
            "[::1",
            "a b",
        ] {
            assert_eq!(redirect_target(here, host, path), None, "{host}");
        }
        assert_eq!(
            redirect_target("https://x.tunnel.test", "localhost:9000", path),
            None
        );
        assert_eq!(redirect_target(here, "localhost:9000", "/me"), None);
    }
}
