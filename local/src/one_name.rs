//! 127.0.0.1 and localhost are one machine but two sites to a browser. Sign-in
//! comes back to `PUBLIC_URL`, and finds its cookie only if it started there.

use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::HOST;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use url::{Host, Url};

/// What people open or follow a link to. API clients may use either name.
const VISITED: [&str; 4] = [
    "/",
    "/login",
    "/oauth-success",
    "/oauth2/authorization/github",
];

/// Leads a browser that came by this machine's other name to the name in `public_url`.
pub(crate) async fn prefer_public_url(
    State(public_url): State<String>,
    request: Request,
    next: Next,
) -> Response {
    match better_address(&public_url, &request) {
        Some(address) => Redirect::temporary(&address).into_response(),
        None => next.run(request).await,
    }
}

fn better_address(public_url: &str, request: &Request) -> Option<String> {
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
    // The port stays: cookies do not know ports.
    address.set_host(ours.host_str()).ok()?;
    Some(address.into())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn led_to(public_url: &str, host: &str, path: &str) -> Option<String> {
        let request = Request::get(path)
            .header(HOST, host)
            .body(Body::empty())
            .unwrap();
        better_address(public_url, &request)
    }

    #[test]
    fn only_a_loopback_name_is_exchanged_for_another() {
        let here = "http://127.0.0.1:9000";
        let path = "/login?reason=x";
        assert_eq!(
            led_to(here, "localhost:9001", path).as_deref(),
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
            assert_eq!(led_to(here, host, path), None, "{host}");
        }
        assert_eq!(
            led_to("https://x.tunnel.test", "localhost:9000", path),
            None
        );
        assert_eq!(led_to(here, "localhost:9000", "/me"), None);
    }
}
