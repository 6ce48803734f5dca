//! Counts the values of spans by trace, in bounded memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::seen::Sides;
use super::{Difference, Field, Share};
use crate::event::{Event, Span};

/// Largest numbers of values, and of values of traces, that are counted. What appears first is kept.
const MAX_VALUES: usize = 50_000;
const MAX_PAIRS: usize = 1_000_000;

/// Longest name or value that is counted, in bytes. No filter finds a part of a longer one.
pub(super) const MAX_BYTES: usize = 128;

/// Attributes that say that a span failed, or which have another filter.
const LEFT_OUT: [&str; 5] = [
    "error",
    "http.response.status_code",
    "http.status_code",
    "otel.status_code",
    "service.name",
];

/// The numbers of the values that spans of a service have.
#[derive(Debug)]
pub(super) struct OfService {
    own: u32,
    names: HashMap<String, u32>,
    attributes: HashMap<String, HashMap<String, u32>>,
}

/// Counts the values of the spans of a trace.
pub(super) struct Counter<'a> {
    pub(super) trace: u32,
    /// Number of values so far.
    pub(super) values: &'a mut u32,
    /// Traces, and the values that spans of them have.
    pub(super) pairs: &'a mut HashSet<(u32, u32)>,
    /// Set if something was not counted.
    pub(super) is_truncated: &'a mut bool,
}

impl Counter<'_> {
    /// Whether there may be one more value.
    fn has_room(&mut self) -> bool {
        let has_room = (*self.values as usize) < MAX_VALUES;
        *self.is_truncated |= !has_room;
        has_room
    }

    /// The number of a new value; `None` if there are too many.
    pub(super) fn next(&mut self) -> Option<u32> {
        if !self.has_room() {
            return None;
        }
        *self.values += 1;
        Some(*self.values - 1)
    }

    /// Counts a value, and gives it a number if it has none. Longer ones are left out.
    fn count(&mut self, numbers: &mut HashMap<String, u32>, value: &str) {
        if value.len() > MAX_BYTES {
            return;
        }
        let known = numbers.get(value).copied();
        if let Some(number) = known.or_else(|| self.next()) {
            if known.is_none() {
                numbers.insert(value.to_owned(), number);
            }
            self.has(number);
        }
    }

    /// The trace has the value with this number.
    fn has(&mut self, number: u32) {
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.insert((self.trace, number));
        } else {
            *self.is_truncated |= !self.pairs.contains(&(self.trace, number));
        }
    }
}

impl OfService {
    /// No values yet; `own` is the number of the service itself.
    pub(super) fn new(own: u32) -> Self {
        Self {
            own,
            names: HashMap::new(),
            attributes: HashMap::new(),
        }
    }

    /// Counts the values of a span.
    pub(super) fn add(&mut self, span: &Span, counter: &mut Counter<'_>) {
        counter.has(self.own);
        counter.count(&mut self.names, &span.display_name());
        let resource = span.resource_scope().map(|shared| &shared.resource);
        for (key, value) in span.attributes.iter().chain(resource.into_iter().flatten()) {
            self.add_attribute(key, value, counter);
        }
    }

    fn add_attribute(&mut self, key: &str, value: &Value, counter: &mut Counter<'_>) {
        if key.is_empty() || key.len() > MAX_BYTES || LEFT_OUT.contains(&key) {
            return;
        }
        let text = match value {
            Value::String(text) => Cow::from(text),
            Value::Bool(_) | Value::Number(_) => Cow::from(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => return,
        };
        if text.len() > MAX_BYTES {
            return;
        }
        if !self.attributes.contains_key(key) && counter.has_room() {
            self.attributes.insert(key.to_owned(), HashMap::new());
        }
        if let Some(numbers) = self.attributes.get_mut(key) {
            counter.count(numbers, &text);
        }
    }

    /// All values that were counted, with their numbers.
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
    /// The value with its shares, from the numbers of traces by value.
    pub(super) fn compared(self, counts: &[Sides], all: Sides) -> Difference {
        let count = |number: u32| counts.get(number as usize).copied().unwrap_or_default();
        let with_value = count(self.number);
        let of = match self.field {
            Field::Service => all,
            Field::Name | Field::Attribute(_) => count(self.of),
        };
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
        let (mut values, mut pairs, mut is_truncated) = (1, HashSet::new(), false);
        let mut of_service = OfService::new(0);
        of_service.add(
            &span,
            &mut Counter {
                trace: 0,
                values: &mut values,
                pairs: &mut pairs,
                is_truncated: &mut is_truncated,
            },
        );
        assert!(of_service.attributes.is_empty());
        assert_eq!(pairs.len(), 2, "the service and the name");
    }
}
