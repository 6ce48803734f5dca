//! Rate, errors and durations of requests by service or operation, from chunk summaries.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::Deserialize;
use utoipa::ToSchema;

use super::bucket::Bucket;
use crate::chunk::summary::{Operation, Stats, Summary};

/// Maximum number of groups that are returned.
const MOST: usize = 100;

/// Maximum number of groups that are counted. Requests of any other group are added to `others`.
const MOST_COUNTED: usize = 2_000;

/// What the requests of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Requests to the same service.
    Service,
    /// Requests to the same service with the same span name.
    Operation,
}

/// A service or, with [`By::Operation`], an operation of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// Service that the requests were sent to. `None` if the spans have none.
    pub service: Option<String>,
    /// Display name of the operation. `None` for a service.
    pub name: Option<String>,
}

/// Counts requests by group.
#[derive(Debug)]
pub struct Groups {
    by: By,
    groups: BTreeMap<Group, Stats>,
    total: Bucket,
}

/// The groups with most requests.
#[derive(Debug, PartialEq)]
pub struct Grouped {
    /// At most 100 groups with their statistics, in descending order of their requests. Percentiles
    /// are within 11 %.
    pub top: Vec<(Group, Stats)>,
    /// Number of requests of all other groups, and of operations that summaries do not name.
    pub others: u64,
    /// Number of these requests that failed.
    pub errors_of_others: u64,
    /// Statistics of all events.
    pub total: Bucket,
}

impl Groups {
    /// Creates the counts, without any requests.
    pub fn new(by: By) -> Self {
        Self {
            by,
            groups: BTreeMap::new(),
            total: Bucket::default(),
        }
    }

    /// Adds the requests of a chunk.
    pub fn add(&mut self, summary: &Summary) {
        for minute in summary.minutes.values() {
            self.total.add(minute);
        }
        let operations = summary.operations.top.iter();
        for operation in operations.filter(|operation| operation.is_request) {
            let group = self.group_of(operation);
            if let Some(stats) = self.groups.get_mut(&group) {
                stats.merge(&operation.stats);
            } else if self.groups.len() < MOST_COUNTED {
                self.groups.insert(group, operation.stats.clone());
            }
        }
    }

    fn group_of(&self, operation: &Operation) -> Group {
        Group {
            service: operation.service.clone(),
            name: (self.by == By::Operation).then(|| operation.name.clone()),
        }
    }

    /// Returns the groups with the most requests, and the totals of all others.
    pub fn finish(self) -> Grouped {
        let mut top: Vec<_> = self.groups.into_iter().collect();
        // The sort is stable, so equal counts keep the order of their names.
        top.sort_by_key(|(_, stats)| Reverse(stats.count));
        top.truncate(MOST);
        let sum = |number: fn(&Stats) -> u64| {
            let named = top.iter().map(|(_, stats)| number(stats));
            named.fold(number(&self.total.requests), u64::saturating_sub)
        };
        Grouped {
            others: sum(|stats| stats.count),
            errors_of_others: sum(|stats| stats.errors),
            top,
            total: self.total,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::event::{ResourceScope, Span, SpanKind};

    fn span(service: &str, name: &str, kind: Option<SpanKind>, parent: Option<&str>) -> Span {
        let resource = json!({ "service.name": service });
        Span {
            name: Some(name.to_owned()),
            kind,
            parent_span_id: parent.map(str::to_owned),
            duration_ms: Some(10.0),
            resource_scope: Some(Arc::new(ResourceScope {
                resource: resource.as_object().unwrap().clone(),
                ..ResourceScope::default()
            })),
            ..Span::default()
        }
    }

    fn grouped(by: By, chunks: &[Vec<Span>]) -> Grouped {
        let mut groups = Groups::new(by);
        for spans in chunks {
            groups.add(&Summary::of(&spans.iter().collect::<Vec<_>>()));
        }
        groups.finish()
    }

    fn counts(grouped: &Grouped) -> Vec<(&str, Option<&str>, u64, u64)> {
        let rows = grouped.top.iter().map(|(group, stats)| {
            let service = group.service.as_deref().unwrap_or_default();
            (service, group.name.as_deref(), stats.count, stats.errors)
        });
        rows.collect()
    }

    #[test]
    fn root_server_and_consumer_spans_are_requests_and_other_spans_are_not() {
        let failed = Span {
            status: Some(500),
            ..span("shop", "GET /cart", Some(SpanKind::Server), Some("a"))
        };
        let sampled = Span {
            trace_state: Some("ot=th:c".to_owned()),
            ..span("shop", "GET /cart", None, None)
        };
        let chunks = [
            vec![
                failed,
                span("shop", "SELECT", Some(SpanKind::Client), Some("a")),
                span("shop", "cron", Some(SpanKind::Internal), None),
            ],
            vec![
                sampled,
                span("mail", "send", Some(SpanKind::Consumer), Some("a")),
                span("mail", "render", None, Some("a")),
            ],
        ];
        let by_operation = grouped(By::Operation, &chunks);
        assert_eq!(
            counts(&by_operation),
            [
                ("shop", Some("GET /cart"), 5, 1),
                ("mail", Some("send"), 1, 0),
                ("shop", Some("cron"), 1, 0),
            ]
        );
        let by_service = grouped(By::Service, &chunks);
        assert_eq!(
            counts(&by_service),
            [("shop", None, 6, 1), ("mail", None, 1, 0)]
        );
        assert_eq!((by_service.others, by_service.errors_of_others), (0, 0));
        assert_eq!(by_service.total.all.count, 9);
    }

    #[test]
    fn a_request_is_named_although_most_spans_are_not_requests() {
        let mut spans: Vec<Span> = (0..64)
            .map(|n| span("shop", &format!("query {}", n / 2), None, Some("a")))
            .collect();
        spans.push(span("shop", "checkout", Some(SpanKind::Server), Some("a")));
        let grouped = grouped(By::Operation, &[spans]);
        assert_eq!(counts(&grouped), [("shop", Some("checkout"), 1, 0)]);
    }

    #[test]
    fn requests_beyond_the_rows_are_counted_together() {
        let chunks: Vec<Vec<Span>> = (0..30)
            .map(|chunk| {
                let names = (0..20).map(|n| format!("operation {chunk} {n}"));
                let spans = names.map(|name| Span {
                    status: Some(503),
                    ..span("shop", &name, None, None)
                });
                spans.collect()
            })
            .collect();
        let by_operation = grouped(By::Operation, &chunks);
        assert_eq!(by_operation.top.len(), MOST);
        assert_eq!(by_operation.others, 600 - 100);
        assert_eq!(by_operation.errors_of_others, 600 - 100);
        let by_service = grouped(By::Service, &chunks);
        assert_eq!(counts(&by_service), [("shop", None, 30 * 16, 30 * 16)]);
        assert_eq!(by_service.others, 30 * 4);
    }
}
