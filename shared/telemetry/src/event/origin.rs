use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Where events come from: what OpenTelemetry's protocol sends once for many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Attributes of the resource: the service, its process, its host.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub resource: Map<String, Value>,
    /// The library that made the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// An instrumentation scope.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InstrumentationScope)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// The resource attribute that names a service (OpenTelemetry semantic conventions).
const SERVICE_NAME: &str = "service.name";

impl Origin {
    /// The service: `service.name`.
    pub fn service(&self) -> Option<&str> {
        service(&self.resource)
    }
}

/// The service that a set of attributes names.
pub(super) fn service(attributes: &Map<String, Value>) -> Option<&str> {
    let name = attributes.get(SERVICE_NAME)?.as_str()?;
    (!name.is_empty()).then_some(name)
}
