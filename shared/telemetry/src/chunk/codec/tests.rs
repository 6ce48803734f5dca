mod golden;
mod strategies;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::chunk::summary::{Draft, Extent, Summary, entries};
use crate::event::{
    Dropped, LogRecord, Note, SpanEvent, SpanKind, SpanLink, SpanOutcome, Truncation,
};
use strategies::{log_records, resource_scopes, spans};

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
    fn the_events_of_some_traces_are_those_with_their_ids(spans in spans(), records in log_records()) {
        let ids = spans.iter().map(|span| span.trace_id.as_str());
        let ids: HashSet<&str> = ids.step_by(2).chain(["absent"]).collect();
        let stored = encode(&refs(&spans)).unwrap().bytes;
        let found: Vec<Span> = decode(&stored, Rows::OfTraces(&ids)).unwrap();
        let expected = spans.iter().filter(|span| ids.contains(&*span.trace_id));
        prop_assert!(found.iter().eq(expected));

        let ids = records.iter().filter_map(|record| record.trace_id.as_deref());
        let ids: HashSet<&str> = ids.step_by(2).collect();
        let stored = encode(&refs(&records)).unwrap().bytes;
        let found: Vec<LogRecord> = decode(&stored, Rows::OfTraces(&ids)).unwrap();
        let has_id = |id: &Option<String>| id.as_deref().is_some_and(|id| ids.contains(id));
        let expected = records.iter().filter(|record| has_id(&record.trace_id));
        prop_assert!(found.iter().eq(expected));
    }

    #[test]
    fn list_rows_are_the_same_from_columns_and_from_spans(spans in spans()) {
        let stored = encode(&refs(&spans)).unwrap().bytes;
        prop_assert_eq!(decode_entries(&stored, usize::MAX).unwrap(), entries(&spans));
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
    fn damaged_bytes_do_not_cause_a_panic(
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
        let _ = decode_entries(&stored, usize::MAX);
        let _ = Summary::decode(&summary);
    }

    /// The columns themselves are damaged, as if the frame had been compressed again.
    #[test]
    fn damaged_columns_do_not_cause_a_panic(
        spans in spans(), place: prop::sample::Index, byte: u8,
    ) {
        let stored = encode(&refs(&spans)).unwrap().bytes;
        let (_, mut header) = frame::open(&stored).unwrap();
        let (mut columns, memory) = columns(&mut header, usize::MAX).unwrap();
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
        decode::<Span>(&[Form::WRITTEN.number(), 1], Rows::All),
        Err(FormError::Damaged("an unknown dictionary"))
    );
}

/// Builds a chunk of these columns whose header states these sizes.
fn chunk_of(columns: &[u8], size: usize, memory: usize) -> Vec<u8> {
    let mut bytes = vec![Form::WRITTEN.number(), NO_DICTIONARY];
    put_len(&mut bytes, memory);
    put_len(&mut bytes, size);
    bytes.extend(frame::compress(columns).unwrap());
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
    let (_, mut header) = frame::open(&honest.bytes).unwrap();
    let (columns, memory) = columns(&mut header, usize::MAX).unwrap();
    let stated = |memory| decode::<Span>(&chunk_of(&columns, columns.len(), memory), Rows::All);
    assert_eq!(stated(memory).unwrap().len(), 1_000);
    assert_eq!(stated(memory - 1), Err(FormError::TooLarge));
    let too_large = FormError::Damaged("a number is too large");
    assert_eq!(stated(MAX_MEMORY + 1), Err(FormError::TooLarge));
    // More than its summary states.
    assert_eq!(
        decode_within::<Span>(&honest.bytes, Rows::All, honest.memory - 1),
        Err(FormError::TooLarge)
    );
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
            dropped_attributes: 5,
        }],
        links: vec![SpanLink {
            trace_id: "a".repeat(32),
            span_id: "b".repeat(16),
            attributes: Map::new(),
            trace_state: Some("vendor=1".to_owned()),
            flags: Some(257),
            dropped_attributes: 6,
        }],
        notes: vec![Note::EndBeforeStart],
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
        notes: vec![Note::TimeOfReceipt],
    };
    vec![
        record.clone(),
        LogRecord {
            level: "info".to_owned(),
            ..LogRecord::default()
        },
    ]
}
