//! Any input is either decoded or refused, and both encodings give the same events.

use proptest::prelude::*;

use super::*;
use crate::chunk::codec;

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        Just(AnyValue::default()),
        ".*".prop_map(|content| text(&content)),
        any::<bool>().prop_map(|boolean| wrapped(Any::BoolValue(boolean))),
        any::<i64>().prop_map(|integer| wrapped(Any::IntValue(integer))),
        // serde_json reads other fractions only up to the last bit.
        any::<i32>().prop_map(|eighths| wrapped(Any::DoubleValue(f64::from(eighths) / 8.0))),
        Just(wrapped(Any::DoubleValue(f64::NAN))),
        any::<Vec<u8>>().prop_map(|bytes| wrapped(Any::BytesValue(bytes))),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let pairs = prop::collection::vec(("[a-c]{0,2}", inner.clone()), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4)
                .prop_map(|values| wrapped(Any::ArrayValue(ArrayValue { values }))),
            pairs.prop_map(|pairs| {
                let values = pairs
                    .into_iter()
                    .map(|(key, value)| pair(&key, value))
                    .collect();
                wrapped(Any::KvlistValue(KeyValueList { values }))
            }),
        ]
    })
}

fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    const NAMES: &[&str] = &[
        "http.method",
        "url.full",
        "http.status_code",
        "service.name",
        "a",
        "b",
        "",
    ];
    let pairs = prop::collection::vec((prop::sample::select(NAMES), any_value()), 0..4);
    pairs.prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(key, value)| pair(key, value))
            .collect()
    })
}

/// An id that is mostly well-formed.
fn any_id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        9 => prop::collection::vec(any::<u8>(), length),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn any_span() -> impl Strategy<Value = SpanMessage> {
    let time = || prop_oneof![9 => START..START + 1_000_000_000, 1 => any::<u64>()];
    let event = (time(), ".*", any_attributes()).prop_map(|(time_unix_nano, name, attributes)| {
        EventMessage {
            time_unix_nano,
            name,
            attributes,
            ..EventMessage::default()
        }
    });
    let link =
        (any_id(16), any_id(8), any_attributes()).prop_map(|(trace_id, span_id, attributes)| {
            Link {
                trace_id,
                span_id,
                attributes,
                ..Link::default()
            }
        });
    let status =
        prop::option::of((-1..4, ".*").prop_map(|(code, message)| Status { message, code }));
    let parts = (
        prop::collection::vec(event, 0..3),
        prop::collection::vec(link, 0..3),
        any_attributes(),
        status,
    );
    let ids = (any_id(16), any_id(8), any_id(8));
    (ids, ".*", -1..7, time(), time(), parts).prop_map(
        |((trace_id, span_id, parent_span_id), name, kind, start, end, parts)| {
            let (events, links, attributes, status) = parts;
            SpanMessage {
                trace_id,
                span_id,
                parent_span_id,
                name,
                kind,
                start_time_unix_nano: start,
                end_time_unix_nano: end,
                attributes,
                events,
                links,
                status,
                ..SpanMessage::default()
            }
        },
    )
}

fn any_request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let scope = ("[a-b]{0,2}", prop::collection::vec(any_span(), 0..4))
        .prop_map(|(name, spans)| scope_spans(&name, spans));
    let resource = (any_attributes(), prop::collection::vec(scope, 0..3))
        .prop_map(|(attributes, scopes)| resource_spans(attributes, scopes));
    prop::collection::vec(resource, 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn count(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|group| &group.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes: Vec<u8>) {
        for encoding in [OtlpEncoding::Protobuf, OtlpEncoding::Json] {
            let _ = (decode_traces(&bytes, encoding), decode_logs(&bytes, encoding));
        }
    }

    #[test]
    fn both_encodings_of_the_same_spans_are_the_same_events(request in any_request()) {
        let one = read_protobuf(&request);
        let other = read_json(&writer::request(&request));
        prop_assert_eq!(one.events.len() + one.report.rejected, count(&request));
        prop_assert_eq!(&one.events, &other.events);
        prop_assert_eq!(&one.report, &other.report);
        prop_assert_eq!(&one.layout, &other.layout);
        let spans: Vec<_> = one.events.iter().map(|indexed| &indexed.event).collect();
        let stored: Vec<Span> = codec::round_trip(&spans);
        prop_assert!(stored.iter().eq(spans));
    }

    #[test]
    fn a_truncated_or_corrupted_request_is_read_or_refused(
        request in any_request(),
        place: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let mut body = request.encode_to_vec();
        if !body.is_empty() {
            let place = place.index(body.len());
            if let Ok(cut) = decode_traces(&body[..place], OtlpEncoding::Protobuf) {
                prop_assert!(cut.events.len() + cut.report.rejected <= count(&request));
            }
            body[place] ^= 1_u8 << bit;
            let _ = decode_traces(&body, OtlpEncoding::Protobuf);
            let _ = decode_logs(&body, OtlpEncoding::Protobuf);
        }
    }

    #[test]
    fn a_flipped_bit_in_a_span_affects_no_other_span(
        spans in prop::collection::vec(any_span(), 1..5),
        which: prop::sample::Index,
        place: prop::sample::Index,
        bit in 0_u8..8,
    ) {
        let whole = read_protobuf(&request(spans.clone()));
        let which = which.index(spans.len());
        let mut message = spans[which].encode_to_vec();
        let place = place.index(message.len());
        message[place] ^= 1_u8 << bit;
        let mut scope = Vec::new();
        for (index, span) in spans.iter().enumerate() {
            let span = if index == which { message.clone() } else { span.encode_to_vec() };
            prost::encoding::bytes::encode(2, &span, &mut scope);
        }
        let mut resource = Vec::new();
        let mut body = Vec::new();
        prost::encoding::bytes::encode(2, &scope, &mut resource);
        prost::encoding::bytes::encode(1, &resource, &mut body);
        let flipped = decode_traces(&body, OtlpEncoding::Protobuf).unwrap();
        prop_assert_eq!(flipped.events.len() + flipped.report.rejected, spans.len());
        let others = |decoded: Decoded<Span>| {
            let events = decoded.events.into_iter();
            events.filter(|event| event.index != which).collect::<Vec<_>>()
        };
        prop_assert_eq!(others(flipped), others(whole));
    }
}
