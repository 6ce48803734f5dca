//! The Lambda functions. Each is a crate in a folder of `functions/`.

use axum::Router;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use shared::store::WarmUp;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;

/// A Lambda function of the product.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// Name of its crate, its binary and its folder.
    pub name: &'static str,
    /// Builds its router from the settings of a host.
    pub router: fn(&Host) -> Result<Router, ConfigError>,
    /// Connections that an instance in Lambda opens before its first event. `None` without tables.
    pub warm_up: Option<WarmUp>,
    /// OpenAPI document of its routes.
    pub description: fn() -> OpenApi,
}

macro_rules! functions {
    ($($name:ident),+ $(,)?) => {
        &[$(Function {
            name: stringify!($name),
            router: |host| Ok($name::router($name::State::load(host)?)),
            warm_up: $name::WARM_UP,
            description: $name::Description::openapi,
        }),+]
    };
}

/// Every function, in the order of the OpenAPI document.
pub const FUNCTIONS: &[Function] = functions![
    oauth,
    refresh,
    applications,
    apikey,
    ingest,
    telemetry,
    dashboard,
];

/// The function to which API Gateway routes `GET /health`. Every function serves it; this one holds no
/// secret.
pub const HEALTH: &str = INGEST;

/// The function to which API Gateway routes `POST` requests to paths without a route of their own.
pub const INGEST: &str = "ingest";

/// The function to which API Gateway routes `GET` requests to paths without a route of their own. It
/// serves files and has no API operations.
pub const DASHBOARD: &str = "dashboard";
