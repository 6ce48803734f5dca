//! Counts the values of spans by trace, in bounded memory.

use std::borrow::Cow;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use serde_json::Value;

use super::seen::{Counts, Sides};
use super::{Difference, Field, Selection, Share};
use crate::event::{Event, ResourceScope, Span};

/// Maximum number of values, and of pairs of a trace and a value, that are counted.
const MAX_VALUES: usize = 50_000;
const MAX_PAIRS: usize = 1_000_000;

/// Maximum number of attributes that are looked at, and of values of resources that are counted. Limits
/// the work if spans share resources with thousands of attributes.
const MAX_VISITS: usize = 5_000_000;

/// Longest name or value that is counted, in bytes. No filter finds a part of a longer one.
pub(super) const MAX_BYTES: usize = 128;

/// The attribute for which queries have a separate filter.
const SERVICE: &str = "service.name";

/// Attributes that say that a span failed, and prefixes of such attributes.
const OF_FAILURES: [&str; 8] = [
    "db.response.status_code",
    "error",
    "http.response.status_code",
    "http.status_code",
    "otel.status_code",
    "otel.status_description",
    "rpc.grpc.status_code",
    "rpc.response.status_code",
];
const BEGINNINGS_OF_FAILURES: [&str; 2] = ["error.", "exception."];

/// Returns whether an attribute is not compared, because it says only that a span failed or is its
/// service.
fn is_left_out(key: &str, selection: Selection) -> bool {
    let is_of_failures = || {
        let mut beginnings = BEGINNINGS_OF_FAILURES.iter();
        OF_FAILURES.contains(&key) || beginnings.any(|beginning| key.starts_with(beginning))
    };
    key == SERVICE || (selection == Selection::Failed && is_of_failures())
}

/// Which traces have which values.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// Number of values so far.
    pub(super) count: u32,
    /// Pairs of a trace and a value that one of its spans has.
    pub(super) pairs: HashSet<(u32, u32)>,
    /// Number of attributes that were looked at, and of values of resources that were counted.
    visits: usize,
    /// Whether something was not counted because of a limit.
    pub(super) is_full: bool,
}

/// The values of the resources of a chunk, by number of the service and by address. Many spans share a
/// resource, so it is looked at once.
pub(super) type Resources = HashMap<(u32, *const ResourceScope), OfResource>;

/// The values of a resource.
#[derive(Debug)]
pub(super) struct OfResource {
    numbers: Vec<u32>,
    /// Traces that are known to have them.
    traces: HashSet<u32>,
}

/// The numbers of the values that spans of a service have.
#[derive(Debug)]
pub(super) struct OfService {
    own: u32,
    selection: Selection,
    names: HashMap<String, u32>,
    attributes: HashMap<String, HashMap<String, u32>>,
}

impl Values {
    /// Returns the number of a new value; `None` if there are too many.
    pub(super) fn next(&mut self) -> Option<u32> {
        if self.count as usize >= MAX_VALUES {
            self.is_full = true;
            return None;
        }
        self.count += 1;
        Some(self.count - 1)
    }

    /// Returns the number of a value, which gets one if it has none. `None` if it is too long, or
    /// there are too many values.
    fn number(&mut self, numbers: &mut HashMap<String, u32>, value: &str) -> Option<u32> {
        if value.len() > MAX_BYTES {
            return None;
        }
        if let Some(number) = numbers.get(value) {
            return Some(*number);
        }
        let number = self.next()?;
        numbers.insert(value.to_owned(), number);
        Some(number)
    }

    /// Records that a trace has the value with this number.
    fn add(&mut self, trace: u32, number: u32) {
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.insert((trace, number));
        } else {
            self.is_full = true;
        }
    }

    /// Returns whether one more attribute, or value of a resource, may be looked at.
    fn visit(&mut self) -> bool {
        let has_room = self.visits < MAX_VISITS;
        self.visits += usize::from(has_room);
        self.is_full |= !has_room;
        has_room
    }
}

impl OfService {
    /// Creates an empty collection. `own` is the number of the service itself.
    pub(super) fn new(own: u32, selection: Selection) -> Self {
        Self {
            own,
            selection,
            names: HashMap::new(),
            attributes: HashMap::new(),
        }
    }

    /// Counts the values of a span of a trace. `resources` are those of its chunk.
    pub(super) fn add(
        &mut self,
        trace: u32,
        span: &Span,
        resources: &mut Resources,
        values: &mut Values,
    ) {
        values.add(trace, self.own);
        if let Some(number) = values.number(&mut self.names, &span.display_name()) {
            values.add(trace, number);
        }
        for (key, value) in &span.attributes {
            if let Some(number) = self.number(key, value, values) {
                values.add(trace, number);
            }
        }
        let Some(shared) = span.resource_scope() else {
            return;
        };
        let of_resource = resources
            .entry((self.own, Arc::as_ptr(shared)))
            .or_insert_with(|| OfResource {
                numbers: self.numbers(shared, values),
                traces: HashSet::new(),
            });
        if of_resource.traces.insert(trace) {
            for number in &of_resource.numbers {
                if !values.visit() {
                    break;
                }
                values.add(trace, *number);
            }
        }
    }

    /// Returns the numbers of the values of a resource.
    fn numbers(&mut self, shared: &ResourceScope, values: &mut Values) -> Vec<u32> {
        let attributes = shared.resource.iter();
        let numbers = attributes.filter_map(|(key, value)| self.number(key, value, values));
        numbers.collect()
    }

    /// Returns the number of the value of an attribute. `None` if it is not counted.
    fn number(&mut self, key: &str, value: &Value, values: &mut Values) -> Option<u32> {
        let is_counted = (1..=MAX_BYTES).contains(&key.len()) && !is_left_out(key, self.selection);
        if !values.visit() || !is_counted {
            return None;
        }
        let text = match value {
            Value::String(text) => Cow::from(text),
            Value::Bool(_) | Value::Number(_) => Cow::from(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        if let Some(numbers) = self.attributes.get_mut(key) {
            return values.number(numbers, &text);
        }
        // The name is kept only with a value that is counted.
        let mut numbers = HashMap::new();
        let number = values.number(&mut numbers, &text)?;
        self.attributes.insert(key.to_owned(), numbers);
        Some(number)
    }

    /// Returns all values that were counted, with their numbers.
    pub(super) fn values<'a>(
        &'a self,
        service: Option<&'a str>,
    ) -> impl Iterator<Item = Named<'a>> {
        let named = move |field: Field, value: &'a str, number| Named {
            field,
            value,
            number,
            service,
            of: self.own,
        };
        let own = service.map(|service| named(Field::Service, service, self.own));
        let names = self.names.iter();
        let names = names.map(move |(name, number)| named(Field::Name, name, *number));
        let attributes = self.attributes.iter().flat_map(move |(key, numbers)| {
            let field = Field::Attribute(key.clone());
            numbers
                .iter()
                .map(move |(value, number)| named(field.clone(), value, *number))
        });
        own.into_iter().chain(names).chain(attributes)
    }
}

/// A value that was counted.
pub(super) struct Named<'a> {
    field: Field,
    value: &'a str,
    number: u32,
    service: Option<&'a str>,
    /// Number of the service.
    of: u32,
}

impl Named<'_> {
    /// Returns the value with its shares. A service is compared only in traces of which all chunks were
    /// read, because other traces would seem to lack it.
    pub(super) fn compared(self, counts: &Counts) -> Difference {
        let count = |of: &[Sides], number: u32| of.get(number as usize).copied();
        let (with_value, of) = match self.field {
            Field::Service => (
                count(&counts.by_value_of_whole, self.number),
                Some(counts.whole),
            ),
            Field::Name | Field::Attribute(_) => (
                count(&counts.by_value, self.number),
                count(&counts.by_value, self.of),
            ),
        };
        let with_value = with_value.unwrap_or_default();
        let of = of.unwrap_or_default();
        Difference {
            field: self.field,
            value: self.value.to_owned(),
            service: self.service.map(ToOwned::to_owned),
            selected: Share {
                count: with_value.selected,
                of: of.selected,
            },
            others: Share {
                count: with_value.others,
                of: of.others,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    #[test]
    fn names_of_attributes_are_kept_only_with_a_value_that_is_counted() {
        let long = "x".repeat(MAX_BYTES + 1);
        let odd = [json!(long), json!([1]), json!({}), json!(null)];
        let named = odd.into_iter().enumerate();
        let attributes: Map<_, _> = named.map(|(n, value)| (n.to_string(), value)).collect();
        let span = Span {
            attributes,
            ..Span::default()
        };
        let mut values = Values::default();
        let mut resources = Resources::new();
        let mut of_service = OfService::new(values.next().unwrap(), Selection::Failed);
        of_service.add(0, &span, &mut resources, &mut values);
        assert!(of_service.attributes.is_empty());
        assert_eq!(values.pairs.len(), 2, "the service and the name");
    }

    /// Returns 10,000 spans of ten traces, which share a resource with these attributes.
    fn with_resource(attributes: Map<String, Value>) -> impl Iterator<Item = (u32, Span)> {
        let shared = Arc::new(ResourceScope {
            resource: attributes,
            ..ResourceScope::default()
        });
        (0..10_000).map(move |n| {
            let resource_scope = Some(shared.clone());
            let span = Span {
                resource_scope,
                ..Span::default()
            };
            (n % 10, span)
        })
    }

    #[test]
    fn a_resource_is_looked_at_once_and_counted_once_for_each_trace_of_the_chunk() {
        let numbered = |value: &Value| (0..5_000).map(|n| (n.to_string(), value.clone())).collect();
        for (value, visits, pairs) in [
            (json!("a"), 5_000 + 10 * 5_000, 10 * 5_002),
            (json!(null), 5_000, 10 * 2),
        ] {
            let mut values = Values::default();
            let mut resources = Resources::new();
            let mut of_service = OfService::new(values.next().unwrap(), Selection::Failed);
            for (trace, span) in with_resource(numbered(&value)) {
                of_service.add(trace, &span, &mut resources, &mut values);
            }
            assert_eq!(values.visits, visits, "{value}");
            assert_eq!(values.pairs.len(), pairs, "{value}");
            assert!(!values.is_full);
        }
    }
}
