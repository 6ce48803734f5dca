//! Serves the dashboard, the static files of `dashboard/`. They are embedded in the binary.
//! A debug build prefers the files of the checkout, so that a change is visible after a reload.

use std::borrow::Cow;
use std::path::{Component, Path};

use axum::Router;
use axum::extract::Path as Captured;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use include_dir::{Dir, include_dir};

/// Content Security Policy: that of the documents, plus `frame-ancestors`, which only a header
/// can set.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https://*.githubusercontent.com; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../dashboard");

/// Routes of the pages. None of them is a route of the API.
pub(crate) fn router() -> Router {
    Router::new()
        .route("/", get(async || file("index.html")))
        .route("/login", get(async || file("login.html")))
        .route("/oauth-success", get(async || file("oauth-success.html")))
        .route("/config.js", get(async || file("config.js")))
        .route("/openapi.json", get(async || description()))
        .route("/docs", get(async || docs()))
        .route("/favicon.svg", get(async || file("favicon.svg")))
        .route("/app/{*path}", get(async |path| below("app", &path)))
        .route("/styles/{*path}", get(async |path| below("styles", &path)))
}

fn description() -> Response {
    (headers("application/json"), local::openapi::text()).into_response()
}

fn docs() -> Response {
    let headers = headers("text/html; charset=utf-8");
    (headers, local::openapi::page()).into_response()
}

fn below(directory: &str, Captured(path): &Captured<String>) -> Response {
    file(&format!("{directory}/{path}"))
}

fn file(path: &str) -> Response {
    match (content_type(path), contents(path)) {
        (Some(content_type), Some(contents)) => (headers(content_type), contents).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn headers(content_type: &'static str) -> [(HeaderName, &'static str); 5] {
    [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        // The next `cargo run` may serve a newer version.
        (CACHE_CONTROL, "no-cache"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}

/// Content type by file extension. `None` for files that are not served, such as `README.md`.
fn content_type(path: &str) -> Option<&'static str> {
    match Path::new(path).extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

fn contents(path: &str) -> Option<Cow<'static, [u8]>> {
    if cfg!(debug_assertions)
        && let Some(contents) = read_from_checkout(path)
    {
        return Some(contents.into());
    }
    EMBEDDED.get_file(path).map(|file| file.contents().into())
}

fn read_from_checkout(path: &str) -> Option<Vec<u8>> {
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
    use std::fs;

    use super::*;

    const DOCUMENTS: [&str; 3] = ["index.html", "login.html", "oauth-success.html"];

    #[test]
    fn every_file_that_a_document_links_is_served() {
        for document in DOCUMENTS {
            let text = String::from_utf8(contents(document).unwrap().into_owned()).unwrap();
            let linked: Vec<&str> = text
                .split(['"'])
                .filter(|part| part.starts_with("app/") || part.starts_with("styles/"))
                .collect();
            assert!(linked.len() > 2, "{document}");
            for path in linked {
                assert_eq!(file(path).status(), StatusCode::OK, "{path}");
            }
        }
    }

    #[test]
    fn embedded_files_are_up_to_date() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboard");
        for path in ["app/main.js", "styles/base.css", "config.js"] {
            let embedded = EMBEDDED.get_file(path).unwrap().contents();
            assert_eq!(embedded, fs::read(root.join(path)).unwrap(), "{path}");
        }
    }

    #[test]
    fn documents_contain_the_policy_for_hosts_that_send_no_header() {
        let in_document = POLICY
            // A static file does not know the address of the API. app/policy.js narrows this.
            .replace("connect-src 'self'", "connect-src 'self' https:")
            // Browsers ignore this directive in a document.
            .replace("frame-ancestors 'none'; ", "");
        for document in DOCUMENTS {
            let text = String::from_utf8(contents(document).unwrap().into_owned()).unwrap();
            assert!(text.contains(&in_document), "{document}");
        }
    }

    #[test]
    fn files_outside_the_dashboard_are_not_served() {
        for path in [
            "../Cargo.toml",
            "app/../../Cargo.toml",
            "/etc/passwd",
            "README.md",
            "app",
            "nothing.js",
        ] {
            assert_eq!(file(path).status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert!(read_from_checkout("app/../config.js").is_none());
    }
}
