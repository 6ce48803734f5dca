//! The values that the fields of an event accept.

use super::*;

#[test]
fn a_span_is_decoded_as_the_sdk_sends_it() {
    let expected = Span {
        trace_id: "t".into(),
        span_id: "s".into(),
        parent_span_id: None,
        start_ns: SENT_NS,
        duration_ms: Some(12.5),
        method: Some("GET".into()),
        url: Some("/cart".into()),
        status: Some(200),
        ..Span::default()
    };
    assert_eq!(accepted(span(&json!({}))), expected);
}

#[test]
fn a_log_record_is_decoded_as_the_sdk_sends_it() {
    let record = one(logs(&[log(&json!({}))])).event;
    assert_eq!((record.time_ns, record.level.as_str()), (SENT_NS, "info"));
    assert_eq!((record.message.as_str(), record.trace_id), ("hello", None));
    assert_eq!(record.kind.as_deref(), Some("app"));
    assert_eq!(
        Value::from(record.attributes),
        json!({ "clientTimestamp": SENT })
    );
}

#[test]
fn an_event_without_a_time_takes_that_of_the_envelope() {
    let timeless = without(span(&json!({})), "timestamp");
    assert_eq!(accepted(timeless.clone()).start_ns, SENT_NS);
    assert_eq!(
        accepted(span(&json!({ "timestamp": null }))).start_ns,
        SENT_NS
    );
    assert_eq!(
        accepted(span(&json!({ "timestamp": "" }))).start_ns,
        SENT_NS
    );
    for sent in [
        "",
        r#""timestamp":"soon","#,
        r#""timestamp":1769860800,"#,
        r#""timestamp":{},"#,
    ] {
        let decode = |event: &Value| {
            decode_traces(format!(r#"{{{sent}"traces":[{event}]}}"#).as_bytes()).unwrap()
        };
        assert_eq!(
            one(decode(&span(&json!({})))).event.start_ns,
            SENT_NS,
            "{sent}"
        );
        let (pointer, reason) = refused(decode(&timeless));
        assert_eq!(pointer, "/traces/0/timestamp");
        assert_eq!(reason, "is missing, and so is the envelope's timestamp");
    }
}

#[test]
fn a_log_record_without_a_time_takes_the_clients_and_then_the_envelopes() {
    let client = json!({ "timestamp": null, "clientTimestamp": "2026-01-31T12:00:01Z" });
    assert_eq!(
        one(logs(&[log(&client)])).event.time_ns,
        SENT_NS + 1_000_000_000
    );
    for client in [json!(null), json!(5), json!("soon")] {
        let record = log(&json!({ "timestamp": null, "clientTimestamp": client }));
        assert_eq!(one(logs(&[record])).event.time_ns, SENT_NS);
    }
}

#[test]
fn optional_fields_may_be_null_or_absent() {
    for field in [
        "requestMethod",
        "requestURL",
        "responseStatus",
        "durationMs",
        "parentSpanId",
    ] {
        let absent = accepted(without(span(&json!({})), field));
        assert_eq!(absent, accepted(span(&json!({ field: null }))), "{field}");
    }
    let bare = accepted(json!({ "traceId": "t", "spanId": "s" }));
    assert_eq!(
        (bare.duration_ms, bare.status, bare.display_name()),
        (None, None, String::new())
    );
    let bare = one(logs(&[json!({ "level": "warn", "message": "" })])).event;
    assert_eq!(
        (bare.kind, bare.trace_id, bare.message.as_str()),
        (None, None, "")
    );
}

#[test]
fn the_error_for_a_missing_field_names_it() {
    for field in ["traceId", "spanId"] {
        for event in [span(&json!({ field: null })), span(&json!({ field: "" }))] {
            assert_refused(event, &format!("/traces/0/{field}"), "is missing");
        }
        assert_refused(
            without(span(&json!({})), field),
            &format!("/traces/0/{field}"),
            "is missing",
        );
    }
    for field in ["level", "message"] {
        let refusal = refused(logs(&[without(log(&json!({})), field)]));
        assert_eq!(
            refusal,
            (format!("/logs/0/{field}"), "is missing".to_owned())
        );
    }
}

#[test]
fn the_error_for_a_wrong_type_names_the_field() {
    for field in [
        "traceId",
        "spanId",
        "parentSpanId",
        "requestMethod",
        "requestURL",
        "timestamp",
    ] {
        for value in [json!(1), json!(true), json!([]), json!({})] {
            let event = span(&json!({ field: value }));
            assert_refused(event, &format!("/traces/0/{field}"), "must be a string");
        }
    }
    for field in ["durationMs", "responseStatus"] {
        for value in [json!("200"), json!(true), json!([]), json!({})] {
            let event = span(&json!({ field: value }));
            assert_refused(event, &format!("/traces/0/{field}"), "must be a number");
        }
    }
    for event in [
        json!(1),
        json!("span"),
        json!([]),
        json!(null),
        json!([span(&json!({}))]),
    ] {
        assert_refused(event, "/traces/0", "must be an object");
    }
}

#[test]
fn durations_are_finite_not_negative_and_at_most_a_week() {
    for (text, duration) in [
        ("0", 0.0),
        ("-0", 0.0),
        ("-0.0", 0.0),
        ("12", 12.0),
        ("0.001", 0.001),
        ("1e3", 1000.0),
        ("604800000", 604_800_000.0),
        ("1e-400", 0.0),
    ] {
        let read = one(raw("durationMs", text)).event.duration_ms.unwrap();
        assert_eq!(read.to_bits(), f64::to_bits(duration), "{text}");
    }
    for text in [
        "-1",
        "-1e-9",
        "604800001",
        "1e300",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
    ] {
        let (pointer, reason) = refused(raw("durationMs", text));
        assert_eq!(pointer, "/traces/0/durationMs", "{text}");
        assert_eq!(reason, "must be 0 to 604800000", "{text}");
    }
}

#[test]
fn a_number_outside_the_range_of_a_double_rejects_its_event_alone() {
    for (field, text) in [
        ("durationMs", "1e999"),
        ("durationMs", "-1e999"),
        ("more", "1e999"),
    ] {
        let (pointer, reason) = refused(raw(field, text));
        assert_eq!(pointer, "/traces/0");
        assert!(reason.starts_with("number out of range"), "{reason}");
    }
}

#[test]
fn nan_and_infinity_are_not_json() {
    for text in [
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "+1",
        "01",
        ".5",
        "0x10",
    ] {
        let event = span(&json!({ "durationMs": 0 })).to_string();
        let event = event.replace("\"durationMs\":0", &format!("\"durationMs\":{text}"));
        malformed(&body(&event));
    }
    let quoted = span(&json!({ "durationMs": "NaN" }));
    assert_refused(quoted, "/traces/0/durationMs", "must be a number");
}

#[test]
fn statuses_are_whole_numbers_from_100_to_599() {
    for (text, status) in [("100", 100), ("599", 599), ("200.0", 200), ("2e2", 200)] {
        assert_eq!(
            one(raw("responseStatus", text)).event.status,
            Some(status),
            "{text}"
        );
    }
    for (text, reason) in [
        ("99", "must be 100 to 599"),
        ("600", "must be 100 to 599"),
        ("0", "must be 100 to 599"),
        ("-200", "must be 100 to 599"),
        ("65736", "must be 100 to 599"),
        ("200.5", "must be a whole number"),
        ("\"200\"", "must be a number"),
    ] {
        let expected = ("/traces/0/responseStatus".to_owned(), reason.to_owned());
        assert_eq!(refused(raw("responseStatus", text)), expected, "{text}");
    }
}

#[test]
fn times_may_have_nanoseconds_and_any_offset() {
    for (text, nanos) in [
        (SENT, 0),
        ("2026-01-31T12:00:00Z", 0),
        ("2026-01-31t12:00:00z", 0),
        ("2026-01-31T12:00:00.123456789Z", 123_456_789),
        ("2026-01-31T12:00:00.1Z", 100_000_000),
        ("2026-01-31T17:30:00+05:30", 0),
        ("2026-01-30T22:00:00-14:00", 0),
        ("2026-01-31T12:00:00+00:00", 0),
        ("2026-01-31 12:00:00Z", 0),
    ] {
        let span = accepted(span(&json!({ "timestamp": text })));
        assert_eq!(span.start_ns - SENT_NS, nanos, "{text}");
    }
    // Unix time has no leap seconds; this one counts as the second before.
    let leap = accepted(span(&json!({ "timestamp": "2016-12-31T23:59:60Z" })));
    assert_eq!(leap.start_ns, 1_483_228_799_000_000_000);
}

#[test]
fn malformed_times_are_refused() {
    let unreadable = "must be an RFC 3339 time with an offset, like 2026-01-31T12:00:00.000Z";
    for text in [
        " ",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "1769860800",
        "2026-01-31T12:00:00.1234567890Z",
        "2026-01-31T12:00:00+99:00",
        "10000-01-01T00:00:00Z",
        "２０２６-01-31T12:00:00Z",
        "2026-01-31T12:00:00Z\0",
        "Sat, 31 Jan 2026 12:00:00 GMT",
    ] {
        let event = span(&json!({ "timestamp": text }));
        assert_refused(event, "/traces/0/timestamp", unreadable);
    }
    for text in [
        "0000-01-01T00:00:00Z",
        "9999-12-30T00:00:00Z",
        "1600-01-01T00:00:00Z",
    ] {
        let event = span(&json!({ "timestamp": text }));
        assert_refused(event, "/traces/0/timestamp", "is out of range");
    }
    assert_refused(
        span(&json!({ "timestamp": 1_769_860_800 })),
        "/traces/0/timestamp",
        "must be a string",
    );
}
