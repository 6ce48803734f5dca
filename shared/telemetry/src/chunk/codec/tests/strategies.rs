//! Arbitrary spans and log records.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::event::{
    Dropped, LogRecord, Note, ResourceScope, Scope, Span, SpanEvent, SpanKind, SpanLink,
    SpanOutcome, Truncation,
};

/// An id of OpenTelemetry's form, or any text.
fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[0-9a-f]{16}",
        1 => "[0-9a-f]{32}",
        1 => "[0-9A-Fa-f]{1,4}",
        1 => ".{0,8}",
    ]
}

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop_oneof!["[ab]", ".{0,20}"])
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-5_i64..5).prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            attributes_of(inner).prop_map(Value::from),
        ]
    })
}

fn attributes_of(
    value: impl Strategy<Value = Value> + Clone,
) -> impl Strategy<Value = Map<String, Value>> {
    let entries = prop::collection::vec(("[abc]{1,2}", value), 0..4);
    entries.prop_map(|entries| entries.into_iter().collect())
}

fn attributes() -> impl Strategy<Value = Map<String, Value>> {
    prop_oneof![
        attributes_of("[ab]".prop_map(Value::from)),
        attributes_of((0_i64..3).prop_map(Value::from)),
        attributes_of(value().boxed()),
    ]
}

fn duration() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(prop_oneof![
        (0_u32..100_000).prop_map(f64::from),
        (0.0..1e9),
        (0_u64..1 << 50).prop_map(|nanoseconds| nanoseconds as f64 / 1e6),
        Just(12.300_000_011_920_929),
        Just(0.0),
    ])
}

fn truncations() -> impl Strategy<Value = Vec<Truncation>> {
    let one = ("[ab]", any::<u64>()).prop_map(|(field, bytes)| Truncation { field, bytes });
    prop_oneof![4 => Just(Vec::new()), 1 => prop::collection::vec(one, 1..3)]
}

fn notes() -> impl Strategy<Value = Vec<Note>> {
    rarely(prop::sample::subsequence(Note::ALL.to_vec(), 0..=2))
}

fn rarely<T: Default + std::fmt::Debug + Clone + 'static>(
    value: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![4 => Just(T::default()), 1 => value]
}

fn span() -> impl Strategy<Value = Span> {
    let names = (id(), id(), prop::option::of(id()), text(), text());
    let times = (any::<i64>(), duration());
    let http = (text(), text(), prop::option::of(100_u16..600));
    let codes = (
        prop::option::of(prop::sample::select(SpanKind::ALL.to_vec())),
        prop::option::of(prop::sample::select(vec![
            SpanOutcome::Ok,
            SpanOutcome::Error,
        ])),
    );
    let rare = (
        rarely(text()),
        rarely(prop::option::of(any::<u32>())),
        rarely((any::<u32>(), any::<u32>(), any::<u32>())),
        truncations(),
        notes(),
    );
    (names, times, http, codes, attributes(), rare, parts()).prop_map(
        |(names, times, http, codes, attributes, rare, (events, links))| Span {
            trace_id: names.0,
            span_id: names.1,
            parent_span_id: names.2,
            name: names.3,
            status_message: names.4,
            start_ns: times.0,
            duration_ms: times.1,
            method: http.0,
            url: http.1,
            status: http.2,
            kind: codes.0,
            outcome: codes.1,
            attributes,
            events,
            links,
            resource_scope: None,
            trace_state: rare.0,
            flags: rare.1,
            dropped: Dropped {
                attributes: rare.2.0,
                events: rare.2.1,
                links: rare.2.2,
            },
            truncations: rare.3,
            notes: rare.4,
        },
    )
}

fn parts() -> impl Strategy<Value = (Vec<SpanEvent>, Vec<SpanLink>)> {
    let event = (".{0,5}", any::<i64>(), attributes(), rarely(any::<u32>()));
    let event = event.prop_map(
        |(name, time_ns, attributes, dropped_attributes)| SpanEvent {
            name,
            time_ns,
            attributes,
            dropped_attributes,
        },
    );
    let rare = (
        rarely(text()),
        rarely(prop::option::of(any::<u32>())),
        rarely(any::<u32>()),
    );
    let link = (id(), id(), attributes(), rare);
    let link = link.prop_map(|(trace_id, span_id, attributes, rare)| SpanLink {
        trace_id,
        span_id,
        attributes,
        trace_state: rare.0,
        flags: rare.1,
        dropped_attributes: rare.2,
    });
    let parts = (
        prop::collection::vec(event, 0..2),
        prop::collection::vec(link, 0..2),
    );
    rarely(parts)
}

fn log_record() -> impl Strategy<Value = LogRecord> {
    let texts = (
        ".{0,5}",
        ".{0,30}",
        text(),
        prop::option::of(id()),
        prop::option::of(id()),
    );
    let rare = (
        rarely(prop::option::of(1_i64..i64::MAX)),
        rarely(prop::option::of(1_u8..25)),
        rarely(text()),
        rarely(prop::option::of(any::<u32>())),
        rarely(any::<u32>()),
        truncations(),
        notes(),
    );
    (any::<i64>(), texts, attributes(), rare).prop_map(|(time_ns, texts, attributes, rare)| {
        LogRecord {
            time_ns,
            level: texts.0,
            message: texts.1,
            kind: texts.2,
            trace_id: texts.3,
            span_id: texts.4,
            attributes,
            resource_scope: None,
            observed_ns: rare.0,
            severity_number: rare.1,
            severity_text: rare.2,
            flags: rare.3,
            dropped_attributes: rare.4,
            truncations: rare.5,
            notes: rare.6,
        }
    })
}

pub(super) fn resource_scopes() -> Vec<Option<Arc<ResourceScope>>> {
    let named = ResourceScope {
        resource: json!({"service.name": "shop", "cpus": 8})
            .as_object()
            .unwrap()
            .clone(),
        scope: Some(Scope {
            name: "http".to_owned(),
            version: Some("1".to_owned()),
            attributes: json!({"a": [1]}).as_object().unwrap().clone(),
            dropped_attributes: 3,
        }),
        resource_schema_url: Some("https://opentelemetry.io/schemas/1.39.0".to_owned()),
        scope_schema_url: Some("https://opentelemetry.io/schemas/1.38.0".to_owned()),
        resource_dropped_attributes: 2,
        truncations: vec![Truncation {
            field: "resource/argv".to_owned(),
            bytes: 70_000,
        }],
    };
    vec![None, Some(Arc::new(named)), Some(Arc::default())]
}

pub(super) fn spans() -> impl Strategy<Value = Vec<Span>> {
    let resource_scope = prop::sample::select(resource_scopes());
    prop::collection::vec((span(), resource_scope), 0..12).prop_map(|spans| {
        let with = |(span, resource_scope)| Span {
            resource_scope,
            ..span
        };
        spans.into_iter().map(with).collect()
    })
}

pub(super) fn log_records() -> impl Strategy<Value = Vec<LogRecord>> {
    let resource_scope = prop::sample::select(resource_scopes());
    prop::collection::vec((log_record(), resource_scope), 0..12).prop_map(|records| {
        let with = |(record, resource_scope)| LogRecord {
            resource_scope,
            ..record
        };
        records.into_iter().map(with).collect()
    })
}
