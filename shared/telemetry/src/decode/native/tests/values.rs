//! The values that the fields of an event accept.

use super::*;
use crate::event::Note;

#[test]
fn a_span_is_decoded_as_the_sdk_sends_it() {
    let expected = Span {
        trace_id: "t".into(),
        span_id: "s".into(),
        parent_span_id: None,
        start_ns: SENT_NS - 12_500_000,
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
fn the_level_of_a_log_record_is_that_of_its_text() {
    for (text, level, severity, kept) in [
        ("error", "error", Some(17), None),
        ("Warning", "warn", Some(13), Some("Warning")),
        ("SEVERE", "error", Some(17), Some("SEVERE")),
        ("panic", "fatal", Some(21), Some("panic")),
        ("notice", "info", Some(10), Some("notice")),
        ("Audit", "audit", None, Some("Audit")),
        ("", "info", Some(9), None),
    ] {
        let record = one(logs(&[log(&json!({ "level": text }))])).event;
        assert_eq!((&*record.level, record.severity()), (level, severity));
        assert_eq!(record.severity_text.as_deref(), kept, "{text}");
        assert_eq!(record.is_error(), severity >= Some(17), "{text}");
    }
}

#[test]
fn the_timestamp_of_a_span_is_its_end() {
    let ended = |ms: i64| SENT_NS + ms * 1_000_000;
    for (changes, start_ns, duration_ms) in [
        (
            json!({ "durationMs": 401.6 }),
            ended(-401) - 600_000,
            Some(401.6),
        ),
        (json!({ "durationMs": 0 }), SENT_NS, Some(0.0)),
        (json!({ "durationMs": null }), SENT_NS, None),
        (
            json!({ "durationMs": 5, "startTime": "2026-01-31T11:59:59Z" }),
            ended(-1_000),
            Some(5.0),
        ),
        (
            json!({ "durationMs": null, "startTime": 1_769_860_799_000_i64 }),
            ended(-1_000),
            Some(1_000.0),
        ),
        (
            json!({ "durationMs": null, "timestamp": null, "startTime": "1769860799000" }),
            ended(-1_000),
            None,
        ),
    ] {
        let read = accepted(span(&changes));
        assert_eq!(
            (read.start_ns, read.duration_ms),
            (start_ns, duration_ms),
            "{changes}"
        );
        assert_eq!((read.notes, read.attributes.len()), (vec![], 0));
    }
    let read = accepted(span(&json!({ "durationMs": 12.5 })));
    assert_eq!(read.end(), SENT.parse::<Timestamp>().unwrap());
}

#[test]
fn an_end_before_the_start_becomes_a_duration_of_0_with_a_note() {
    let early = json!({ "durationMs": null, "startTime": "2026-01-31T12:00:01Z" });
    let read = accepted(span(&early));
    assert_eq!(read.start_ns, SENT_NS + 1_000_000_000);
    assert_eq!(
        (read.duration_ms, read.notes),
        (Some(0.0), vec![Note::EndBeforeStart])
    );
    let event = span(&json!({ "durationMs": null, "startTime": "2026-01-01T00:00:00Z" }));
    assert_refused(
        event,
        "/traces/0/startTime",
        "is more than 7 days before timestamp",
    );
}

#[test]
fn an_event_without_a_time_takes_that_of_the_envelope() {
    let point = json!({ "durationMs": null });
    let timeless = without(span(&point), "timestamp");
    assert_eq!(accepted(timeless.clone()).start_ns, SENT_NS);
    for none in [json!(null), json!("")] {
        let event = span(&json!({ "timestamp": none, "durationMs": null }));
        assert_eq!(accepted(event).start_ns, SENT_NS);
    }
    let decode = |sent: &str, event: &Value| {
        decode_traces(format!(r#"{{{sent}"traces":[{event}]}}"#).as_bytes()).unwrap()
    };
    let in_ms = r#""timestamp":1769860800000,"#;
    assert_eq!(one(decode(in_ms, &timeless)).event.start_ns, SENT_NS);
    for sent in [
        "",
        r#""timestamp":"soon","#,
        r#""timestamp":-1,"#,
        r#""timestamp":{},"#,
    ] {
        assert_eq!(
            one(decode(sent, &span(&point))).event.start_ns,
            SENT_NS,
            "{sent}"
        );
        let (pointer, reason) = refused(decode(sent, &timeless));
        assert_eq!(pointer, "/traces/0/timestamp");
        assert_eq!(reason, "is missing, and so is the envelope's timestamp");
    }
}

#[test]
fn a_log_record_without_a_time_takes_that_of_the_client_or_the_envelope_or_of_receipt() {
    let client = json!({ "timestamp": null, "clientTimestamp": "2026-01-31T12:00:01Z" });
    assert_eq!(
        one(logs(&[log(&client)])).event.time_ns,
        SENT_NS + 1_000_000_000
    );
    for client in [json!(null), json!({}), json!("soon")] {
        let record = log(&json!({ "timestamp": null, "clientTimestamp": client }));
        assert_eq!(one(logs(&[record])).event.time_ns, SENT_NS);
    }
    let bare = br#"{"logs":[{"level":"info","message":"a"}]}"#;
    let mut bare = one(decode_logs(bare).unwrap()).event;
    assert_eq!(
        (bare.has_time(), &bare.notes),
        (false, &vec![Note::TimeOfReceipt])
    );
    bare.set_time_of_receipt(received().now);
    assert_eq!(bare.time_ns, SENT_NS);
}

#[test]
fn a_display_name_without_a_method_or_url_has_no_extra_space() {
    for (method, url, name) in [
        (json!("GET"), json!("/cart"), "GET /cart"),
        (json!("GET"), json!(""), "GET"),
        (json!("GET"), json!(null), "GET"),
        (json!(""), json!("/cart"), "/cart"),
        (json!(null), json!("/cart"), "/cart"),
        (json!(""), json!(""), ""),
    ] {
        let event = accepted(span(&json!({ "requestMethod": method, "requestURL": url })));
        assert_eq!(event.display_name(), name, "{method} {url}");
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
        let span = accepted(span(&json!({ "timestamp": text, "durationMs": null })));
        assert_eq!(span.start_ns - SENT_NS, nanos, "{text}");
    }
    // Unix time has no leap seconds; this one counts as the second before.
    let leap = json!({ "timestamp": "2016-12-31T23:59:60Z", "durationMs": null });
    let leap = accepted(span(&leap));
    assert_eq!(leap.start_ns, 1_483_228_799_000_000_000);
}

#[test]
fn malformed_times_are_refused() {
    let unreadable = "must be an RFC 3339 time with an offset, like 2026-01-31T12:00:00.000Z, \
                      or milliseconds since 1970";
    for text in [
        " ",
        "now",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-02-30T12:00:00Z",
        "2026-13-01T12:00:00Z",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:60:00Z",
        "-1769860800",
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
    for value in [json!(true), json!(-5), json!(1e30), json!([]), json!({})] {
        let event = span(&json!({ "timestamp": value }));
        assert_refused(event, "/traces/0/timestamp", unreadable);
    }
}
