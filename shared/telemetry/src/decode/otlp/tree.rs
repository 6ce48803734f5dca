//! Locates and counts the messages of a request before any is decoded.

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;

use super::json::{self, FromJson};
use super::large::{self, Kind};
use super::wire;
use crate::decode::bounds::Bounds;
use crate::decode::envelope::{self, EnvelopeError, Layer, LayerError, Shape};
use crate::decode::layout::EventError;
use crate::decode::memory::Budget;
use upblit_base::field_error::FieldError;

/// An encoded message: a slice of the body.
#[derive(Debug, Clone, Copy)]
pub(in crate::decode) enum Raw<'a> {
    Protobuf(&'a [u8]),
    Json(&'a str),
}

/// A message that can be decoded from either encoding.
pub(super) trait Message: prost::Message + Default + FromJson {
    /// Which of its fields may repeat.
    const KIND: Kind;
}

impl Message for Span {
    const KIND: Kind = Kind::Span;
}

impl Message for LogRecord {
    const KIND: Kind = Kind::LogRecord;
}

impl Message for Resource {
    const KIND: Kind = Kind::Resource;
}

impl Message for InstrumentationScope {
    const KIND: Kind = Kind::Scope;
}

/// Names of the arrays in the request of one signal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names {
    pub(super) resources: &'static str,
    pub(super) scopes: &'static str,
    pub(super) events: &'static str,
}

/// The events of one resource and scope.
#[derive(Debug)]
pub(in crate::decode) struct Group<'a> {
    /// Index of the resource in the request.
    pub(super) resource_index: usize,
    /// Index of the scope in the resource's array.
    scope_index: usize,
    pub(super) resource: Option<Raw<'a>>,
    /// Address of the schema of the resource.
    pub(super) resource_schema_url: Option<Raw<'a>>,
    pub(super) scope: Option<Raw<'a>>,
    /// Address of the schema of the scope and its events.
    pub(super) scope_schema_url: Option<Raw<'a>>,
    pub(in crate::decode) events: Vec<Raw<'a>>,
    /// A field of the request that was not read and may have events. Only the first group has it.
    pub(super) misnamed: Option<FieldError>,
}

/// Memory of a group and of its place in the [`Layout`](crate::decode::Layout), in bytes.
const GROUP: usize = size_of::<Group<'_>>() + 128;

/// Finds the groups of a request that have events. Each event takes `each` bytes of the budget.
///
/// # Errors
/// When the structure around the events cannot be read, or there are more events or groups than
/// the budget allows (empty groups count). Also when there is no event, but a field with another name
/// where events should be: if it were ignored like other unknown fields, its events would be lost
/// silently.
pub(super) fn read<'a>(
    request: Raw<'a>,
    names: &Names,
    budget: &mut Budget,
    each: usize,
) -> Result<Vec<Group<'a>>, EnvelopeError> {
    let mut found = Vec::new();
    let resources = top(request, names, budget.parts(0))?;
    budget.take_parts(resources.items.len(), 0)?;
    let mut misnamed = Misnamed::of(&resources, names.resources, String::new);
    for (resource_index, resource) in resources.items.into_iter().enumerate() {
        let at = || format!("/{}/{resource_index}", names.resources);
        let scopes = layer(resource, names.scopes, "resource", budget.parts(GROUP))
            .map_err(|error| of_group(error, &at()))?;
        budget.take_parts(scopes.items.len(), GROUP)?;
        misnamed = misnamed.or_else(|| Misnamed::of(&scopes, names.scopes, at));
        for (scope_index, scope) in scopes.items.into_iter().enumerate() {
            let at = || format!("{}/{}/{scope_index}", at(), names.scopes);
            let events = layer(scope, names.events, "scope", budget.parts(each))
                .map_err(|error| of_group(error, &at()))?;
            budget.take_parts(events.items.len(), each)?;
            misnamed = misnamed.or_else(|| Misnamed::of(&events, names.events, at));
            if !events.items.is_empty() {
                found.push(Group {
                    resource_index,
                    scope_index,
                    resource: scopes.sibling,
                    resource_schema_url: scopes.schema,
                    scope: events.sibling,
                    scope_schema_url: events.schema,
                    events: events.items,
                    misnamed: None,
                });
            }
        }
    }
    match (misnamed, found.first_mut()) {
        (Some(misnamed), Some(first)) => first.misnamed = Some(misnamed.warning()),
        (Some(misnamed), None) => return Err(misnamed.refusal()),
        (None, _) => {}
    }
    Ok(found)
}

/// A field that was not read, because it is not the array of its message.
struct Misnamed {
    pointer: String,
    name: String,
    array: &'static str,
}

impl Misnamed {
    fn of<T>(layer: &Layer<T>, array: &'static str, at: impl Fn() -> String) -> Option<Self> {
        let name = layer.misnamed.clone()?;
        Some(Self {
            pointer: at(),
            name,
            array,
        })
    }

    /// Returns the error for a request without other events.
    fn refusal(&self) -> EnvelopeError {
        let Self { name, array, .. } = self;
        EnvelopeError::malformed(&format!("it has {name:?} and no {array:?}"))
    }

    /// Returns the warning for a request whose other events are stored.
    fn warning(self) -> FieldError {
        let Self {
            pointer,
            name,
            array,
        } = self;
        FieldError {
            pointer: format!("{pointer}/{name}"),
            reason: format!("was not read; events belong in {array:?}"),
        }
    }
}

impl Group<'_> {
    /// Returns the JSON pointer to the array of events.
    pub(super) fn pointer(&self, names: &Names) -> String {
        self.within_scope(names, names.events)
    }

    /// Returns the JSON pointer to the resource.
    pub(super) fn resource_pointer(&self, names: &Names) -> String {
        format!("/{}/{}/resource", names.resources, self.resource_index)
    }

    /// Returns the JSON pointer to the scope.
    pub(super) fn scope_pointer(&self, names: &Names) -> String {
        self.within_scope(names, "scope")
    }

    fn within_scope(&self, names: &Names, what: &str) -> String {
        let Names {
            resources, scopes, ..
        } = names;
        let resource_index = self.resource_index;
        let scope_index = self.scope_index;
        format!("/{resources}/{resource_index}/{scopes}/{scope_index}/{what}")
    }
}

impl Raw<'_> {
    /// Decodes the message. If it has too many values, the last are skipped, which is recorded as a
    /// cut of `field`.
    pub(super) fn decode<M: Message>(
        self,
        field: &str,
        bounds: &mut Bounds,
    ) -> Result<M, EventError> {
        let (message, is_cut) = match self {
            Self::Protobuf(bytes) => {
                let (bytes, is_cut) = large::bounded(bytes, M::KIND)?;
                let message = M::decode(&*bytes);
                let message = message.map_err(|error| EventError::of_event(error.to_string()))?;
                (message, is_cut)
            }
            Self::Json(text) => json::read(text)?,
        };
        if is_cut {
            bounds.cut(field, self.len());
        }
        Ok(message)
    }

    fn len(self) -> usize {
        match self {
            Self::Protobuf(bytes) => bytes.len(),
            Self::Json(text) => text.len(),
        }
    }
}

/// Locates the resource groups of a request.
fn top<'a>(request: Raw<'a>, names: &Names, most: usize) -> Result<Layer<Raw<'a>>, EnvelopeError> {
    let found = match request {
        Raw::Protobuf(bytes) => wire::layer(bytes, wire::REQUEST, most).map(protobuf),
        Raw::Json(_) => layer(request, names.resources, "", most),
    };
    found.map_err(|error| of_group(error, ""))
}

/// Splits a group into the items of its array and its resource or scope.
fn layer<'a>(
    group: Raw<'a>,
    array: &'static str,
    sibling: &'static str,
    most: usize,
) -> Result<Layer<Raw<'a>>, LayerError> {
    match group {
        Raw::Protobuf(bytes) => wire::layer(bytes, wire::GROUP, most).map(protobuf),
        Raw::Json(text) => {
            let shape = Shape {
                array,
                is_required: false,
                sibling,
                schema: "schemaUrl",
            };
            envelope::parse(text, &shape, most).map(|layer| layer.map(Raw::Json))
        }
    }
}

fn protobuf(layer: Layer<&[u8]>) -> Layer<Raw<'_>> {
    layer.map(Raw::Protobuf)
}

fn of_group(error: LayerError, pointer: &str) -> EnvelopeError {
    match error {
        LayerError::TooMany => EnvelopeError::TooLarge,
        LayerError::Malformed(problem) if pointer.is_empty() => EnvelopeError::malformed(&problem),
        LayerError::Malformed(problem) => {
            EnvelopeError::malformed(&format!("{pointer}: {problem}"))
        }
    }
}
