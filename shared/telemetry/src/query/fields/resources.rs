//! The attributes of the events of a chunk, in which many events share a resource.

use std::sync::Arc;

use foldhash::{HashMap, HashMapExt as _};
use serde_json::{Map, Value};

use crate::event::{Event, EventRef, ResourceScope};

/// Returns the attributes of these events and of their resources, with the number of events that have
/// them. A resource that many events share is listed once. An attribute of an event hides the one of its
/// resource with the same name.
pub(super) fn attributes<'e, E: Event>(
    events: &[&'e E],
) -> impl Iterator<Item = (&'e str, &'e Value, u64)> {
    let mut resources = by_address(events);
    events.iter().flat_map(move |event| {
        let own = own(*event).iter();
        let own = own.map(|(key, value)| (key.as_str(), value, 1));
        let of_resource = event
            .resource_scope()
            .and_then(|shared| resources.remove(&Arc::as_ptr(shared)));
        own.chain(of_resource.into_iter().flat_map(OfResource::attributes))
    })
}

fn own<E: Event>(event: &E) -> &Map<String, Value> {
    match event.by_signal() {
        EventRef::Span(span) => &span.attributes,
        EventRef::Log(record) => &record.attributes,
    }
}

/// A resource, and the events that have it.
struct OfResource<'e> {
    attributes: &'e Map<String, Value>,
    events: u64,
    /// Number of events that hide each attribute of the resource.
    hidden: HashMap<&'e str, u64>,
}

/// Returns the resources of events by address.
fn by_address<'e, E: Event>(events: &[&'e E]) -> HashMap<*const ResourceScope, OfResource<'e>> {
    let mut resources = HashMap::new();
    for event in events {
        let Some(shared) = event.resource_scope() else {
            continue;
        };
        let of_resource = resources.entry(Arc::as_ptr(shared));
        let of_resource = of_resource.or_insert_with(|| OfResource {
            attributes: &shared.resource,
            events: 0,
            hidden: HashMap::new(),
        });
        of_resource.events += 1;
        for key in own(*event).keys() {
            if shared.resource.contains_key(key) {
                *of_resource.hidden.entry(key.as_str()).or_default() += 1;
            }
        }
    }
    resources
}

impl<'e> OfResource<'e> {
    /// Returns the attributes with the numbers of events that do not hide them.
    fn attributes(self) -> impl Iterator<Item = (&'e str, &'e Value, u64)> {
        let counted = self.attributes.iter().map(move |(key, value)| {
            let hidden = self.hidden.get(key.as_str());
            let count = self.events - hidden.copied().unwrap_or_default();
            (key.as_str(), value, count)
        });
        counted.filter(|(_, _, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Span;

    #[test]
    fn a_shared_resource_is_listed_once_with_the_events_that_do_not_hide_its_attributes() {
        let resource = (0..5_000).map(|n| (n.to_string(), json!("resource")));
        let shared = Arc::new(ResourceScope {
            resource: resource.collect(),
            ..ResourceScope::default()
        });
        let spans = (0..10_000).map(|n| {
            let own = if n < 10 { "0" } else { "own" };
            Span {
                attributes: Map::from_iter([(own.to_owned(), json!("span"))]),
                resource_scope: Some(shared.clone()),
                ..Span::default()
            }
        });
        let spans: Vec<Span> = spans.collect();
        let found: Vec<_> = attributes(&spans.iter().collect::<Vec<_>>()).collect();
        assert_eq!(found.len(), 10_000 + 5_000);
        let resource = json!("resource");
        for (key, count) in [("0", 9_990), ("1", 10_000), ("4999", 10_000)] {
            assert!(found.contains(&(key, &resource, count)), "{key}");
        }
        let first = [&spans[0]];
        let hidden = attributes(&first).filter(|(key, _, _)| *key == "0");
        assert_eq!(hidden.map(|(_, _, count)| count).collect::<Vec<_>>(), [1]);
    }
}
