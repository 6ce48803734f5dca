//! Serves the dashboard and the description of the API at the address of the API. The files are
//! bundled and compressed when this crate is compiled (`build.rs`), so a request reads nothing.

use axum::Router;
use axum::extract::{FromRef, State as Extracted};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::json;
use shared::base::environment::{ConfigError, Env};
use shared::lambda::Host;
use shared::store::WarmUp;
use utoipa::OpenApi;

mod encoding;
mod files;
mod security;

use files::{FILES, File};
pub use security::SecurityHeaders;

/// Path of the API reference, a document without scripts.
const REFERENCE: &str = "/docs";

/// No connections, because this function has no tables.
pub const WARM_UP: Option<WarmUp> = None;

/// State shared by the handlers.
#[derive(Clone, FromRef)]
pub struct State {
    security: SecurityHeaders,
    config: Config,
}

/// Text of `config.js`.
#[derive(Clone)]
struct Config(String);

impl State {
    /// Reads the settings of this function. It has no tables and no secrets.
    ///
    /// # Errors
    /// If a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let env = &host.env;
        Ok(Self {
            security: SecurityHeaders::load(env)?,
            config: Config::load(env)?,
        })
    }
}

impl Config {
    /// Reads `API_URL`. The address in `config.js` is empty if the API and the dashboard have the
    /// same origin.
    fn load(env: &Env) -> Result<Self, ConfigError> {
        let api_url = match env.optional("API_URL") {
            Some(_) => env.secure_url("API_URL", None)?,
            None => String::new(),
        };
        // A JSON string is also a JavaScript string.
        let api_url = json!(api_url);
        Ok(Self(format!(
            "export const CONFIG = {{ apiUrl: {api_url} }};\n"
        )))
    }
}

/// Builds the router of this function.
pub fn router(state: State) -> Router {
    let router = Router::new().route("/config.js", get(config));
    let router = FILES.iter().fold(router, |router, file| {
        let answer = move |Extracted(security): Extracted<SecurityHeaders>, headers: HeaderMap| {
            std::future::ready(serve(file, &security, &headers))
        };
        router.route(file.path, get(answer))
    });
    router.with_state(state)
}

/// OpenAPI document of this function, which has no API operations.
#[derive(OpenApi)]
#[openapi()]
pub struct Description;

fn serve(file: &'static File, security: &SecurityHeaders, asked: &HeaderMap) -> Response {
    let mut response = file.response(asked);
    match file.path {
        REFERENCE => security.add_for_reference(response.headers_mut()),
        _ => security.add(response.headers_mut()),
    }
    response
}

async fn config(
    Extracted(security): Extracted<SecurityHeaders>,
    Extracted(Config(text)): Extracted<Config>,
) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    let javascript = HeaderValue::from_static("text/javascript; charset=utf-8");
    headers.insert(CONTENT_TYPE, javascript);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(files::REVALIDATED));
    security.add(headers);
    response
}
