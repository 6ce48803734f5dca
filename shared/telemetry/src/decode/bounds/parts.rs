//! The parts of an event that can be cut, and the names under which cuts are reported.

use std::fmt;

use serde_json::{Map, Value};

use super::fit::json_len;
use crate::event::{LogRecord, ResourceScope, Span};

/// An event, or the resource and scope of events, that can be cut.
pub(crate) trait Bounded {
    /// Returns its texts and attributes.
    fn parts(&mut self) -> Vec<(Place, Part<'_>)>;

    /// Returns the length of its longest list of parts, such as the events of a span.
    fn longest_list(&self) -> usize {
        0
    }

    /// Keeps the first `most` parts of each list. Returns the name and the size of the lists that
    /// were longer.
    fn limit_lists(&mut self, _most: usize) -> Vec<(&'static str, usize)> {
        Vec::new()
    }
}

/// A part that can be cut.
pub(crate) enum Part<'a> {
    /// Text, which is shortened.
    Text(&'a mut String),
    /// Attributes, whose texts and lists are shortened.
    Values(&'a mut Map<String, Value>),
}

/// Place of a part: a field, or a field of a part in a list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place {
    Field(&'static str),
    InList(&'static str, usize, &'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => f.write_str(name),
            Self::InList(list, index, name) => write!(f, "{list}/{index}/{name}"),
        }
    }
}

fn text<'a>(
    name: &'static str,
    text: Option<&'a mut String>,
) -> impl Iterator<Item = (Place, Part<'a>)> {
    text.into_iter()
        .map(move |text| (Place::Field(name), Part::Text(text)))
}

fn values<'a>(name: &'static str, values: &'a mut Map<String, Value>) -> (Place, Part<'a>) {
    (Place::Field(name), Part::Values(values))
}

impl Bounded for Span {
    fn parts(&mut self) -> Vec<(Place, Part<'_>)> {
        let in_lists = 2 * (self.events.len() + self.links.len());
        let mut parts = Vec::with_capacity(8 + in_lists);
        parts.extend(text("name", self.name.as_mut()));
        parts.extend(text("requestURL", self.url.as_mut()));
        parts.extend(text("statusMessage", self.status_message.as_mut()));
        parts.extend(text("traceState", self.trace_state.as_mut()));
        parts.push(values("attributes", &mut self.attributes));
        for (index, event) in self.events.iter_mut().enumerate() {
            let place = |name| Place::InList("events", index, name);
            parts.push((place("name"), Part::Text(&mut event.name)));
            parts.push((place("attributes"), Part::Values(&mut event.attributes)));
        }
        for (index, link) in self.links.iter_mut().enumerate() {
            let place = |name| Place::InList("links", index, name);
            if let Some(trace_state) = &mut link.trace_state {
                parts.push((place("traceState"), Part::Text(trace_state)));
            }
            parts.push((place("attributes"), Part::Values(&mut link.attributes)));
        }
        parts
    }

    fn longest_list(&self) -> usize {
        self.events.len().max(self.links.len())
    }

    fn limit_lists(&mut self, most: usize) -> Vec<(&'static str, usize)> {
        let mut longer = Vec::new();
        if self.events.len() > most {
            longer.push(("events", json_len(&self.events)));
            self.events.truncate(most);
            self.events.shrink_to_fit();
        }
        if self.links.len() > most {
            longer.push(("links", json_len(&self.links)));
            self.links.truncate(most);
            self.links.shrink_to_fit();
        }
        longer
    }
}

impl Bounded for LogRecord {
    fn parts(&mut self) -> Vec<(Place, Part<'_>)> {
        let mut parts = Vec::with_capacity(2);
        parts.extend(text("message", Some(&mut self.message)));
        parts.push(values("attributes", &mut self.attributes));
        parts
    }
}

impl Bounded for ResourceScope {
    fn parts(&mut self) -> Vec<(Place, Part<'_>)> {
        let mut parts = vec![values("resource", &mut self.resource)];
        parts.extend(text("resourceSchemaUrl", self.resource_schema_url.as_mut()));
        parts.extend(text("scopeSchemaUrl", self.scope_schema_url.as_mut()));
        if let Some(scope) = &mut self.scope {
            parts.extend(text("scope/name", Some(&mut scope.name)));
            parts.extend(text("scope/version", scope.version.as_mut()));
            parts.push(values("scope/attributes", &mut scope.attributes));
        }
        parts
    }
}

/// A JSON value on its own, such as the body of a log record.
pub(in crate::decode) struct Body(pub(in crate::decode) Map<String, Value>);

impl Bounded for Body {
    fn parts(&mut self) -> Vec<(Place, Part<'_>)> {
        vec![(Place::Field(""), Part::Values(&mut self.0))]
    }
}
