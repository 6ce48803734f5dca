use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::chunk::summary::{Draft, Extent, Summary, entries};
use crate::event::{
    Dropped, LogRecord, ResourceScope, Scope, SpanEvent, SpanKind, SpanLink, SpanOutcome,
    Truncation,
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
        },
    )
}

fn parts() -> impl Strategy<Value = (Vec<SpanEvent>, Vec<SpanLink>)> {
    let event =
        (".{0,5}", any::<i64>(), attributes()).prop_map(|(name, time_ns, attributes)| SpanEvent {
            name,
            time_ns,
            attributes,
        });
    let link = (id(), id(), attributes()).prop_map(|(trace_id, span_id, attributes)| SpanLink {
        trace_id,
        span_id,
        attributes,
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
        }
    })
}

fn resource_scopes() -> Vec<Option<Arc<ResourceScope>>> {
    let named = ResourceScope {
        resource: json!({"service.name": "shop", "cpus": 8})
            .as_object()
            .unwrap()
            .clone(),
        scope: Some(Scope {
            name: "http".to_owned(),
            version: Some("1".to_owned()),
            attributes: json!({"a": [1]}).as_object().unwrap().clone(),
        }),
        resource_schema_url: Some("https://opentelemetry.io/schemas/1.39.0".to_owned()),
        scope_schema_url: Some("https://opentelemetry.io/schemas/1.38.0".to_owned()),
    };
    vec![None, Some(Arc::new(named)), Some(Arc::default())]
}

fn spans() -> impl Strategy<Value = Vec<Span>> {
    let resource_scope = prop::sample::select(resource_scopes());
    prop::collection::vec((span(), resource_scope), 0..12).prop_map(|spans| {
        let with = |(span, resource_scope)| Span {
            resource_scope,
            ..span
        };
        spans.into_iter().map(with).collect()
    })
}

fn log_records() -> impl Strategy<Value = Vec<LogRecord>> {
    let resource_scope = prop::sample::select(resource_scopes());
    prop::collection::vec((log_record(), resource_scope), 0..12).prop_map(|records| {
        let with = |(record, resource_scope)| LogRecord {
            resource_scope,
            ..record
        };
        records.into_iter().map(with).collect()
    })
}

fn refs<E>(events: &[E]) -> Vec<&E> {
    events.iter().collect()
}

fn draft<E: Event>(events: &[E]) -> Vec<u8> {
    let extent = Extent {
        from_ms: 7,
        count: u32::try_from(events.len()).unwrap(),
        bytes: 8,
        memory: 9,
    };
    Draft::of(&refs(events)).encode(extent).unwrap()
}

proptest! {
    #[test]
    fn spans_are_decoded_as_they_were_encoded(spans in spans()) {
        prop_assert_eq!(round_trip(&refs(&spans)), spans);
    }

    #[test]
    fn log_records_are_decoded_as_they_were_encoded(records in log_records()) {
        prop_assert_eq!(round_trip(&refs(&records)), records);
    }

    #[test]
    fn the_events_of_one_trace_are_those_with_its_id(spans in spans(), records in log_records()) {
        let stored = encode(&refs(&spans)).unwrap().bytes;
        for id in spans.iter().map(|span| span.trace_id.as_str()).chain(["absent"]) {
            let found: Vec<Span> = decode(&stored, Rows::OfTrace(id)).unwrap();
            let expected = spans.iter().filter(|span| span.trace_id == id);
            prop_assert!(found.iter().eq(expected));
        }
        let stored = encode(&refs(&records)).unwrap().bytes;
        for id in records.iter().filter_map(|record| record.trace_id.as_deref()) {
            let found: Vec<LogRecord> = decode(&stored, Rows::OfTrace(id)).unwrap();
            let expected = records.iter().filter(|record| record.trace_id.as_deref() == Some(id));
            prop_assert!(found.iter().eq(expected));
        }
    }

    #[test]
    fn list_rows_are_the_same_from_columns_and_from_spans(spans in spans()) {
        let stored = encode(&refs(&spans)).unwrap().bytes;
        prop_assert_eq!(decode_entries(&stored).unwrap(), entries(&spans));
    }

    #[test]
    fn a_summary_is_decoded_as_it_was_encoded(spans in spans()) {
        let encoded = draft(&spans);
        let decoded = Summary::decode(&encoded).unwrap();
        let expected = Summary::of(&refs(&spans));
        prop_assert_eq!(&decoded.minutes, &expected.minutes);
        prop_assert_eq!(&decoded.traces, &expected.traces);
        prop_assert_eq!(&decoded.rows, &expected.rows[..decoded.rows.len()]);
        prop_assert_eq!(decoded.operations.total, expected.operations.total);
        prop_assert_eq!(Extent::of(&encoded).unwrap().from_ms, 7);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_other_events(
        spans in spans(), places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut stored = encode(&refs(&spans)).unwrap().bytes;
        let mut summary = draft(&spans);
        for (place, byte) in places {
            let at = place.index(stored.len());
            stored[at] = byte;
            let at = place.index(summary.len());
            summary[at] = byte;
        }
        let _ = decode::<Span>(&stored, Rows::All);
        let _ = decode::<LogRecord>(&stored, Rows::All);
        let _ = decode_entries(&stored);
        let _ = Summary::decode(&summary);
    }

    /// The columns themselves are damaged, as if the frame had been compressed again.
    #[test]
    fn damaged_columns_are_an_error_or_other_events(
        spans in spans(), place: prop::sample::Index, byte: u8,
    ) {
        let (mut columns, memory) = columns_of(&encode(&refs(&spans)).unwrap().bytes).unwrap();
        let at = place.index(columns.len());
        columns[at] = byte;
        let _ = crate::chunk::spans::read_spans(&mut Reader::new(&columns, memory), Rows::All);
        let _ = crate::chunk::spans::read_entries(&mut Reader::new(&columns, memory));
        let _ = crate::chunk::log_records::read_log_records(&mut Reader::new(&columns, memory), Rows::All);
    }
}

#[test]
fn a_truncated_chunk_or_summary_is_an_error() {
    let spans = [example_span()];
    let stored = encode(&refs(&spans)).unwrap().bytes;
    for length in 0..stored.len() {
        assert!(
            decode::<Span>(&stored[..length], Rows::All).is_err(),
            "{length}"
        );
    }
    let summary = draft(&spans);
    for length in 0..summary.len() {
        assert!(Summary::decode(&summary[..length]).is_err(), "{length}");
    }
}

#[test]
fn an_unknown_form_or_dictionary_is_named() {
    assert_eq!(
        decode::<Span>(&[9, 0], Rows::All),
        Err(FormError::Unknown(9))
    );
    assert_eq!(Summary::decode(&[9, 0]), Err(FormError::Unknown(9)));
    assert_eq!(Extent::of(&[9]), Err(FormError::Unknown(9)));
    assert_eq!(
        decode::<Span>(&[FORM, 1], Rows::All),
        Err(FormError::Damaged("an unknown dictionary"))
    );
}

/// A header with these sizes before these columns.
fn chunk_of(columns: &[u8], size: usize, memory: usize) -> Vec<u8> {
    let mut bytes = vec![FORM, NO_DICTIONARY];
    put_len(&mut bytes, size);
    put_len(&mut bytes, memory);
    bytes.extend(compress(columns).unwrap());
    bytes
}

#[test]
fn a_hostile_chunk_takes_no_more_memory_than_it_states() {
    let events: Vec<Span> = (0..1_000)
        .map(|number| Span {
            span_id: number.to_string(),
            attributes: json!({"a": "x".repeat(1_000)}).as_object().unwrap().clone(),
            ..Span::default()
        })
        .collect();
    let honest = encode(&refs(&events)).unwrap();
    assert!(honest.bytes.len() < 10_000 && honest.memory > 1_000_000);
    let (columns, memory) = columns_of(&honest.bytes).unwrap();
    let stated = |memory| decode::<Span>(&chunk_of(&columns, columns.len(), memory), Rows::All);
    assert_eq!(stated(memory).unwrap().len(), 1_000);
    assert_eq!(stated(memory - 1), Err(FormError::TooLarge));
    let too_large = FormError::Damaged("a number is too large");
    assert_eq!(stated(MAX_MEMORY + 1), Err(too_large));
    let bomb = chunk_of(&vec![0; 100_000], 99_999, 100);
    assert_eq!(
        decode::<Span>(&bomb, Rows::All),
        Err(FormError::Damaged("the compressed data"))
    );
    assert_eq!(
        decode::<Span>(&chunk_of(&[], MAX_COLUMNS + 1, 0), Rows::All),
        Err(too_large)
    );
    // Four billion rows in three bytes.
    let rows = chunk_of(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 0], 7, MAX_MEMORY);
    assert_eq!(decode::<Span>(&rows, Rows::All), Err(too_large));
}

fn example_span() -> Span {
    Span {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
        span_id: "00f067aa0ba902b7".to_owned(),
        name: Some("GET /cart".to_owned()),
        kind: Some(SpanKind::Server),
        start_ns: 1_769_862_600_123_456_789,
        duration_ms: Some(12.5),
        status: Some(503),
        outcome: Some(SpanOutcome::Error),
        status_message: Some("no stock".to_owned()),
        attributes: json!({
            "http.request.method": "GET", "url.full": "https://shop.test/cart", "retries": 2,
            "cached": false, "load": 0.25, "cart": {"items": [1]},
        })
        .as_object()
        .unwrap()
        .clone(),
        method: Some("GET".to_owned()),
        url: Some("https://shop.test/cart".to_owned()),
        resource_scope: resource_scopes()[1].clone(),
        trace_state: Some("ot=th:e666".to_owned()),
        flags: Some(257),
        dropped: Dropped {
            attributes: 1,
            events: 2,
            links: 3,
        },
        truncations: vec![Truncation {
            field: "cart".to_owned(),
            bytes: 70_000,
        }],
        events: vec![SpanEvent {
            name: "exception".to_owned(),
            time_ns: 1_769_862_600_130_000_000,
            attributes: json!({"exception.message": "out of stock"})
                .as_object()
                .unwrap()
                .clone(),
        }],
        links: vec![SpanLink {
            trace_id: "a".repeat(32),
            span_id: "b".repeat(16),
            attributes: Map::new(),
        }],
        ..Span::default()
    }
}

fn example_spans() -> Vec<Span> {
    let root = example_span();
    let child = Span {
        span_id: "00f067aa0ba902b8".to_owned(),
        parent_span_id: Some(root.span_id.clone()),
        start_ns: root.start_ns + 1_000,
        ..Span {
            events: Vec::new(),
            links: Vec::new(),
            ..root.clone()
        }
    };
    let native = Span {
        trace_id: "native".to_owned(),
        span_id: "a".to_owned(),
        parent_span_id: Some("elsewhere".to_owned()),
        start_ns: root.start_ns,
        duration_ms: Some(12.300_000_011_920_929),
        method: Some("POST".to_owned()),
        url: Some("/pay".to_owned()),
        ..Span::default()
    };
    vec![root, child, native]
}

fn example_log_records() -> Vec<LogRecord> {
    let record = LogRecord {
        time_ns: 1_769_862_600_123_456_789,
        level: "error".to_owned(),
        message: "Payment failed: card declined".to_owned(),
        kind: Some("payment".to_owned()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        span_id: Some("00f067aa0ba902b7".to_owned()),
        attributes: json!({"thread": 7}).as_object().unwrap().clone(),
        resource_scope: resource_scopes()[1].clone(),
        observed_ns: Some(1_769_862_600_200_000_000),
        severity_number: Some(17),
        severity_text: Some("ERROR".to_owned()),
        flags: Some(1),
        dropped_attributes: 4,
        truncations: vec![Truncation {
            field: "message".to_owned(),
            bytes: 100_000,
        }],
    };
    vec![
        record.clone(),
        LogRecord {
            level: "info".to_owned(),
            ..LogRecord::default()
        },
    ]
}

/// The stored bytes of the examples. They must be readable for ever; if a test here fails after a
/// change, the change needs a form of its own.
mod golden {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn path(name: &str) -> PathBuf {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/chunk/codec/golden");
        PathBuf::from(format!("{directory}/{name}.form-{FORM}"))
    }

    fn stored(name: &str) -> Vec<u8> {
        fs::read(path(name)).unwrap()
    }

    fn encoded() -> [(&'static str, Vec<u8>); 4] {
        let (spans, records) = (example_spans(), example_log_records());
        [
            ("spans", encode(&refs(&spans)).unwrap().bytes),
            ("log_records", encode(&refs(&records)).unwrap().bytes),
            ("summary_of_spans", draft(&spans)),
            ("summary_of_log_records", draft(&records)),
        ]
    }

    #[test]
    #[ignore = "writes the files, which is done once for each form"]
    fn write_the_bytes_of_the_current_form() {
        for (name, bytes) in encoded() {
            fs::write(path(name), bytes).unwrap();
        }
    }

    #[test]
    fn the_same_events_have_the_same_bytes_in_every_release() {
        for (name, bytes) in encoded() {
            assert_eq!(bytes, stored(name), "{name}");
        }
    }

    #[test]
    fn the_bytes_of_the_current_form_are_read() {
        let spans = decode::<Span>(&stored("spans"), Rows::All);
        assert_eq!(spans.unwrap(), example_spans());
        let records = decode::<LogRecord>(&stored("log_records"), Rows::All);
        assert_eq!(records.unwrap(), example_log_records());
        let of_spans = Summary::decode(&stored("summary_of_spans")).unwrap();
        assert_eq!(of_spans.rows.len(), 2);
        let operation = &of_spans.operations.top[0];
        assert_eq!(operation.stats.count, 20, "two spans, sampled at 10 %");
        let of_records = Summary::decode(&stored("summary_of_log_records")).unwrap();
        assert_eq!(of_records.levels.unwrap()["error"], 1);
    }
}
