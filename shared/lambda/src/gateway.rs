//! Events of API Gateway, made fit for the routers: without what stands before the
//! route in the path, and without what `lambda_http` panics over.

use http::HeaderValue;
use http::header::{COOKIE, HOST};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::request::LambdaRequest;
use url::Url;

/// Mends an event, before `lambda_http` makes a request of it.
pub(super) fn mended(event: LambdaRequest) -> LambdaRequest {
    match event {
        LambdaRequest::ApiGatewayV2(mut event) => {
            mend(&mut event);
            LambdaRequest::ApiGatewayV2(event)
        }
        other => other,
    }
}

fn mend(event: &mut ApiGatewayV2httpRequest) {
    // A host with an odd port makes no URI, and nobody here asks for the host: it is
    // whatever the client likes.
    event.headers.remove(HOST);
    event.request_context.domain_name = None;
    if let Some(cookies) = cookie_header(event.cookies.take().unwrap_or_default()) {
        event.headers.insert(COOKIE, cookies);
    }
    // lambda_http would put the stage in front of the path where it is not.
    event.request_context.stage = None;
    let path = event.raw_path.take().unwrap_or_default();
    let route = event.route_key.as_deref().unwrap_or_default();
    event.raw_path = Some(escaped(of_route(&path, route)));
    event.raw_query_string = event.raw_query_string.take().map(|query| written(&query));
}

/// One header of all cookies. Cookies of other sites on the same host may hold any
/// bytes: `lambda_http` would drop all of them for one that is not ASCII. One that
/// no header can hold is left out.
fn cookie_header(mut cookies: Vec<String>) -> Option<HeaderValue> {
    cookies.retain(|cookie| HeaderValue::from_bytes(cookie.as_bytes()).is_ok());
    let header = HeaderValue::from_bytes(cookies.join("; ").as_bytes());
    header.ok().filter(|header| !header.is_empty())
}

/// The path that a route names. API Gateway hands over what the client sent: before it
/// there is the stage, unless that is `$default`, or the base path of a domain.
fn of_route<'a>(path: &'a str, route: &str) -> &'a str {
    let Some((_, template)) = route.split_once(' ') else {
        return path;
    };
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

/// A path that begins as one and stays one: API Gateway decodes it.
fn escaped(path: &str) -> String {
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{slash}{path}")
        .replace('?', "%3F")
        .replace('#', "%23")
}

/// A query as the URL standard writes it: some clients leave `<` or a space as it is.
fn written(query: &str) -> String {
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
    fn a_stage_and_a_base_path_are_no_part_of_the_route() {
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
            // An id with a slash in it is not someone else's path.
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
            assert_eq!(of_route(path, route), expected, "{path} {route}");
        }
    }

    #[test]
    fn no_cookie_costs_the_others() {
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

    #[test]
    fn a_path_and_a_query_make_a_uri_whatever_they_hold() {
        assert_eq!(escaped("/a?b#c"), "/a%3Fb%23c");
        assert_eq!(escaped("a"), "/a");
        assert_eq!(written("a=1&b=%zz+%20"), "a=1&b=%zz+%20");
        assert_eq!(written("a=<b> \"#é"), "a=%3Cb%3E%20%22%23%C3%A9");
        assert_eq!(written(""), "");
    }
}
