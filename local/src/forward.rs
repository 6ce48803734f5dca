//! Forwards requests to functions that `cargo lambda watch` runs as separate processes,
//! so that the pages work there as they do with `cargo run`.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

#[derive(Clone)]
struct Functions {
    address: String,
    client: Client<HttpConnector, Body>,
}

/// Forwards every request to the server at `address`. Responds 502 if there is no response.
pub(crate) fn router(address: &str) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let functions = Functions {
        address: address.to_owned(),
        client,
    };
    Router::new().fallback(forward).with_state(functions)
}

async fn forward(State(functions): State<Functions>, mut request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let Ok(uri) = format!("{}{path}", functions.address).parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    request.headers_mut().remove(HOST);
    match functions.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(%error, "the functions do not respond; is cargo lambda watch running?");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}
