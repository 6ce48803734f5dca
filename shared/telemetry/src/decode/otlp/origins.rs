//! Resources and scopes: what a request tells once for many events.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::{Map, Value};

use super::tree::{Group, Names, Raw};
use super::values;
use crate::decode::bounds::{Bounds, MAX_ATTRIBUTE_BYTES};
use crate::decode::layout::Reason;
use crate::event::{Origin, Scope};
use upblit_base::field_error::FieldError;

/// Most bytes of all attributes of a resource, as JSON.
const MAX_RESOURCE_BYTES: usize = 8 * 1024;

/// The attribute that everything is found by; it is never what is cut away.
const SERVICE_NAME: &str = "service.name";

/// Where the events of a group come from.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// `None` when the request does not tell.
    pub(super) origin: Option<Arc<Origin>>,
    /// Whether anything of it was cut.
    pub(super) is_cut: bool,
}

/// The origins of a request's groups, in their order.
#[derive(Debug, Default)]
pub(super) struct Origins {
    bytes: usize,
    /// The last resource, which many scopes may share.
    last: Option<(usize, Result<Attributes, FieldError>)>,
}

/// The attributes of a resource.
#[derive(Debug, Clone, Default)]
struct Attributes {
    kept: Map<String, Value>,
    /// As JSON, and in memory: many short ones are large there.
    bytes: usize,
    is_cut: bool,
}

impl Origins {
    /// Bytes of all so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the events of this group come from.
    ///
    /// # Errors
    /// When its resource or scope cannot be decoded.
    pub(super) fn of(&mut self, group: &Group<'_>, names: &Names) -> Result<Source, FieldError> {
        let (scope, is_scope_cut) =
            scope(group.scope).map_err(|reason| at(group.scope_pointer(names), reason))?;
        let resource = self.resource(group, names)?;
        let (resource_bytes, is_resource_cut) = (resource.bytes, resource.is_cut);
        let origin = Origin {
            resource: resource.kept.clone(),
            scope,
        };
        self.bytes += resource_bytes + origin.scope.as_ref().map_or(0, len);
        Ok(Source {
            origin: (origin != Origin::default()).then(|| Arc::new(origin)),
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

fn attributes(resource: Option<Raw<'_>>) -> Result<Attributes, Reason> {
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

/// The scope, unless it has no name, and whether anything of it was cut.
fn scope(scope: Option<Raw<'_>>) -> Result<(Option<Scope>, bool), Reason> {
    let scope: InstrumentationScope = scope.map_or_else(|| Ok(<_>::default()), Raw::decode)?;
    let mut bounds = Bounds::with_room(0);
    let mut text = |text| bounds.text(text, MAX_ATTRIBUTE_BYTES);
    let (name, version) = (text(scope.name), text(scope.version));
    let scope = Scope {
        version: Some(version).filter(|version| !version.is_empty()),
        name,
    };
    Ok((
        Some(scope).filter(|scope| *scope != Scope::default()),
        bounds.is_cut(),
    ))
}

fn len(scope: &Scope) -> usize {
    scope.name.len() + scope.version.as_ref().map_or(0, String::len)
}

fn at(pointer: String, reason: Reason) -> FieldError {
    let Reason { field, reason } = reason.within(&pointer);
    FieldError {
        pointer: field,
        reason,
    }
}
