//! The functions of the product, each once. Their crates are the folders of `functions/`.

use axum::Router;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

/// A function.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Name of its crate, its binary and its folder.
    pub name: &'static str,
    /// Its routes, for the settings of a host.
    pub router: fn(&Host) -> Result<Router, ConfigError>,
    /// Description of its routes.
    pub description: fn() -> OpenApi,
}

macro_rules! functions {
    ($($name:ident),+ $(,)?) => {
        &[$(Function {
            name: stringify!($name),
            router: |host| Ok($name::router($name::State::load(host)?)),
            description: $name::Description::openapi,
        }),+]
    };
}

/// Every function, in the order of the description of the API.
pub const FUNCTIONS: &[Function] =
    functions![oauth, refresh, applications, apikey, ingest, telemetry,];

/// The function that API Gateway asks for `GET /health`, which each answers. It holds
/// no secret.
pub const HEALTH: &str = "ingest";
