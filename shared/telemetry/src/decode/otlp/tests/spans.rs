//! Conversion of spans, from either encoding.

use super::*;
use crate::event::{SpanEvent, SpanKind, SpanLink, SpanOutcome};

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
fn impossible_times_are_refused_and_an_end_may_be_missing() {
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
    assert_refused(times(START, START - 1), end, "is before startTimeUnixNano");
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
            ..EventMessage::default()
        }],
        links: vec![Link {
            trace_id: vec![2; 16],
            span_id: vec![3; 8],
            attributes: texts(&[("why", "retry")]),
            ..Link::default()
        }],
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
        }],
        links: vec![SpanLink {
            trace_id: "02".repeat(16),
            span_id: "03".repeat(8),
            attributes: of_link,
        }],
        ..Span::default()
    };
    let kept = accepted(message);
    assert_eq!((kept.event, kept.is_cut), (expected, false));
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
        assert_eq!(kept.attributes.len(), count, "they stay as they are");
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
    assert_eq!(Value::from(kept.event.attributes), expected);
    assert!(!kept.is_cut, "an empty value is as good as none");
}

#[test]
fn parts_beyond_the_limits_are_dropped_and_the_span_marked_as_truncated() {
    let long = "x".repeat(10_000);
    let many = |count: usize| (0..count).map(|n| pair(&format!("{n:03}"), text("x")));
    let named = |name: &str| SpanMessage {
        name: name.to_owned(),
        ..span()
    };
    let with = |attributes| SpanMessage {
        attributes,
        ..span()
    };
    let event = EventMessage {
        name: "e".to_owned(),
        ..EventMessage::default()
    };
    let link = Link {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        ..Link::default()
    };

    let cut = accepted(named(&long));
    assert_eq!(
        (cut.event.name.unwrap().len(), cut.is_cut),
        (8 * 1024, true)
    );
    let cut = accepted(with(many(129).collect()));
    assert_eq!((cut.event.attributes.len(), cut.is_cut), (128, true));
    let cut = accepted(with(texts(&[("long", &long)])));
    assert_eq!(
        cut.event.attributes["long"].as_str().unwrap().len(),
        2 * 1024
    );
    let cut = accepted(with(vec![pair("deep", nested(40))]));
    assert!(cut.is_cut && cut.event.attributes["deep"].to_string().len() < 80);
    assert!(!accepted(with(vec![pair("deep", nested(31))])).is_cut);
    let cut = accepted(SpanMessage {
        events: vec![event; 129],
        ..span()
    });
    assert_eq!((cut.event.events.len(), cut.is_cut), (128, true));
    let cut = accepted(SpanMessage {
        links: vec![link; 129],
        ..span()
    });
    assert_eq!((cut.event.links.len(), cut.is_cut), (128, true));
    let cut = accepted(SpanMessage {
        links: vec![Link::default()],
        ..span()
    });
    assert_eq!(
        (cut.event.links.len(), cut.is_cut),
        (0, true),
        "it leads nowhere"
    );
}

#[test]
fn the_events_of_a_span_count_towards_its_limit() {
    let event = EventMessage {
        name: "\u{0}".repeat(1_000),
        attributes: texts(&[("a", &"\u{1}".repeat(900))]),
        ..EventMessage::default()
    };
    let cut = accepted(SpanMessage {
        events: vec![event; 128],
        ..span()
    });
    assert!(cut.is_cut);
    let json = serde_json::to_string(&cut.event).unwrap();
    assert!((250..270).contains(&(json.len() / 1024)), "{}", json.len());
}
