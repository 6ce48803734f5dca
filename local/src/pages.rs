//! Serves the dashboard from the checkout instead of the bundle of the function `dashboard`, so that
//! a change is visible after a reload.

use std::path::{Component, Path};

use axum::Router;
use axum::extract::{Path as Captured, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dashboard::SecurityHeaders;

/// Routes of the sources. `config.js` and the description of the API remain with the function.
pub(crate) fn router(security: SecurityHeaders) -> Router {
    Router::new()
        .route("/", get(async |headers| file(headers, "index.html")))
        .route("/login", get(async |headers| file(headers, "login.html")))
        .route(
            "/oauth-success",
            get(async |headers| file(headers, "oauth-success.html")),
        )
        .route(
            "/app/{*path}",
            get(async |headers, path| below(headers, "app", &path)),
        )
        .route(
            "/styles/{*path}",
            get(async |headers, path| below(headers, "styles", &path)),
        )
        .with_state(security)
}

fn below(
    security: State<SecurityHeaders>,
    directory: &str,
    Captured(path): &Captured<String>,
) -> Response {
    file(security, &format!("{directory}/{path}"))
}

fn file(State(security): State<SecurityHeaders>, path: &str) -> Response {
    let Some((content_type, contents)) = content_type(path).zip(read(path)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")];
    let mut response = (headers, contents).into_response();
    security.add(response.headers_mut());
    response
}

/// Content type by file extension. `None` for files that are not served, such as `README.md`.
fn content_type(path: &str) -> Option<&'static str> {
    match Path::new(path).extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        _ => None,
    }
}

fn read(path: &str) -> Option<Vec<u8>> {
    let path = Path::new(path);
    let is_plain = |part| matches!(part, Component::Normal(_));
    if !path.components().all(is_plain) {
        return None;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboard");
    std::fs::read(root.join(path)).ok()
}

#[cfg(test)]
mod tests {
    use shared::base::environment::Env;

    use super::*;

    fn status(path: &str) -> StatusCode {
        let security = SecurityHeaders::load(&Env::default()).unwrap();
        file(State(security), path).status()
    }

    #[test]
    fn every_file_that_a_document_links_is_served() {
        for document in ["index.html", "login.html", "oauth-success.html"] {
            let text = String::from_utf8(read(document).unwrap()).unwrap();
            let linked: Vec<&str> = text
                .split(['"'])
                .filter(|part| part.starts_with("app/") || part.starts_with("styles/"))
                .collect();
            assert!(linked.len() > 2, "{document}");
            for path in linked {
                assert_eq!(status(path), StatusCode::OK, "{path}");
            }
        }
    }

    #[test]
    fn only_the_dashboards_own_pages_scripts_and_styles_are_served() {
        for path in [
            "../Cargo.toml",
            "app/../../Cargo.toml",
            "app/../main.js",
            "/etc/passwd",
            "README.md",
            "app",
            "nothing.js",
        ] {
            assert_eq!(status(path), StatusCode::NOT_FOUND, "{path}");
        }
        assert!(read("app/../config.js").is_none());
    }
}
