//! Resources and scopes, which a request sends once for many events.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::tree::{Group, Names, Raw};
use super::values;
use crate::decode::bounds::{Bounds, MAX_RESOURCE_BYTES, MAX_SCOPE_BYTES};
use crate::decode::layout::EventError;
use crate::event::{ResourceScope, Scope};
use upblit_base::field_error::FieldError;

/// Decodes the resources and scopes of a request's groups, in order.
#[derive(Debug, Default)]
pub(super) struct ResourceScopes {
    /// Index of the last resource, which the following scopes may share, and its content without a
    /// scope.
    last: Option<(usize, Result<ResourceScope, FieldError>)>,
}

impl ResourceScopes {
    /// Decodes the resource and scope of a group; `None` if the request sends neither.
    ///
    /// # Errors
    /// When either cannot be decoded.
    pub(super) fn of(
        &mut self,
        group: &Group<'_>,
        names: &Names,
    ) -> Result<Option<Arc<ResourceScope>>, FieldError> {
        let with_scope = scope(group).map_err(|reason| at(group.scope_pointer(names), reason))?;
        let resource = self.resource(group, names)?;
        let mut resource_scope = ResourceScope {
            scope: with_scope.scope,
            scope_schema_url: with_scope.scope_schema_url,
            ..resource.clone()
        };
        resource_scope.truncations.extend(with_scope.truncations);
        let is_empty = resource_scope == ResourceScope::default();
        Ok((!is_empty).then(|| Arc::new(resource_scope)))
    }

    fn resource(&mut self, group: &Group<'_>, names: &Names) -> Result<&ResourceScope, FieldError> {
        let index = group.resource_index;
        let read = match self.last.take() {
            Some((last, read)) if last == index => read,
            _ => resource(group).map_err(|reason| at(group.resource_pointer(names), reason)),
        };
        let (_, read) = self.last.insert((index, read));
        read.as_ref().map_err(Clone::clone)
    }
}

fn resource(group: &Group<'_>) -> Result<ResourceScope, EventError> {
    let mut bounds = Bounds::default();
    let message: Resource = decode(group.resource, "resource", &mut bounds)?;
    let mut resource = ResourceScope {
        resource: values::attributes("resource", message.attributes, &mut bounds),
        resource_schema_url: some_text(group.resource_schema_url),
        resource_dropped_attributes: message.dropped_attributes_count,
        ..ResourceScope::default()
    };
    (resource.truncations, _) = bounds.fit(&mut resource, MAX_RESOURCE_BYTES);
    Ok(resource)
}

/// Decodes the scope of a group with its schema. An empty scope is left out.
fn scope(group: &Group<'_>) -> Result<ResourceScope, EventError> {
    let mut bounds = Bounds::default();
    let message: InstrumentationScope = decode(group.scope, "scope", &mut bounds)?;
    let scope = Scope {
        name: message.name,
        version: Some(message.version).filter(|version| !version.is_empty()),
        attributes: values::attributes("scope/attributes", message.attributes, &mut bounds),
        dropped_attributes: message.dropped_attributes_count,
    };
    let mut with_scope = ResourceScope {
        scope: Some(scope).filter(|scope| *scope != Scope::default()),
        scope_schema_url: some_text(group.scope_schema_url),
        ..ResourceScope::default()
    };
    (with_scope.truncations, _) = bounds.fit(&mut with_scope, MAX_SCOPE_BYTES);
    Ok(with_scope)
}

/// Decodes a resource or scope; the default if there is none.
fn decode<M: super::tree::Message>(
    raw: Option<Raw<'_>>,
    field: &str,
    bounds: &mut Bounds,
) -> Result<M, EventError> {
    let Some(raw) = raw else {
        return Ok(M::default());
    };
    raw.decode(field, bounds)
}

/// Reads the text of a field. Returns `None` if it is empty or not a text.
fn some_text(raw: Option<Raw<'_>>) -> Option<String> {
    let text = match raw? {
        Raw::Protobuf(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Raw::Json(text) => serde_json::from_str(text).ok()?,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn at(pointer: String, reason: EventError) -> FieldError {
    let EventError { field, reason } = reason.within(&pointer);
    FieldError {
        pointer: field,
        reason,
    }
}
