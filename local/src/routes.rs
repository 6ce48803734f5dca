//! Routes of the product, from the OpenAPI documents of its functions.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::functions::{DASHBOARD, FUNCTIONS, HEALTH, INGEST};

/// A method and path, and the function that serves it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Name of the function.
    pub function: String,
    /// Path with its parameters: `/apikey/{id}`.
    pub path: String,
    /// HTTP method in capitals.
    pub method: String,
}

impl Route {
    /// Creates a route; the method may be in any case.
    pub fn new(function: &str, method: &str, path: &str) -> Self {
        Self {
            function: function.to_owned(),
            path: path.to_owned(),
            method: method.to_uppercase(),
        }
    }
}

/// Formats a route as API Gateway does: `GET /me`.
impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

/// All routes: those that the functions describe, and those that API Gateway needs in addition: `GET
/// /health`, served by [`HEALTH`]; `GET` of other paths, served by [`DASHBOARD`]; and `POST` to other
/// paths, sent to [`INGEST`] because SDKs add slashes to its paths.
pub fn routes() -> BTreeSet<Route> {
    let mut routes = BTreeSet::from([
        Route::new(HEALTH, "GET", "/health"),
        Route::new(DASHBOARD, "GET", "/"),
        Route::new(DASHBOARD, "GET", "/{proxy+}"),
        Route::new(INGEST, "POST", "/{proxy+}"),
    ]);
    for function in FUNCTIONS {
        let description = serde_json::to_value((function.description)()).unwrap_or_default();
        for (path, operations) in fields(&description["paths"]) {
            let methods = fields(operations).map(|(method, _)| method);
            routes.extend(methods.map(|method| Route::new(function.name, method, path)));
        }
    }
    routes
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
