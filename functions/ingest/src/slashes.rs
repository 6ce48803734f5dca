//! Paths with duplicate or trailing slashes. SDKs append `/v1/traces` to an address that ends with a
//! slash, or are configured with `/v1/traces/`.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::{Method, Uri};
use shared::web::error::{Error, Resource};
use shared::web::path::without_extra_slashes;
use shared::web::request_log;
use tower::ServiceExt;

/// Serves `POST` requests whose path is that of a route with extra slashes, too. All other paths
/// are not found.
pub(crate) fn with_extra_slashes(routes: Router) -> Router {
    let exact = routes.clone().layer(from_fn(recorded)).fallback(not_found);
    // All methods, because a GET of an unknown path would otherwise be a wrong method (405).
    let rest = any(async move |request: Request| served(exact, request).await);
    routes.route("/{*path}", rest)
}

async fn served(exact: Router, mut request: Request) -> Result<Response, Infallible> {
    match uri_without_extra_slashes(&request) {
        Some(uri) => {
            *request.uri_mut() = uri;
            // Otherwise axum would put it in front of the path of the route.
            request.extensions_mut().remove::<MatchedPath>();
            exact.oneshot(request).await
        }
        None => Ok(not_found().await.into_response()),
    }
}

/// Returns the URI without extra slashes, if the method is `POST` and there are some.
fn uri_without_extra_slashes(request: &Request) -> Option<Uri> {
    let sent = request.uri();
    let path = without_extra_slashes(sent.path());
    if request.method() != Method::POST || path == sent.path() {
        return None;
    }
    let query = sent.query().map(|query| format!("?{query}"));
    Uri::try_from(path + &query.unwrap_or_default()).ok()
}

/// Records the route that serves a request, because the matched route is `/{*path}`.
async fn recorded(path: MatchedPath, request: Request, next: Next) -> Response {
    request_log::record(|record| record.route = Some(path));
    next.run(request).await
}

async fn not_found() -> Error {
    Error::NotFound(Resource::Path)
}
