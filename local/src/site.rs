//! The router of the port: all functions, the stand-in and the pages of the checkout.

use axum::Router;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::from_fn_with_state;
use dashboard::SecurityHeaders;
use local::functions::FUNCTIONS;
use local::github;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use tower_http::cors::CorsLayer;
use url::Url;

use crate::hosts::{self, AllowedHosts};
use crate::server::TimeLimits;
use crate::settings::{GitHub, Settings};
use crate::{forward, one_name, pages, server};

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
    Ok(shared::web::app(functions).layer(cors(&settings.frontend_url)))
}

/// Forwards to functions that run as separate processes.
pub(crate) fn forwarded(settings: &Settings) -> Router {
    forward::router(&settings.public_url)
}

/// Adds the pages of the checkout to the routes of `api`, and the stand-in unless the real GitHub is
/// used. With `bundled`, and in a release, the pages are those of `api`. Requests that name another host
/// are refused, except those of SDKs.
///
/// # Errors
/// When `ALLOWED_HOSTS` or a setting of the pages is invalid.
pub(crate) fn with_pages(
    api: Router,
    host: &Host,
    settings: &Settings,
    here: &str,
    bundled: bool,
) -> Result<Router, ConfigError> {
    let mut site = Router::new();
    if cfg!(debug_assertions) && !bundled {
        site = site.merge(pages::router(SecurityHeaders::load(&settings.env)?));
    }
    if settings.github == GitHub::StandIn {
        site = site.merge(github::router(
            here,
            settings.oauth_app()?,
            host.clock.clone(),
        ));
    }
    let one_name = from_fn_with_state(settings.public_url.clone(), one_name::prefer_public_url);
    let hosts = AllowedHosts::load(&settings.env, &settings.public_url)?;
    let site = site.fallback_service(api).layer(one_name);
    let site = server::with_whole_bodies(site, TimeLimits::USUAL);
    Ok(site.layer(from_fn_with_state(hosts, hosts::refuse_others)))
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use axum::response::Response;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn browsers_may_send_and_read_the_same_headers_as_in_aws() {
        let router = Router::new().layer(cors("https://app.test"));
        let answer = async |method: Method| {
            let request = Request::builder()
                .method(method)
                .uri("/")
                .header("origin", "https://app.test")
                .header("access-control-request-method", "POST");
            let request = request.body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap()
        };
        let list = |response: &Response, name: &str| {
            let value = response.headers()[name].to_str().unwrap().to_owned();
            let mut names: Vec<_> = value
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect();
            names.sort();
            names
        };
        let allowed = list(
            &answer(Method::OPTIONS).await,
            "access-control-allow-headers",
        );
        let sent = [
            "authorization",
            "content-type",
            "idempotency-key",
            "x-api-key",
        ];
        assert_eq!(allowed, sent);
        let exposed = list(&answer(Method::GET).await, "access-control-expose-headers");
        assert_eq!(exposed, ["ratelimit", "ratelimit-policy", "retry-after"]);
    }
}
