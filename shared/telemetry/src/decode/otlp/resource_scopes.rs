//! Resources and scopes, which a request sends once for many events.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Map, Value};

use super::tree::{Group, Names, Raw};
use super::values;
use crate::decode::bounds::{Bounds, MAX_ATTRIBUTE_BYTES};
use crate::decode::layout::EventError;
use crate::event::{ResourceScope, Scope};
use upblit_base::field_error::FieldError;

/// Largest total size of the attributes of a resource, as JSON, in bytes.
const MAX_RESOURCE_BYTES: usize = 8 * 1024;

/// Attribute that names the service. It is kept first, so the size limit never drops it.
const SERVICE_NAME: &str = "service.name";

/// Resource and scope of the events of a group.
#[derive(Debug, Clone)]
pub(super) struct GroupResourceScope {
    /// `None` if the request sends neither.
    pub(super) resource_scope: Option<Arc<ResourceScope>>,
    /// Whether a part of them was truncated or dropped.
    pub(super) is_cut: bool,
}

/// Decodes the resources and scopes of a request's groups, in order.
#[derive(Debug, Default)]
pub(super) struct ResourceScopes {
    bytes: usize,
    /// Index and attributes of the last resource, which the following scopes may share.
    last: Option<(usize, Result<Attributes, FieldError>)>,
}

/// The attributes of a resource, within the limits.
#[derive(Debug, Clone, Default)]
struct Attributes {
    kept: Map<String, Value>,
    /// Size as JSON plus the size of the map in memory, which dominates for many short ones.
    bytes: usize,
    is_cut: bool,
}

impl ResourceScopes {
    /// Total size of the resources and scopes decoded so far, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Decodes the resource and scope of a group.
    ///
    /// # Errors
    /// When either cannot be decoded.
    pub(super) fn of(
        &mut self,
        group: &Group<'_>,
        names: &Names,
    ) -> Result<GroupResourceScope, FieldError> {
        let (scope, is_scope_cut) =
            scope(group.scope).map_err(|reason| at(group.scope_pointer(names), reason))?;
        let resource = self.resource(group, names)?;
        let resource_bytes = resource.bytes;
        let is_resource_cut = resource.is_cut;
        let resource_scope = ResourceScope {
            resource: resource.kept.clone(),
            scope,
            ..ResourceScope::default()
        };
        self.bytes += resource_bytes + resource_scope.scope.as_ref().map_or(0, len);
        Ok(GroupResourceScope {
            resource_scope: (resource_scope != ResourceScope::default())
                .then(|| Arc::new(resource_scope)),
            is_cut: is_scope_cut || is_resource_cut,
        })
    }

    fn resource(&mut self, group: &Group<'_>, names: &Names) -> Result<&Attributes, FieldError> {
        let index = group.resource_index;
        let read = match self.last.take() {
            Some((last, read)) if last == index => read,
            _ => attributes(group.resource)
                .map_err(|reason| at(group.resource_pointer(names), reason)),
        };
        let (_, read) = self.last.insert((index, read));
        read.as_ref().map_err(Clone::clone)
    }
}

fn attributes(resource: Option<Raw<'_>>) -> Result<Attributes, EventError> {
    let Some(resource) = resource else {
        return Ok(Attributes::default());
    };
    let Resource { mut attributes, .. } = resource.decode()?;
    attributes.sort_by_key(|attribute| attribute.key != SERVICE_NAME);
    let mut bounds = Bounds::with_room(MAX_RESOURCE_BYTES);
    let kept = values::attributes(attributes, &mut bounds);
    Ok(Attributes {
        bytes: MAX_RESOURCE_BYTES - bounds.room() + kept.len() * size_of::<(String, Value)>(),
        kept,
        is_cut: bounds.is_cut(),
    })
}

/// The scope, unless it is empty; the flag says whether anything was truncated.
fn scope(scope: Option<Raw<'_>>) -> Result<(Option<Scope>, bool), EventError> {
    let scope: InstrumentationScope = scope.map_or_else(|| Ok(<_>::default()), Raw::decode)?;
    let mut bounds = Bounds::with_room(0);
    let mut text = |text| bounds.text(text, MAX_ATTRIBUTE_BYTES);
    let name = text(scope.name);
    let version = text(scope.version);
    let scope = Scope {
        version: Some(version).filter(|version| !version.is_empty()),
        name,
        ..Scope::default()
    };
    Ok((
        Some(scope).filter(|scope| *scope != Scope::default()),
        bounds.is_cut(),
    ))
}

fn len(scope: &Scope) -> usize {
    scope.name.len() + scope.version.as_ref().map_or(0, String::len)
}

fn at(pointer: String, reason: EventError) -> FieldError {
    let EventError { field, reason } = reason.within(&pointer);
    FieldError {
        pointer: field,
        reason,
    }
}
