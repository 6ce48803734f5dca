//! Conversion of spans, from either encoding.

use super::*;
use crate::event::{Dropped, Event, Note, SpanEvent, SpanKind, SpanLink, SpanOutcome};

#[track_caller]
fn assert_refused(message: SpanMessage, field: &str, reason: &str) {
    let refusal = refused(read_protobuf(&request(vec![message])));
    let pointer = format!("/resourceSpans/0/scopeSpans/0/spans/0/{field}");
    assert_eq!(refusal, (pointer, reason.to_owned()));
}

#[test]
fn ids_of_the_wrong_length_or_all_zero_are_refused() {
    for trace_id in [vec![], vec![0; 16], vec![1; 15], vec![1; 17], vec![1; 32]] {
        let reason = if trace_id.iter().all(|byte| *byte == 0) {
            "must be 16 bytes, not all zero"
        } else {
            "must be 16 bytes"
        };
        assert_refused(SpanMessage { trace_id, ..span() }, "traceId", reason);
    }
    for span_id in [vec![], vec![0; 8]] {
        let reason = "must be 8 bytes, not all zero";
        assert_refused(SpanMessage { span_id, ..span() }, "spanId", reason);
    }
    let parent = |parent_span_id| SpanMessage {
        parent_span_id,
        ..span()
    };
    assert_refused(parent(vec![1; 16]), "parentSpanId", "must be 8 bytes");
    for none in [vec![], vec![0; 8]] {
        assert_eq!(accepted(parent(none)).event.parent_span_id, None);
    }
}

#[test]
fn impossible_times_are_refused_and_an_end_may_be_missing_or_before_the_start() {
    let times = |start, end| SpanMessage {
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        ..span()
    };
    let start = "startTimeUnixNano";
    let end = "endTimeUnixNano";
    assert_refused(times(0, START), start, "is missing");
    assert_refused(times(u64::MAX, 0), start, "is out of range");
    assert_refused(times(START, u64::MAX), end, "is out of range");
    let early = accepted(times(START, START - 1)).event;
    assert_eq!(
        (early.duration_ms, early.notes),
        (Some(0.0), vec![Note::EndBeforeStart])
    );
    let week = 7 * 24 * 60 * 60 * 1_000_000_000;
    let too_long = "is more than 7 days after startTimeUnixNano";
    assert_refused(times(START, START + week + 1_000), end, too_long);
    let duration = |end| accepted(times(START, end)).event.duration_ms;
    assert_eq!(duration(0), None);
    assert_eq!(duration(START), Some(0.0));
    assert_eq!(duration(START + 12_500_000), Some(12.5));
    assert_eq!(duration(START + week), Some(604_800_000.0));
}

#[test]
fn every_field_of_a_span_is_kept() {
    let message = SpanMessage {
        parent_span_id: vec![1; 8],
        name: "GET /cart".to_owned(),
        kind: 2,
        end_time_unix_nano: START + 1_000_000,
        attributes: texts(&[("user.id", "7")]),
        status: Some(Status {
            code: 2,
            message: "broken".to_owned(),
        }),
        events: vec![EventMessage {
            time_unix_nano: START + 5,
            name: "exception".to_owned(),
            attributes: texts(&[("exception.type", "Oops")]),
            dropped_attributes_count: 4,
        }],
        links: vec![Link {
            trace_id: vec![2; 16],
            span_id: vec![3; 8],
            attributes: texts(&[("why", "retry")]),
            trace_state: "other=1".to_owned(),
            flags: 257,
            dropped_attributes_count: 5,
        }],
        trace_state: "vendor=1".to_owned(),
        flags: 256,
        dropped_attributes_count: 1,
        dropped_events_count: 2,
        dropped_links_count: 3,
        ..span()
    };
    let Value::Object(attributes) = json!({ "user.id": "7" }) else {
        unreachable!()
    };
    let Value::Object(of_event) = json!({ "exception.type": "Oops" }) else {
        unreachable!()
    };
    let Value::Object(of_link) = json!({ "why": "retry" }) else {
        unreachable!()
    };
    let expected = Span {
        trace_id: TRACE_ID.to_owned(),
        span_id: SPAN_ID.to_owned(),
        parent_span_id: Some("01".repeat(8)),
        name: Some("GET /cart".to_owned()),
        kind: Some(SpanKind::Server),
        start_ns: START_NS,
        duration_ms: Some(1.0),
        outcome: Some(SpanOutcome::Error),
        status_message: Some("broken".to_owned()),
        attributes,
        events: vec![SpanEvent {
            name: "exception".to_owned(),
            time_ns: START_NS + 5,
            attributes: of_event,
            dropped_attributes: 4,
        }],
        links: vec![SpanLink {
            trace_id: "02".repeat(16),
            span_id: "03".repeat(8),
            attributes: of_link,
            trace_state: Some("other=1".to_owned()),
            flags: Some(257),
            dropped_attributes: 5,
        }],
        trace_state: Some("vendor=1".to_owned()),
        flags: Some(256),
        dropped: Dropped {
            attributes: 1,
            events: 2,
            links: 3,
        },
        ..Span::default()
    };
    let kept = accepted(message.clone()).event;
    assert_eq!(kept, expected);
    let from_json = one(read_json(&writer::request(&request(vec![message])))).event;
    assert_eq!(from_json, expected);
    let stored = crate::chunk::codec::round_trip(&[&kept]);
    assert_eq!(stored, [kept]);
}

#[test]
fn unset_and_unknown_values_become_none() {
    let unknown = SpanMessage {
        kind: 99,
        status: Some(Status {
            code: -1,
            message: String::new(),
        }),
        events: vec![EventMessage::default()],
        ..span()
    };
    let kept = accepted(unknown).event;
    assert_eq!(
        (kept.kind, kept.outcome, &kept.status_message),
        (None, None, &None)
    );
    assert_eq!((kept.name, kept.resource_scope), (None, None));
    assert_eq!(kept.events[0].time_ns, START_NS, "the span's own start");
}

#[test]
fn old_and_new_http_conventions_fill_method_url_and_status() {
    let number = |key: &str, status| pair(key, wrapped(Any::IntValue(status)));
    let new = [
        texts(&[
            ("http.request.method", "GET"),
            ("url.full", "https://a/b"),
            ("url.path", "/b"),
        ]),
        vec![number("http.response.status_code", 404)],
    ];
    let old = [
        texts(&[
            ("http.method", "GET"),
            ("http.url", "https://a/b"),
            ("http.target", "/b"),
        ]),
        vec![number("http.status_code", 404)],
    ];
    for attributes in [new.concat(), old.concat()] {
        let count = attributes.len();
        let kept = accepted(SpanMessage {
            attributes,
            ..span()
        })
        .event;
        assert_eq!(kept.method.as_deref(), Some("GET"));
        assert_eq!(kept.url.as_deref(), Some("https://a/b"));
        assert_eq!(kept.status, Some(404));
        assert_eq!(kept.attributes.len(), count, "the attributes are kept");
    }
    for name in ["url.path", "http.target", "http.route"] {
        let attributes = texts(&[(name, "/b"), ("http.status_code", "503")]);
        let kept = accepted(SpanMessage {
            attributes,
            ..span()
        })
        .event;
        assert_eq!(
            (kept.url.as_deref(), kept.status),
            (Some("/b"), Some(503)),
            "{name}"
        );
    }
    for odd in [0, 99, 600, -200, i64::MAX] {
        let attributes = vec![number("http.status_code", odd)];
        assert_eq!(
            accepted(SpanMessage {
                attributes,
                ..span()
            })
            .event
            .status,
            None
        );
    }
}

#[test]
fn every_kind_of_value_is_converted_to_json() {
    let list = KeyValueList {
        values: texts(&[("a", "b")]),
    };
    let attributes = vec![
        pair("text", text("é\u{0}")),
        pair("yes", wrapped(Any::BoolValue(true))),
        pair("least", wrapped(Any::IntValue(i64::MIN))),
        pair("half", wrapped(Any::DoubleValue(0.5))),
        pair("nan", wrapped(Any::DoubleValue(f64::NAN))),
        pair("inf", wrapped(Any::DoubleValue(f64::INFINITY))),
        pair("-inf", wrapped(Any::DoubleValue(f64::NEG_INFINITY))),
        pair("bytes", wrapped(Any::BytesValue(vec![0, 255]))),
        pair("list", wrapped(Any::KvlistValue(list))),
        pair("array", nested(2)),
        pair("empty", AnyValue::default()),
        KeyValue {
            key: "none".to_owned(),
            ..KeyValue::default()
        },
    ];
    let kept = accepted(SpanMessage {
        attributes,
        ..span()
    });
    let expected = json!({
        "text": "é\u{0}", "yes": true, "least": i64::MIN, "half": 0.5, "nan": "NaN",
        "inf": "Infinity", "-inf": "-Infinity", "bytes": "AP8=", "list": { "a": "b" },
        "array": [["deep"]],
    });
    assert_eq!(Value::from(kept.event.attributes.clone()), expected);
    assert!(!kept.event.is_cut(), "an empty value counts as absent");
}

#[test]
fn a_large_span_is_cut_and_lists_the_cuts() {
    let with = |attributes| SpanMessage {
        attributes,
        ..span()
    };
    let cuts = |kept: &Span| -> Vec<(String, u64)> {
        let cuts = kept.truncations.iter();
        cuts.map(|cut| (cut.field.clone(), cut.bytes)).collect()
    };
    // A chat of fifty turns, and a stack trace of eighty frames in an event.
    let turn = |n| text(&format!("{n} {}", "word ".repeat(1_200)));
    let chat = wrapped(Any::ArrayValue(ArrayValue {
        values: (0..50).map(turn).collect(),
    }));
    let frames = "  at module.function (file.js:10:20)\n".repeat(80);
    let large = SpanMessage {
        events: vec![EventMessage {
            attributes: texts(&[("exception.stacktrace", &frames)]),
            ..EventMessage::default()
        }],
        ..with(vec![pair("gen_ai.prompt", chat)])
    };
    for decoded in [
        read_protobuf(&request(vec![large.clone()])),
        read_json(&writer::request(&request(vec![large]))),
    ] {
        let kept = one(decoded).event;
        assert_eq!(
            kept.attributes["gen_ai.prompt"].as_array().unwrap().len(),
            50
        );
        assert_eq!(kept.events[0].attributes["exception.stacktrace"], frames);
        let [(field, bytes)] = &cuts(&kept)[..] else {
            panic!("{:?}", kept.truncations)
        };
        assert_eq!((&**field, bytes / 1_000), ("attributes/gen_ai.prompt", 300));
    }
    let many = (0..1_000).map(|n| pair(&format!("{n:03}"), text("x")));
    let kept = accepted(with(many.collect())).event;
    assert_eq!((kept.attributes.len(), kept.is_cut()), (1_000, false));
    let kept = accepted(with(vec![pair("deep", nested(40))])).event;
    assert!(kept.attributes["deep"].to_string().len() < 80);
    assert_eq!(cuts(&kept)[0].0, "attributes/deep");
    assert!(
        !accepted(with(vec![pair("deep", nested(31))]))
            .event
            .is_cut()
    );
    let kept = accepted(SpanMessage {
        links: vec![Link::default()],
        ..span()
    });
    assert_eq!(
        cuts(&kept.event),
        [("links/0".to_owned(), 0)],
        "a link without valid ids is dropped"
    );
}

#[test]
fn millions_of_values_are_cut_before_they_take_memory() {
    let event = EventMessage::default();
    let numbers = vec![wrapped(Any::IntValue(1)); 400_000];
    let numbers = wrapped(Any::ArrayValue(ArrayValue { values: numbers }));
    let with = |message: SpanMessage| {
        let kept = accepted(message).event;
        assert_eq!(kept.name.as_deref(), Some("kept"));
        let json = serde_json::to_string(&kept).unwrap();
        assert!(json.len() < 350 * 1024, "{}", json.len());
        kept.truncations[0].clone()
    };
    let named = SpanMessage {
        name: "kept".to_owned(),
        ..span()
    };
    let cut = with(SpanMessage {
        attributes: vec![pair("numbers", numbers)],
        ..named.clone()
    });
    assert_eq!((&*cut.field, cut.bytes > 400_000), ("", true));
    let cut = with(SpanMessage {
        events: vec![event; 150_000],
        ..named
    });
    assert_eq!(&*cut.field, "events");
}
