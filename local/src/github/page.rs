//! The stand-in's pages: plain links and one form, no script.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::login::OCTOCAT;
use super::params::Params;

// No form-action: browsers apply it to the redirects after the form too, and
// those leave for wherever the frontend lives. The page has no script and
// escapes everything, so nothing can add a form of its own.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the form must hand on unchanged.
const CARRIED: [&str; 6] = [
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
];

/// Asks who signs in. `cancel` is where "Cancel" leads.
pub(super) fn choose_user(params: &Params, cancel: &str) -> Response {
    let carried: Vec<_> = CARRIED
        .iter()
        .filter_map(|name| Some((*name, params.get(name)?)))
        .collect();
    let approve = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&carried)
        .append_pair("login", OCTOCAT)
        .finish();
    let hidden: String = carried
        .iter()
        .map(|(name, value)| hidden_field(name, value))
        .collect();
    let body = format!(
        include_str!("../../pages/github-choose.html"),
        approve = escape(&approve),
        hidden = hidden,
        cancel = escape(cancel),
    );
    html(StatusCode::OK, "Sign in to GitHub (stand-in)", &body)
}

/// GitHub's answer to an unknown client id.
pub(super) fn not_found() -> Response {
    html(
        StatusCode::NOT_FOUND,
        "Not found",
        "<h1>Not found</h1><p>No app is registered here under this <code>client_id</code>.</p>",
    )
}

/// A request no redirect can answer.
pub(super) fn bad_request(why: &str) -> Response {
    let body = format!("<h1>That did not work</h1><p>{}</p>", escape(why));
    html(StatusCode::BAD_REQUEST, "That did not work", &body)
}

pub(super) async fn style_sheet() -> Response {
    let css = include_str!("../../pages/github.css");
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], css).into_response()
}

fn hidden_field(name: &str, value: &str) -> String {
    format!(
        r#"<input type="hidden" name="{name}" value="{}">"#,
        escape(value)
    )
}

fn html(status: StatusCode, title: &str, body: &str) -> Response {
    let page = format!(
        include_str!("../../pages/github.html"),
        title = title,
        body = body
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, page).into_response()
}

/// Safe in text and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_text() {
        assert_eq!(
            hidden_field("state", r#"'"><script>&"#),
            r#"<input type="hidden" name="state" value="&#39;&quot;&gt;&lt;script&gt;&amp;">"#
        );
    }
}
