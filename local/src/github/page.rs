//! Pages of the stand-in: links and one form, without scripts.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::login::OCTOCAT;
use super::params::Params;

// Without `form-action`, because browsers also apply it to the redirects after the form, and
// these lead to the frontend's origin. The page escapes all values and has no script, so no
// other form can be injected.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Parameters that the form sends again unchanged.
const PRESERVED: [&str; 6] = [
    "client_id",
    "redirect_uri",
    "state",
    "scope",
    "code_challenge",
    "code_challenge_method",
];

/// The page that asks which user signs in. `cancel` is the target of its "Cancel" link.
pub(super) fn choose_user(params: &Params, cancel: &str) -> Response {
    let preserved: Vec<_> = PRESERVED
        .iter()
        .filter_map(|name| Some((*name, params.get(name)?)))
        .collect();
    let approve = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&preserved)
        .append_pair("login", OCTOCAT)
        .finish();
    let hidden: String = preserved
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

/// The page for an unknown client id.
pub(super) fn not_found() -> Response {
    html(
        StatusCode::NOT_FOUND,
        "Not found",
        "<h1>Not found</h1><p>No app with this <code>client_id</code> is registered.</p>",
    )
}

/// The page for an invalid request that must not be answered with a redirect.
pub(super) fn bad_request(reason: &str) -> Response {
    let body = format!("<h1>Invalid request</h1><p>{}</p>", escape(reason));
    html(StatusCode::BAD_REQUEST, "Invalid request", &body)
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

/// Escapes a text for HTML content and quoted attribute values.
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
    fn markup_in_values_is_escaped() {
        assert_eq!(
            hidden_field("state", r#"'"><script>&"#),
            r#"<input type="hidden" name="state" value="&#39;&quot;&gt;&lt;script&gt;&amp;">"#
        );
    }
}
