//! Repairs API Gateway events before `lambda_http` converts them to requests: removes the
//! stage and base path in front of the route, and values that make `lambda_http` panic.

use http::HeaderValue;
use http::header::{COOKIE, HOST};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::request::LambdaRequest;
use url::Url;

/// Returns an event that `lambda_http` converts without panicking or losing cookies.
pub(super) fn repaired(event: LambdaRequest) -> LambdaRequest {
    match event {
        LambdaRequest::ApiGatewayV2(mut event) => {
            repair(&mut event);
            LambdaRequest::ApiGatewayV2(event)
        }
        other => other,
    }
}

fn repair(event: &mut ApiGatewayV2httpRequest) {
    // A host with an invalid port cannot be part of a URI. No handler uses the host, because
    // clients can choose it.
    event.headers.remove(HOST);
    event.request_context.domain_name = None;
    if let Some(cookies) = cookie_header(event.cookies.take().unwrap_or_default()) {
        event.headers.insert(COOKIE, cookies);
    }
    // If the path does not begin with the stage, lambda_http adds it.
    event.request_context.stage = None;
    let path = event.raw_path.take().unwrap_or_default();
    let route = event.route_key.as_deref().unwrap_or_default();
    let rest = event.path_parameters.get("proxy").map(String::as_str);
    event.raw_path = Some(escaped_path(route_path(&path, route, rest)));
    event.raw_query_string = event
        .raw_query_string
        .take()
        .map(|query| normalized_query(&query));
}

/// Joins all cookies into one header. Other sites on the same host may set cookies with any
/// bytes; `lambda_http` drops all cookies if one is not ASCII. Skips cookies that are not
/// valid in a header.
fn cookie_header(mut cookies: Vec<String>) -> Option<HeaderValue> {
    cookies.retain(|cookie| HeaderValue::from_bytes(cookie.as_bytes()).is_ok());
    let header = HeaderValue::from_bytes(cookies.join("; ").as_bytes());
    header.ok().filter(|header| !header.is_empty())
}

/// Returns the part of the path that matches the route. API Gateway passes the path that the
/// client sent, which begins with the stage (unless that is `$default`) or with the base path
/// of a custom domain. `rest` is the value of the parameter `{proxy+}`, which has any number of
/// segments.
fn route_path<'a>(path: &'a str, route: &str, rest: Option<&str>) -> &'a str {
    let Some((_, template)) = route.split_once(' ') else {
        return path;
    };
    if template.ends_with("+}") {
        let before = rest.and_then(|rest| path.strip_suffix(rest)?.strip_suffix('/'));
        return before.map_or(path, |before| &path[before.len()..]);
    }
    let segments = template.matches('/').count();
    let start = path.rmatch_indices('/').take(segments).last();
    let found = start.map_or(path, |(start, _)| &path[start..]);
    let mut pairs = found.split('/').zip(template.split('/'));
    if pairs.all(|(segment, wanted)| segment == wanted || wanted.starts_with('{')) {
        found
    } else {
        path
    }
}

/// Adds a missing leading slash, and escapes characters with a meaning in URLs: API Gateway decodes
/// the path, and `lambda_http` parses it as part of a URL.
fn escaped_path(path: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let names: Vec<String> = path.split('/').map(escaped_name).collect();
    format!("{slash}{}", names.join("/"))
}

/// Escapes a segment of a path. URLs cannot escape the segments `.` and `..`, so they become a
/// segment that no route has.
fn escaped_name(name: &str) -> String {
    let decoded = name.to_ascii_lowercase().replace("%2e", ".");
    if matches!(&*decoded, "." | "..") {
        return "%252E".to_owned();
    }
    let is_special = |letter: char| letter.is_ascii_control() || " ?#\\".contains(letter);
    name.chars()
        .map(|letter| match letter {
            letter if is_special(letter) => format!("%{:02X}", u32::from(letter)),
            letter => letter.to_string(),
        })
        .collect()
}

/// Percent-encodes a query as the URL standard requires. Some clients send `<` or spaces
/// unencoded.
fn normalized_query(query: &str) -> String {
    let Ok(mut url) = Url::parse("http://localhost") else {
        return String::new();
    };
    url.set_query(Some(query));
    url.query().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_and_the_base_path_are_removed_from_the_path() {
        for (path, route, expected) in [
            ("/ingest/traces", "POST /ingest/traces", "/ingest/traces"),
            (
                "/prod/ingest/traces",
                "POST /ingest/traces",
                "/ingest/traces",
            ),
            (
                "/ingest/ingest/traces",
                "POST /ingest/traces",
                "/ingest/traces",
            ),
            (
                "/a/b/apikey/k1/rotate",
                "POST /apikey/{id}/rotate",
                "/apikey/k1/rotate",
            ),
            ("/prod/me", "GET /me", "/me"),
            // An id that contains a slash does not match another route.
            (
                "/applications/a/health",
                "GET /applications/{id}",
                "/applications/a/health",
            ),
            ("/applications/a/me", "GET /me", "/me"),
            ("/me", "GET /me/audit", "/me"),
            ("/prod/me", "$default", "/prod/me"),
            ("/prod/me", "", "/prod/me"),
            ("", "GET /me", ""),
        ] {
            assert_eq!(route_path(path, route, None), expected, "{path} {route}");
        }
    }

    #[test]
    fn a_route_for_all_paths_keeps_all_segments() {
        for (path, rest, expected) in [
            ("/login", "login", "/login"),
            ("/assets/main.js", "assets/main.js", "/assets/main.js"),
            ("/prod/assets/main.js", "assets/main.js", "/assets/main.js"),
            ("/a/login", "a/login", "/a/login"),
            ("/login/", "login/", "/login/"),
            ("//login", "/login", "//login"),
            // A parameter in another encoding is not a suffix of the path.
            ("/a%2Flogin", "a/login", "/a%2Flogin"),
        ] {
            let found = route_path(path, "GET /{proxy+}", Some(rest));
            assert_eq!(found, expected, "{path}");
        }
        assert_eq!(route_path("/a/login", "GET /{proxy+}", None), "/a/login");
        assert_eq!(route_path("/", "GET /", None), "/");
        assert_eq!(route_path("/prod/", "GET /", None), "/");
    }

    #[test]
    fn an_invalid_cookie_does_not_remove_the_others() {
        let header = |cookies: &[&str]| {
            let cookies = cookies.iter().map(ToString::to_string).collect();
            cookie_header(cookies).map(|header| header.as_bytes().to_vec())
        };
        for (cookies, expected) in [
            (&["a=1", "b=2"][..], Some("a=1; b=2")),
            (&["city=Zürich", "b=2"], Some("city=Zürich; b=2")),
            (&["a=\u{7}", "b=2"], Some("b=2")),
            (&["a=\n"], None),
            (&[], None),
        ] {
            assert_eq!(
                header(cookies),
                expected.map(|text| text.as_bytes().to_vec())
            );
        }
    }

    /// A path that names a route only after `.` and `..` are resolved must not reach that route.
    #[test]
    fn a_path_is_not_resolved() {
        for path in [
            "/x/../v1/traces",
            "/./v1/traces",
            "/%2e/v1/traces",
            "/x/.%2E/v1/traces",
            "/x/%2e%2e/v1/traces",
            "/x\\..\\v1/traces",
            "/\\v1/traces",
            "/v1\t/traces",
            "/v1/tra\nces",
            "/v1/traces ",
            "/v1/traces\u{0}",
            "/v1/traces/..",
            "/v1/traces?",
            "/v1/traces#",
        ] {
            let url = Url::parse(&format!("http://localhost{}", escaped_path(path))).unwrap();
            let names: Vec<_> = url
                .path()
                .split('/')
                .filter(|name| !name.is_empty())
                .collect();
            assert_ne!(names, ["v1", "traces"], "{path:?}");
            assert_eq!((url.query(), url.fragment()), (None, None), "{path:?}");
        }
        let id = Url::parse(&format!("http://localhost{}", escaped_path("/apikey/.. "))).unwrap();
        assert_eq!(id.path(), "/apikey/..%20");
    }

    #[test]
    fn any_path_and_query_become_a_valid_uri() {
        assert_eq!(escaped_path("/a?b#c"), "/a%3Fb%23c");
        assert_eq!(escaped_path("a"), "/a");
        assert_eq!(escaped_path(""), "/");
        assert_eq!(normalized_query("a=1&b=%zz+%20"), "a=1&b=%zz+%20");
        assert_eq!(normalized_query("a=<b> \"#é"), "a=%3Cb%3E%20%22%23%C3%A9");
        assert_eq!(normalized_query(""), "");
    }
}
