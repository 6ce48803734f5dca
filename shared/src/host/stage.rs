//! A stage other than `$default` is in the path of every request: `/prod/refresh`.
//! The routes are the same in all of them.

use axum::extract::Request;
use http::Uri;
use http::uri::PathAndQuery;
use lambda_http::request::RequestContext;

/// The stage that is the API's own address.
const DEFAULT: &str = "$default";

/// The request as its route is called.
pub(super) fn left_out(mut request: Request) -> Request {
    if let Some(uri) = without_stage(&request) {
        *request.uri_mut() = uri;
    }
    request
}

fn without_stage(request: &Request) -> Option<Uri> {
    let RequestContext::ApiGatewayV2(context) = request.extensions().get()? else {
        return None;
    };
    let stage = context.stage.as_deref().filter(|stage| *stage != DEFAULT)?;
    let within = request.uri().path_and_query()?.as_str();
    let rest = within.strip_prefix('/')?.strip_prefix(stage)?;
    let path: PathAndQuery = rest.starts_with('/').then(|| rest.parse().ok())??;
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use lambda_http::request::LambdaRequest;

    use super::*;

    fn path_of(stage: &str, path: &str) -> String {
        let event = serde_json::json!({
            "version": "2.0", "routeKey": "GET /me", "rawPath": path, "rawQueryString": "a=b",
            "headers": {}, "isBase64Encoded": false,
            "requestContext": {
                "stage": stage, "requestId": "x",
                "http": { "method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "::1" },
            },
        });
        let event: LambdaRequest = serde_json::from_value(event).unwrap();
        let request: lambda_http::Request = event.into();
        let request = left_out(request.map(Body::new));
        request.uri().path_and_query().unwrap().to_string()
    }

    #[test]
    fn a_stage_is_left_out_of_the_path_and_nothing_else_is() {
        for (stage, path, route) in [
            ("$default", "/me", "/me?a=b"),
            ("prod", "/prod/me", "/me?a=b"),
            ("prod", "/prod/prod", "/prod?a=b"),
            // A domain of its own, whose mapping has left it out.
            ("prod", "/me", "/me?a=b"),
            ("prod", "/production/me", "/production/me?a=b"),
            ("prod", "/prod", "/prod?a=b"),
        ] {
            assert_eq!(path_of(stage, path), route, "{stage} {path}");
        }
    }
}
