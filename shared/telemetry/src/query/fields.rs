//! What the events of a window can be filtered by: services, operations, and attributes with
//! their most frequent values. Counted in bounded memory.

mod resources;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use super::texts::Name;
use crate::chunk::summary::Summary;
use crate::event::{Event, EventRef};

/// Maximum number of services, of operations and of attributes that are returned.
const MOST_NAMES: usize = 100;

/// Maximum number of values of an attribute that are returned.
const MOST_VALUES: usize = 10;

/// Maximum numbers of names and values that are counted. Those that appear first are kept.
const NAMES_COUNTED: usize = 4 * MOST_NAMES;
const VALUES_COUNTED: usize = 10 * MOST_VALUES;

/// Longest name or value that is counted, in bytes. A longer one is left out instead of cut, because a
/// part of it would find nothing.
const MAX_BYTES: usize = 128;

/// Counts what occurs in events.
#[derive(Debug)]
pub struct FieldCounts {
    services: Counts,
    operations: Counts,
    attributes: BTreeMap<String, AttributeCounts>,
    has_more_attributes: bool,
}

/// Occurrences by text, of a limited number of texts.
#[derive(Debug)]
struct Counts {
    counts: BTreeMap<String, u64>,
    most: usize,
    has_more: bool,
}

#[derive(Debug)]
struct AttributeCounts {
    count: u64,
    values: Counts,
}

/// What the events can be filtered by, the most frequent first.
#[derive(Debug, PartialEq, Eq)]
pub struct Fields {
    /// At most 100 services.
    pub services: Vec<String>,
    /// At most 100 display names of spans.
    pub operations: Vec<String>,
    /// At most 100 attributes of the events or their resources.
    pub attributes: Vec<AttributeField>,
    /// Whether there are more services, operations or attributes.
    pub is_truncated: bool,
}

/// An attribute of some events.
#[derive(Debug, PartialEq, Eq)]
pub struct AttributeField {
    /// Name of the attribute.
    pub name: String,
    /// Number of events that have it.
    pub count: u64,
    /// At most ten values, as a filter by attribute takes them, with the number of events that have each.
    pub values: Vec<(String, u64)>,
    /// Whether there are more values, or some that no filter takes.
    pub has_more_values: bool,
}

impl Default for FieldCounts {
    fn default() -> Self {
        Self {
            services: Counts::up_to(NAMES_COUNTED),
            operations: Counts::up_to(NAMES_COUNTED),
            attributes: BTreeMap::new(),
            has_more_attributes: false,
        }
    }
}

impl FieldCounts {
    /// Counts the operations that a summary names, all of them or those of a service, and the services.
    pub fn add_summary(&mut self, summary: &Summary, service: Option<&Name>) {
        let operations = &summary.operations;
        self.operations.has_more |= operations.top.len() < operations.total;
        for operation in &operations.top {
            let count = operation.stats.count;
            let of = operation.service.as_deref();
            self.services.add(of, count);
            if service.is_none_or(|service| of == Some(service.as_str())) {
                self.operations.add(Some(&operation.name), count);
            }
        }
    }

    /// Counts the fields of the events of a chunk; of events of other services than `service`, only their
    /// services. Returns the other events. Services and names of spans are added with a count of 0,
    /// because summaries count them.
    pub fn add_events<'e, E: Event>(
        &mut self,
        events: impl Iterator<Item = &'e E>,
        service: Option<&Name>,
    ) -> Vec<&'e E> {
        let mut counted = Vec::new();
        for event in events {
            let (of, name, count) = match event.by_signal() {
                EventRef::Span(span) => (span.service(), Some(span.display_name()), 0),
                EventRef::Log(record) => (record.service(), None, 1),
            };
            self.services.add(of, count);
            if service.is_none_or(|service| of == Some(service.as_str())) {
                self.operations.add(name.as_deref(), count);
                counted.push(event);
            }
        }
        for (key, value, count) in resources::attributes(&counted) {
            self.add_attribute(key, value, count);
        }
        counted
    }

    fn add_attribute(&mut self, key: &str, value: &Value, count: u64) {
        let is_counted = self.attributes.contains_key(key);
        let fits = (1..=MAX_BYTES).contains(&key.len()) && self.attributes.len() < NAMES_COUNTED;
        if !is_counted && !fits {
            self.has_more_attributes = true;
            return;
        }
        let attribute = self.attributes.entry(key.to_owned());
        let attribute = attribute.or_insert_with(|| AttributeCounts {
            count: 0,
            values: Counts::up_to(VALUES_COUNTED),
        });
        attribute.count += count;
        match value {
            Value::String(text) => attribute.values.add(Some(text), count),
            Value::Bool(_) | Value::Number(_) => {
                attribute.values.add(Some(&value.to_string()), count);
            }
            Value::Null | Value::Array(_) | Value::Object(_) => attribute.values.has_more = true,
        }
    }

    /// Returns the most frequent services, operations and attributes.
    pub fn finish(self) -> Fields {
        let (services, more_services) = self.services.most_frequent(MOST_NAMES);
        let (operations, more_operations) = self.operations.most_frequent(MOST_NAMES);
        let mut attributes: Vec<_> = self.attributes.into_iter().collect();
        // The sort is stable, so equal counts keep the order of the names.
        attributes.sort_by_key(|(_, attribute)| Reverse(attribute.count));
        let more_attributes = self.has_more_attributes || attributes.len() > MOST_NAMES;
        attributes.truncate(MOST_NAMES);
        let named = |counts: Vec<(String, u64)>| counts.into_iter().map(|(name, _)| name).collect();
        Fields {
            services: named(services),
            operations: named(operations),
            attributes: attributes.into_iter().map(AttributeField::of).collect(),
            is_truncated: more_services || more_operations || more_attributes,
        }
    }
}

impl AttributeField {
    fn of((name, counts): (String, AttributeCounts)) -> Self {
        let (values, has_more_values) = counts.values.most_frequent(MOST_VALUES);
        Self {
            name,
            count: counts.count,
            values,
            has_more_values,
        }
    }
}

impl Counts {
    fn up_to(most: usize) -> Self {
        Self {
            counts: BTreeMap::new(),
            most,
            has_more: false,
        }
    }

    fn add(&mut self, text: Option<&str>, count: u64) {
        let Some(text) = text else {
            return;
        };
        if let Some(sum) = self.counts.get_mut(text) {
            *sum = sum.saturating_add(count);
        } else if self.counts.len() < self.most && text.len() <= MAX_BYTES {
            self.counts.insert(text.to_owned(), count);
        } else {
            self.has_more = true;
        }
    }

    /// Returns the most frequent texts, and whether there are more.
    fn most_frequent(self, most: usize) -> (Vec<(String, u64)>, bool) {
        let mut counts: Vec<_> = self.counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        let has_more = self.has_more || counts.len() > most;
        counts.truncate(most);
        (counts, has_more)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::event::{LogRecord, ResourceScope, Span};

    fn record(attributes: Value) -> LogRecord {
        LogRecord {
            attributes: attributes.as_object().unwrap().clone(),
            ..LogRecord::default()
        }
    }

    fn fields(records: &[LogRecord]) -> Fields {
        let mut counts = FieldCounts::default();
        counts.add_events(records.iter(), None);
        counts.finish()
    }

    #[test]
    fn attributes_and_their_values_are_listed_by_frequency_as_a_filter_takes_them() {
        let fields = fields(&[
            record(json!({ "customer": "ada", "vip": true, "n": 1.5, "tags": ["a"] })),
            record(json!({ "customer": "eve", "vip": false })),
            record(json!({ "customer": "eve" })),
        ]);
        let values = fields.attributes.iter().map(|field| {
            let values: Vec<&str> = field.values.iter().map(|(value, _)| &**value).collect();
            (&*field.name, field.count, values, field.has_more_values)
        });
        let values: Vec<_> = values.collect();
        assert_eq!(
            values,
            [
                ("customer", 3, vec!["eve", "ada"], false),
                ("vip", 2, vec!["false", "true"], false),
                ("n", 1, vec!["1.5"], false),
                ("tags", 1, vec![], true),
            ]
        );
        assert!(!fields.is_truncated);
    }

    #[test]
    fn the_numbers_of_counted_and_returned_names_and_values_are_bounded() {
        let numbered = |n: usize| {
            let mut record =
                record(json!({ "same": n, "x".repeat(129): 1, "long": "x".repeat(129) }));
            record.attributes.insert(format!("key {n}"), json!("value"));
            record.resource_scope = Some(Arc::new(ResourceScope {
                resource: json!({ "service.name": format!("service {n}") })
                    .as_object()
                    .unwrap()
                    .clone(),
                ..ResourceScope::default()
            }));
            record
        };
        let mut counts = FieldCounts::default();
        for n in 0..1_000 {
            counts.add_events([numbered(n)].iter(), None);
        }
        assert_eq!(counts.attributes.len(), NAMES_COUNTED);
        assert_eq!(
            counts.attributes["same"].values.counts.len(),
            VALUES_COUNTED
        );
        let fields = counts.finish();
        assert_eq!((fields.services.len(), fields.attributes.len()), (100, 100));
        assert!(fields.is_truncated);
        let named = |name: &str| fields.attributes.iter().find(|field| field.name == name);
        let same = named("same").unwrap();
        assert_eq!((same.count, same.values.len()), (1_000, MOST_VALUES));
        let long = named("long").unwrap();
        assert_eq!((long.values.len(), long.has_more_values), (0, true));
    }

    fn of(service: &str) -> Span {
        Span {
            name: Some(format!("GET /{service}")),
            attributes: json!({ "service.name": service, "of": service })
                .as_object()
                .unwrap()
                .clone(),
            ..Span::default()
        }
    }

    #[test]
    fn names_that_summaries_count_do_not_count_again_in_the_sample() {
        let spans = [of("shop"), of("shop"), of("shop"), of("pay"), of("pay")];
        let mut counts = FieldCounts::default();
        counts.add_summary(&Summary::of(&spans.iter().collect::<Vec<_>>()), None);
        counts.add_events(spans[3..].iter(), None);
        counts.add_events([of("mail")].iter(), None);
        let fields = counts.finish();
        assert_eq!(fields.services, ["shop", "pay", "mail"]);
        assert_eq!(fields.operations, ["GET /shop", "GET /pay", "GET /mail"]);
    }

    #[test]
    fn operations_and_attributes_are_those_of_the_service() {
        let spans = [of("shop"), of("pay"), of("pay")];
        let shop: Name = "shop".parse().unwrap();
        let mut counts = FieldCounts::default();
        counts.add_summary(&Summary::of(&spans.iter().collect::<Vec<_>>()), Some(&shop));
        let looked_at = counts.add_events(spans.iter(), Some(&shop));
        assert_eq!(looked_at.len(), 1);
        let fields = counts.finish();
        assert_eq!(fields.services, ["pay", "shop"]);
        assert_eq!(fields.operations, ["GET /shop"]);
        let values: Vec<_> = fields
            .attributes
            .iter()
            .map(|field| &field.values[..])
            .collect();
        assert_eq!(values, [[("shop".to_owned(), 1)], [("shop".to_owned(), 1)]]);
        assert!(!fields.is_truncated);
    }
}
