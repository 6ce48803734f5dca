use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Truncation;
use super::span::is_zero;

/// Resource and instrumentation scope of events, as OpenTelemetry defines them. OTLP sends them
/// once for many events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceScope {
    /// Attributes of the resource, such as service, process and host.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub resource: Map<String, Value>,
    /// Instrumentation library that recorded the events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// URL of the schema of the resource's attributes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_schema_url: Option<String>,
    /// URL of the schema of the attributes of the scope and its events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope_schema_url: Option<String>,
    /// Number of attributes of the resource that the SDK dropped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resource_dropped_attributes: u32,
    /// Parts that were cut because they exceeded a limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub truncations: Vec<Truncation>,
}

/// Instrumentation scope (OpenTelemetry): the library or module that records events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = InstrumentationScope)]
pub struct Scope {
    /// Name of the library; may be empty.
    pub name: String,
    /// Version of the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Attributes of the scope.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Number of attributes that the SDK dropped.
    #[serde(default, rename = "droppedAttributes", skip_serializing_if = "is_zero")]
    pub dropped_attributes: u32,
}

/// Attribute that names the service (OpenTelemetry semantic conventions).
const SERVICE_NAME: &str = "service.name";

impl ResourceScope {
    /// Returns the service of the resource: `service.name`, unless empty.
    pub fn service(&self) -> Option<&str> {
        service(&self.resource)
    }
}

/// Returns the value of `service.name` among these attributes, unless empty.
pub(super) fn service(attributes: &Map<String, Value>) -> Option<&str> {
    let name = attributes.get(SERVICE_NAME)?.as_str()?;
    (!name.is_empty()).then_some(name)
}
