//! The layers around the routes of a function on every host: health check, errors,
//! request ids, the request log and security headers. A panic becomes a 500 and does not
//! affect other requests.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderName, HeaderValue, StatusCode, header};
use lambda_http::request::RequestContext;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::error::{Error, Resource};
use crate::request_log::{RequestOutcome, record_request};
use crate::{edge, problem, status_message};
use upblit_base::environment::{ConfigError, Env};
use upblit_base::random;

/// Wraps a function's routes in the layers that every function has.
pub fn app(routes: Router) -> Router {
    layered(complete(routes))
}

/// Like [`app`], for AWS: if `EDGE_SECRET_SHA256` is set, refuses requests that did not come
/// through the service in front of the API.
///
/// # Errors
/// If the setting is not one or two SHA-256 hashes.
pub fn app_behind_edge(routes: Router, env: &Env) -> Result<Router, ConfigError> {
    Ok(layered(edge::required(complete(routes), env)?))
}

fn complete(routes: Router) -> Router {
    routes
        .route("/health", get(async || StatusCode::OK))
        .fallback(async || Error::NotFound(Resource::Path))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
}

fn layered(routes: Router) -> Router {
    routes
        .layer(CatchPanicLayer::custom(caught))
        .layer(middleware::from_fn(each_request))
}

async fn each_request(request: Request, next: Next) -> Response {
    let request_id = request_id(&request);
    let span = tracing::info_span!("request", %request_id);
    async {
        let started = Instant::now();
        let method = request.method().clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let otlp = status_message::encoding_of(&request);
        let (response, record) = record_request(next.run(request)).await;
        let response = secured(problem::render(response, &request_id, otlp));
        let route = record.route.as_ref().or(route.as_ref());
        record.log(&RequestOutcome {
            method: method.as_str(),
            route: route.map_or("(none)", MatchedPath::as_str),
            status: response.status().as_u16(),
            milliseconds: started.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        });
        response
    }
    .instrument(span)
    .await
}

/// Returns API Gateway's request id, which is also in its access log, or a random one without a
/// gateway.
fn request_id(request: &Request) -> String {
    match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    }
    .unwrap_or_else(|| random::base62(&mut random::rng(), 16))
}

/// Adds security headers. Keeps headers that the handler has set, such as a page's policy.
fn secured(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=31536000; includeSubDomains",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

fn caught(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Error::Internal(format!("panic: {message}").into()).into_response()
}
