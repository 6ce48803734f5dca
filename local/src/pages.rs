//! The getting-started page: what there is to see before the dashboard exists.

use axum::Router;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

type Page = ([(HeaderName, &'static str); 5], &'static str);

/// One document for all three addresses: its script reads which one it is on.
pub(crate) fn router() -> Router {
    let document = || async {
        page(
            "text/html; charset=utf-8",
            include_str!("../pages/index.html"),
        )
    };
    Router::new()
        .route("/", get(document))
        .route("/login", get(document))
        .route("/oauth-success", get(document))
        .route(
            "/start.css",
            get(async || {
                page(
                    "text/css; charset=utf-8",
                    include_str!("../pages/start.css"),
                )
            }),
        )
        .route(
            "/start.js",
            get(async || {
                page(
                    "text/javascript; charset=utf-8",
                    include_str!("../pages/start.js"),
                )
            }),
        )
}

fn page(content_type: &'static str, body: &'static str) -> Page {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        // The next `cargo run` may serve a newer one.
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, body)
}
