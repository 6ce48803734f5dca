//! The router of the port: all functions, the stand-in and the pages.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use local::functions::FUNCTIONS;
use local::github;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use shared::web::body;
use shared::web::error::Error;
use tower_http::cors::CorsLayer;
use url::Url;

use crate::settings::{GitHub, Settings};
use crate::{forward, one_name, pages};

/// Routes of all functions, with the CORS configuration of the HTTP API.
///
/// # Errors
/// When a setting of a function is missing or invalid.
pub(crate) fn functions(host: &Host, settings: &Settings) -> Result<Router, ConfigError> {
    let functions = FUNCTIONS
        .iter()
        .try_fold(Router::new(), |merged, function| {
            Ok(merged.merge((function.router)(host)?))
        })?;
    let functions = functions.layer(from_fn(read_whole_body));
    Ok(shared::web::app(functions).layer(cors(&settings.frontend_url)))
}

/// Maximum size of a request body: that of API Gateway.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Reads the body before a function responds, as API Gateway does. A client that is still
/// sending when it is refused would otherwise see a broken connection instead of the response.
async fn read_whole_body(request: Request, next: Next) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let body = body::read(body, MAX_BODY_BYTES).await?;
    let request = Request::from_parts(parts, Body::from(body));
    Ok(next.run(request).await)
}

/// Forwards to functions that run as separate processes.
pub(crate) fn forwarded(settings: &Settings) -> Router {
    forward::router(&settings.public_url)
}

/// Adds the pages and, unless the real GitHub is used, the stand-in to the routes of `api`.
///
/// # Errors
/// Never after [`Settings::complete`].
pub(crate) fn with_pages(
    api: Router,
    host: &Host,
    settings: &Settings,
    here: &str,
) -> Result<Router, ConfigError> {
    let mut site = pages::router();
    if settings.github == GitHub::StandIn {
        site = site.merge(github::router(
            here,
            settings.oauth_app()?,
            host.clock.clone(),
        ));
    }
    let one_name = from_fn_with_state(settings.public_url.clone(), one_name::prefer_public_url);
    Ok(site.fallback_service(api).layer(one_name))
}

/// CORS as the HTTP API in AWS is configured: browsers may call from the dashboard's origin only.
fn cors(frontend_url: &str) -> CorsLayer {
    let origin = Url::parse(frontend_url).map(|url| url.origin().ascii_serialization());
    let origin = origin
        .ok()
        .and_then(|origin| HeaderValue::try_from(origin).ok());
    CorsLayer::new()
        .allow_origin(origin.map_or_else(Vec::new, |origin| vec![origin]))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("x-api-key"),
        ])
        .expose_headers([
            HeaderName::from_static("ratelimit"),
            HeaderName::from_static("ratelimit-policy"),
            RETRY_AFTER,
        ])
}
