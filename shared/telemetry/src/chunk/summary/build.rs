//! Computes the summary of a chunk.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt as _};
use serde_json::Value;

use super::entry::{entries_of_distinct, newest_first};
use super::{Counted, Minute, Operations, Summary, TraceCounts, fingerprint};
use crate::batch::Signal;
use crate::chunk::filter::{Term, Terms, UNNAMED, words};
use crate::event::versions::distinct;
use crate::event::{Event, EventRef, LogRecord, ResourceScope, Span};

/// Maximum number of levels that a summary counts, and maximum length of each, in bytes.
const MAX_LEVELS: usize = 16;
const MAX_LEVEL_BYTES: usize = 32;

/// A summary before its parts are cut to size.
pub(in crate::chunk) struct Draft {
    /// The summary with all its rows, and without a filter.
    pub(super) summary: Summary,
    pub(super) terms: Terms,
}

impl Draft {
    /// Summarizes the events of a chunk.
    pub(in crate::chunk) fn of<E: Event>(events: &[&E]) -> Self {
        let mut spans = Vec::new();
        let mut records = Vec::new();
        let mut minutes = BTreeMap::<u8, Minute>::new();
        for event in events {
            let minute = minutes.entry(minute_of(*event)).or_default();
            match event.by_signal() {
                EventRef::Span(span) => {
                    minute.count(span.into(), span.is_request());
                    spans.push(span);
                }
                EventRef::Log(record) => {
                    minute.count(record.into(), true);
                    records.push(record);
                }
            }
        }
        let terms = match E::SIGNAL {
            Signal::Traces => terms_of_spans(&spans),
            Signal::Logs => terms_of_records(&records),
        };
        let distinct = distinct(spans.iter().copied());
        let traces = match E::SIGNAL {
            Signal::Traces => traces(&distinct),
            Signal::Logs => traces(&records),
        };
        Self {
            summary: Summary {
                minutes,
                levels: (E::SIGNAL == Signal::Logs)
                    .then(|| levels(&records))
                    .flatten(),
                traces: Some(traces),
                operations: Operations::of(&spans),
                filter: None,
                rows: newest_first(entries_of_distinct(&distinct)),
                rows_are_complete: E::SIGNAL == Signal::Traces,
            },
            terms,
        }
    }
}

impl From<&Span> for Counted {
    fn from(span: &Span) -> Self {
        Self {
            weight: span.weight(),
            is_error: span.is_error(),
            duration_ms: span.duration_ms,
        }
    }
}

impl From<&LogRecord> for Counted {
    fn from(record: &LogRecord) -> Self {
        Self {
            weight: 1,
            is_error: record.is_error(),
            duration_ms: None,
        }
    }
}

fn minute_of(event: &impl Event) -> u8 {
    let minute = event.start().as_second().div_euclid(60).rem_euclid(60);
    u8::try_from(minute).unwrap_or_default()
}

fn levels(records: &[&LogRecord]) -> Option<BTreeMap<String, u64>> {
    let mut levels = BTreeMap::<&str, u64>::new();
    for record in records {
        *levels.entry(&record.level).or_default() += 1;
    }
    let fits = levels.len() <= MAX_LEVELS && levels.keys().all(|l| l.len() <= MAX_LEVEL_BYTES);
    let owned = levels
        .into_iter()
        .map(|(level, count)| (level.to_owned(), count));
    fits.then(|| owned.collect())
}

/// Counts events by trace. Spans must have no other versions among them. Log records have no id, so
/// each one counts, even if repeated.
fn traces<E: Event>(events: &[&E]) -> BTreeMap<u32, Option<TraceCounts>> {
    let mut by_id = HashMap::<&str, TraceCounts>::new();
    for event in events {
        let Some(trace_id) = event.trace_id() else {
            continue;
        };
        let counts = by_id.entry(trace_id).or_default();
        counts.events += 1;
        counts.errors += u32::from(event.is_error());
    }
    let mut traces = BTreeMap::new();
    for (trace_id, counts) in by_id {
        traces
            .entry(fingerprint(trace_id))
            .and_modify(|counts| *counts = None)
            .or_insert(Some(counts));
    }
    traces
}

fn terms_of_spans(spans: &[&Span]) -> Terms {
    let mut terms = Terms::default();
    let mut last = None;
    for span in spans {
        add_resource(&mut terms, span.resource_scope.as_deref(), &mut last);
        let service = span.service().map(|service| ("service", service));
        let name = ("name", span.name.as_deref().unwrap_or(UNNAMED));
        for (key, value) in service.into_iter().chain([name]) {
            terms.add(Term::Pair(key, value));
            if span.is_error() {
                terms.add(Term::FailedPair(key, value));
            }
        }
        if let Some(status) = span.status {
            terms.add(Term::Pair("status", &status.to_string()));
        }
        if let Some(method) = &span.method {
            terms.add(Term::Pair("method", method));
        }
        for (key, value) in &span.attributes {
            add_attribute(&mut terms, key, value);
        }
    }
    terms
}

fn terms_of_records(records: &[&LogRecord]) -> Terms {
    let mut terms = Terms::default();
    let mut last = None;
    for record in records {
        add_resource(&mut terms, record.resource_scope.as_deref(), &mut last);
        terms.add(Term::Pair("level", &record.level));
        if let Some(service) = record.service() {
            terms.add(Term::Pair("service", service));
        }
        if let Some(kind) = &record.kind {
            terms.add(Term::Pair("type", kind));
        }
        for word in record.texts().flat_map(words) {
            terms.add(Term::Word(&word));
        }
        for (key, value) in &record.attributes {
            add_attribute(&mut terms, key, value);
        }
    }
    terms
}

/// Adds the attributes of a resource, once for successive events that share it.
fn add_resource<'a>(
    terms: &mut Terms,
    resource_scope: Option<&'a ResourceScope>,
    last: &mut Option<&'a ResourceScope>,
) {
    let Some(resource_scope) = resource_scope else {
        return;
    };
    if last.is_some_and(|last| std::ptr::eq(last, resource_scope)) {
        return;
    }
    *last = Some(resource_scope);
    for (key, value) in &resource_scope.resource {
        add_attribute(terms, key, value);
    }
}

fn add_attribute(terms: &mut Terms, key: &str, value: &Value) {
    match value {
        Value::String(text) => terms.add(Term::Pair(key, text)),
        Value::Bool(true) => terms.add(Term::Pair(key, "true")),
        Value::Bool(false) => terms.add(Term::Pair(key, "false")),
        _ => {}
    }
}
