//! `GET /avatars/{login}`: a generated picture for each user, which works offline.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::login::Login;

/// Cells along each side of the picture.
const CELLS: usize = 5;

pub(super) async fn avatar(Path(login): Path<String>) -> Response {
    let Ok(login) = login.parse::<Login>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    ];
    (headers, identicon(&login.digest())).into_response()
}

/// Draws a mirrored pattern in one colour, as GitHub does for users without a picture.
fn identicon(digest: &[u8; 32]) -> String {
    let [hue_high, hue_low, pattern @ ..] = digest;
    let hue = u16::from_be_bytes([*hue_high, *hue_low]) % 360;
    let mut cells = String::new();
    for (x, y) in (0..CELLS).flat_map(|y| (0..CELLS).map(move |x| (x, y))) {
        let mirrored = x.min(CELLS - 1 - x);
        if pattern[y * CELLS + mirrored] % 2 == 0 {
            cells.push_str(&format!("M{} {}h1v1h-1z", x + 1, y + 1));
        }
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 7 7" shape-rendering="crispEdges"><path fill="#f0f2f5" d="M0 0h7v7H0z"/><path fill="hsl({hue} 55% 48%)" d="{cells}"/></svg>"##
    )
}
