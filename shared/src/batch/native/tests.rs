use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::batch::MAX_EVENTS;
use crate::clock;

const SENT: &str = "2026-01-31T12:00:00.000Z";
const SENT_NS: i64 = 1_769_860_800_000_000_000;

fn span(changes: &Value) -> Value {
    let mut span = json!({
        "timestamp": SENT, "requestMethod": "GET", "requestURL": "/cart", "responseStatus": 200,
        "traceId": "t", "spanId": "s", "parentSpanId": null, "durationMs": 12.5,
    });
    merge(&mut span, changes);
    span
}

fn log(changes: &Value) -> Value {
    let mut log = json!({
        "traceId": null, "level": "INFO", "type": "app", "message": "hello",
        "timestamp": SENT, "clientTimestamp": SENT,
    });
    merge(&mut log, changes);
    log
}

/// RFC 7396, but null is a value.
fn merge(event: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
}

/// The event less a field.
fn without(mut event: Value, field: &str) -> Value {
    event.as_object_mut().unwrap().remove(field).unwrap();
    event
}

fn traces(events: &[Value]) -> Decoded<Span> {
    let body = json!({ "timestamp": SENT, "traces": events });
    decode_traces(body.to_string().as_bytes()).unwrap()
}

fn logs(events: &[Value]) -> Decoded<LogRecord> {
    let body = json!({ "timestamp": SENT, "logs": events });
    decode_logs(body.to_string().as_bytes()).unwrap()
}

#[track_caller]
fn one<E: std::fmt::Debug>(decoded: Decoded<E>) -> Indexed<E> {
    assert_eq!(decoded.report.errors, []);
    let [event] = <[_; 1]>::try_from(decoded.events).unwrap();
    event
}

#[track_caller]
fn accepted(event: Value) -> Span {
    one(traces(&[event])).event
}

/// Pointer and reason of the one event that is refused.
#[track_caller]
fn refused<E: std::fmt::Debug>(decoded: Decoded<E>) -> (String, String) {
    assert_eq!((decoded.events.len(), decoded.report.rejected), (0, 1));
    let error = decoded.report.errors[0].error.clone();
    (error.pointer, error.reason)
}

#[track_caller]
fn assert_refused(event: Value, pointer: &str, reason: &str) {
    let told = refused(traces(std::slice::from_ref(&event)));
    assert_eq!(told, (pointer.to_owned(), reason.to_owned()), "{event}");
}

/// A body of one event, given as text.
fn body(event: &str) -> Vec<u8> {
    format!(r#"{{"timestamp":"{SENT}","traces":[{event}]}}"#).into_bytes()
}

/// A span with one field given as text.
fn raw(field: &str, value: &str) -> Decoded<Span> {
    let event = span(&json!({ field: "PLACEHOLDER" })).to_string();
    decode_traces(&body(&event.replace("\"PLACEHOLDER\"", value))).unwrap()
}

fn malformed(body: &[u8]) -> String {
    match decode_traces(body) {
        Err(EnvelopeError::Malformed(told)) => told,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_span_as_the_sdk_sends_it() {
    let expected = Span {
        trace_id: "t".into(),
        span_id: "s".into(),
        parent_span_id: None,
        start_ns: SENT_NS,
        duration_ms: Some(12.5),
        method: Some("GET".into()),
        url: Some("/cart".into()),
        status: Some(200),
        attributes: Map::new(),
    };
    assert_eq!(accepted(span(&json!({}))), expected);
}

#[test]
fn a_log_as_the_sdk_sends_it() {
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
fn the_envelope_timestamp_stands_in_and_may_be_missing_or_unreadable() {
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
fn a_log_without_a_time_has_the_clients_time_and_then_the_envelopes() {
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
fn what_is_optional_may_be_null_or_absent() {
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
        (bare.duration_ms, bare.status, bare.name()),
        (None, None, String::new())
    );
    let bare = one(logs(&[json!({ "level": "warn", "message": "" })])).event;
    assert_eq!(
        (bare.kind, bare.trace_id, bare.message.as_str()),
        (None, None, "")
    );
}

#[test]
fn what_is_required_is_named() {
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
        let told = refused(logs(&[without(log(&json!({})), field)]));
        assert_eq!(told, (format!("/logs/0/{field}"), "is missing".to_owned()));
    }
}

#[test]
fn wrong_types_are_named() {
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
fn i6_durations() {
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
fn i6_a_number_that_no_double_holds_costs_its_event() {
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
fn i6_nan_and_infinity_are_not_json() {
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
fn i7_statuses() {
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
fn i8_times_have_nanoseconds_and_any_offset() {
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
    // Unix time has no leap second: it is the second before.
    let leap = accepted(span(&json!({ "timestamp": "2016-12-31T23:59:60Z" })));
    assert_eq!(leap.start_ns, 1_483_228_799_000_000_000);
}

#[test]
fn i8_odd_times_are_refused() {
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

#[test]
fn i9_bytes_that_are_not_utf8_cost_their_characters() {
    let mut bytes = body(&span(&json!({ "requestURL": "/caX" })).to_string());
    let place = bytes.iter().position(|byte| *byte == b'X').unwrap();
    bytes[place] = 0xff;
    let read = one(decode_traces(&bytes).unwrap()).event;
    assert_eq!(read.url.as_deref(), Some("/ca\u{fffd}"));
}

#[test]
fn i9_a_lone_surrogate_costs_its_event() {
    let events = format!(
        "{},{}",
        span(&json!({})).to_string().replace("/cart", "\\ud83d"),
        span(&json!({ "requestURL": "/🛒" })),
    );
    let decoded = decode_traces(&body(&events)).unwrap();
    assert_eq!(decoded.events[0].event.url.as_deref(), Some("/🛒"));
    assert_eq!((decoded.events[0].index, decoded.report.rejected), (1, 1));
    assert_eq!(decoded.report.errors[0].error.pointer, "/traces/0");
    let paired = one(raw("requestURL", r#""\ud83d\uded2""#)).event;
    assert_eq!(paired.url.as_deref(), Some("🛒"));
}

#[test]
fn i9_control_characters_are_kept_when_escaped_and_no_json_otherwise() {
    let odd = "a\0b\r\nc\u{1b}[31m\u{202e}";
    assert_eq!(
        accepted(span(&json!({ "requestURL": odd }))).url.as_deref(),
        Some(odd)
    );
    for byte in ["\0", "\n", "\u{1b}"] {
        let event = span(&json!({})).to_string().replace("/cart", byte);
        let told = decode_traces(&body(&event));
        let refused = told.is_err() || told.is_ok_and(|decoded| decoded.events.is_empty());
        assert!(refused, "{byte:?}");
    }
}

#[test]
fn i9_a_byte_order_mark_is_skipped() {
    let plain = body(&span(&json!({})).to_string());
    one(decode_traces(&[b"\xef\xbb\xbf", &plain[..]].concat()).unwrap());
    malformed(&[b"\xff\xfe", &plain[..]].concat());
}

#[test]
fn i10_ids_are_opaque_up_to_their_bound_and_never_cut() {
    let long = "x".repeat(MAX_ID_BYTES);
    for id in [
        "0",
        "00000000000000000000000000000000",
        "t/é🛒#~\u{0}",
        " ",
        &long,
    ] {
        for field in ["traceId", "spanId", "parentSpanId"] {
            let read = accepted(span(&json!({ field: id })));
            let ids = [Some(read.trace_id), Some(read.span_id), read.parent_span_id];
            assert!(ids.contains(&Some(id.to_owned())), "{field} {id}");
        }
    }
    for field in ["traceId", "spanId", "parentSpanId"] {
        let event = span(&json!({ field: format!("{long}x") }));
        assert_refused(
            event,
            &format!("/traces/0/{field}"),
            "is longer than 128 bytes",
        );
    }
    let told = refused(logs(&[log(&json!({ "traceId": format!("{long}x") }))]));
    assert_eq!(told.0, "/logs/0/traceId");
}

#[test]
fn i11_any_parent_is_a_parent_and_none_is_a_root() {
    for none in [json!(null), json!("")] {
        assert_eq!(
            accepted(span(&json!({ "parentSpanId": none }))).parent_span_id,
            None
        );
    }
    let own = accepted(span(&json!({ "parentSpanId": "s" })));
    assert_eq!(own.parent_span_id.as_deref(), Some("s"));
    let cycle = [
        span(&json!({ "spanId": "a", "parentSpanId": "b" })),
        span(&json!({ "spanId": "b", "parentSpanId": "a" })),
    ];
    assert_eq!(traces(&cycle).events.len(), 2);
}

#[test]
fn i12_long_texts_are_cut_at_a_character_and_counted() {
    let long = "é".repeat(6 * 1024);
    let decoded = traces(&[span(&json!({})), span(&json!({ "requestURL": long }))]);
    assert_eq!(
        decoded
            .events
            .iter()
            .map(|event| event.is_cut)
            .collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(
        decoded.events[1].event.url.as_ref().unwrap().len(),
        8 * 1024
    );
    let odd = accepted(span(&json!({ "requestURL": format!("x{long}") })));
    assert_eq!(odd.url.unwrap().len(), 8 * 1024 - 1);
    let words = one(logs(&[log(
        &json!({ "level": "X".repeat(200), "type": "y".repeat(129) }),
    )]));
    assert!(words.is_cut);
    assert_eq!(
        (words.event.level, words.event.kind),
        ("x".repeat(128), Some("y".repeat(128)))
    );
    let huge = one(logs(&[log(&json!({ "message": "m".repeat(10_000_000) }))]));
    assert_eq!((huge.event.message.len(), huge.is_cut), (8 * 1024, true));
}

#[test]
fn i13_unknown_fields_become_attributes() {
    let more = json!({
        "userId": 7, "big": 18_446_744_073_709_551_615_u64, "ok": true, "nothing": null,
        "tags": ["a", { "b": 1 }], "statusText": "fine", "TraceId": "another case",
    });
    assert_eq!(Value::from(accepted(span(&more)).attributes), more);
}

#[test]
fn i13_the_last_of_duplicate_names_counts() {
    let event = span(&json!({ "traceId": "last" })).to_string();
    let event = event.replacen('{', r#"{"traceId":"first","x":1,"x":2,"#, 1);
    let read = one(decode_traces(&body(&event)).unwrap()).event;
    assert_eq!(
        (read.trace_id.as_str(), &read.attributes["x"]),
        ("last", &json!(2))
    );
    let event = span(&json!({}));
    let twice = format!(r#"{{"traces":[{event},{event}],"more":[1],"traces":[{event}]}}"#);
    one(decode_traces(twice.as_bytes()).unwrap());
}

#[test]
fn attributes_are_bounded_one_by_one_and_together() {
    let kept = |changes: Value| {
        let Indexed { event, is_cut, .. } = one(traces(&[span(&changes)]));
        (event.attributes, is_cut)
    };
    let (attributes, cut) = kept(json!({ "text": "x".repeat(2048), "list": vec![0; 1000] }));
    assert_eq!((attributes.len(), cut), (2, false));
    let (attributes, cut) = kept(json!({ "text": "x".repeat(2049) }));
    assert_eq!(
        (attributes["text"].as_str().unwrap().len(), cut),
        (2048, true)
    );
    for dropped in [
        json!({ "list": vec![0; 1024] }),
        json!({ "n".repeat(2049): 1 }),
    ] {
        assert_eq!(kept(dropped), (Map::new(), true));
    }
    let many: Map<_, _> = (0..129).map(|n| (n.to_string(), n.into())).collect();
    let (attributes, cut) = kept(many.into());
    assert_eq!((attributes.len(), cut), (128, true));
}

#[test]
fn i18_no_event_is_larger_than_an_item() {
    let worst = "\u{1}".repeat(2000);
    let many: Map<_, _> = (0..128)
        .map(|n| (format!("{n}{worst}"), worst.clone().into()))
        .collect();
    let mut event = span(&many.into());
    merge(&mut event, &json!({ "requestURL": "\u{1}".repeat(8192) }));
    let Indexed { event, is_cut, .. } = one(traces(&[event]));
    assert!(is_cut);
    assert!(serde_json::to_vec(&event).unwrap().len() < 350 * 1024);
}

#[test]
fn i3_an_event_of_any_depth_costs_itself_alone() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let good = span(&json!({}));
    let mixed = format!(r#"{good},{deep},{{"traceId":"t","spanId":"s","x":{deep}}},{good}"#);
    let decoded = decode_traces(&body(&mixed)).unwrap();
    assert_eq!(
        decoded
            .events
            .iter()
            .map(|event| event.index)
            .collect::<Vec<_>>(),
        [0, 3]
    );
    let told: Vec<_> = decoded
        .report
        .errors
        .iter()
        .map(|e| e.error.pointer.as_str())
        .collect();
    assert_eq!(told, ["/traces/1", "/traces/2"]);
    assert_eq!(decoded.report.errors[0].error.reason, "must be an object");
    assert!(
        decoded.report.errors[1]
            .error
            .reason
            .starts_with("recursion limit exceeded")
    );
    one(decode_traces(format!(r#"{{"more":{deep},"traces":[{good}]}}"#).as_bytes()).unwrap());
    one(decode_traces(format!(r#"{{"timestamp":{deep},"traces":[{good}]}}"#).as_bytes()).unwrap());
}

#[test]
fn i3_a_body_of_any_depth_is_refused() {
    for deep in ["[", "{\"traces\":[", "{\"x\":", "{\"traces\":"] {
        malformed(deep.repeat(100_000).as_bytes());
    }
    malformed(("[".repeat(100_000) + &"]".repeat(100_000)).as_bytes());
}

#[test]
fn what_is_no_batch_is_told_without_its_content() {
    for (body, told) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{}", r#"there is no array "traces" at line 1 column 2"#),
        (
            r#"{"logs":[]}"#,
            r#"there is no array "traces" at line 1 column 11"#,
        ),
        (
            r#"{"Traces":[]}"#,
            r#"there is no array "traces" at line 1 column 13"#,
        ),
        (
            "[]",
            r#"expected an object with an array "traces" at line 1 column 0"#,
        ),
        (
            r#""secret""#,
            r#"expected an object with an array "traces" at line 1 column 8"#,
        ),
        (
            "null",
            r#"expected an object with an array "traces" at line 1 column 4"#,
        ),
        (
            r#"{"traces":null}"#,
            "expected an array of events at line 1 column 14",
        ),
        (
            r#"{"traces":{}}"#,
            "expected an array of events at line 1 column 10",
        ),
        (
            r#"{"traces":"secret"}"#,
            "expected an array of events at line 1 column 18",
        ),
        (
            r#"{"traces":", expected x"}"#,
            "expected an array of events at line 1 column 24",
        ),
        (r#"{"traces":[1,]}"#, "trailing comma at line 1 column 14"),
        (
            r#"{"traces":[]}{}"#,
            "trailing characters at line 1 column 14",
        ),
        ("{'traces':[]}", "key must be a string at line 1 column 2"),
    ] {
        assert_eq!(
            malformed(body.as_bytes()),
            format!("the body is not a batch: {told}"),
            "{body}"
        );
    }
    let long = format!(r#"{{"traces":"{}"}}"#, "secret".repeat(1_000_000));
    assert!(malformed(long.as_bytes()).len() < 200);
}

#[test]
fn i14_an_empty_batch_is_a_batch() {
    for body in [
        r#"{"traces":[]}"#,
        r#" { "traces" : [ ] , "timestamp" : "" } "#,
    ] {
        let decoded = decode_traces(body.as_bytes()).unwrap();
        assert!(decoded.events.is_empty());
        assert_eq!(decoded.report, Report::default());
    }
}

#[test]
fn i5_ten_thousand_events_and_not_one_more() {
    let event = span(&json!({})).to_string();
    let batch = |count| body(&vec![event.as_str(); count].join(","));
    assert_eq!(
        decode_traces(&batch(MAX_EVENTS)).unwrap().events.len(),
        10_000
    );
    let told = decode_traces(&batch(MAX_EVENTS + 1)).unwrap_err();
    assert_eq!(told, EnvelopeError::TooManyEvents);
    assert_eq!(
        told.to_string(),
        "a batch has at most 10000 events; send smaller batches"
    );
}

#[test]
fn i5_millions_of_tiny_events_are_refused_before_they_are_read() {
    // Not even well-formed beyond the bound: it is not looked at.
    for tiny in ["0,", "{},", "[],"] {
        let batch = format!(r#"{{"traces":[{}"#, tiny.repeat(2_000_000));
        assert_eq!(
            decode_traces(batch.as_bytes()).unwrap_err(),
            EnvelopeError::TooManyEvents
        );
    }
}

#[test]
fn a_text_cannot_pretend_to_be_the_bound() {
    malformed(br#"{"traces":"too many events"}"#);
    malformed(br#"{"traces":[],"too many events"}"#);
}

#[test]
fn each_bad_event_is_counted_and_the_first_twenty_are_told() {
    let mut events = vec![span(&json!({ "responseStatus": 99 })); 30];
    events.insert(3, span(&json!({})));
    let decoded = traces(&events);
    assert_eq!((decoded.events.len(), decoded.events[0].index), (1, 3));
    assert_eq!(
        (decoded.report.rejected, decoded.report.errors.len()),
        (30, 20)
    );
    assert_eq!(decoded.report.errors[3].index, 4);
    let told = serde_json::to_value(&decoded.report.errors[0]).unwrap();
    let reason = "must be 100 to 599";
    assert_eq!(
        told,
        json!({ "index": 0, "pointer": "/traces/0/responseStatus", "reason": reason })
    );
}

#[test]
fn events_outside_the_window_are_neither_accepted_nor_counted_as_cut() {
    let long = "x".repeat(10_000);
    let old = span(&json!({ "timestamp": "2026-01-01T00:00:00Z", "requestURL": long }));
    let decoded = traces(&[old, span(&json!({ "requestURL": long }))]);
    let report = decoded
        .within_window(clock::from_millis(SENT_NS / 1_000_000))
        .report;
    assert_eq!(
        (report.accepted, report.rejected, report.truncated),
        (1, 1, 1)
    );
    let told = &report.errors[0].error;
    assert_eq!(
        (told.pointer.as_str(), told.reason.as_str()),
        ("/traces/0/timestamp", "older than 24 hours")
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads other fractions to the last bit but one.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        ".*".prop_map(Value::from),
        Just(Value::from(SENT)),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(".*", inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
        ]
    })
}

const NAMES: &[&str] = &[
    "timestamp",
    "requestMethod",
    "requestURL",
    "responseStatus",
    "traceId",
    "spanId",
    "parentSpanId",
    "durationMs",
    "level",
    "type",
    "message",
    "clientTimestamp",
    "more",
];

proptest! {
    #[test]
    fn bytes_of_any_kind_are_read_or_refused(bytes: Vec<u8>) {
        prop_assert!(decode_traces(&bytes).is_err());
        prop_assert!(decode_logs(&bytes).is_err());
    }

    #[test]
    fn almost_json_is_read_or_refused(text in r#"[\[\]{}:, "\\0-9eE.+u-]{0,60}|\{"(traces|logs)":\[.{0,60}\]\}"#) {
        let _ = (decode_traces(text.as_bytes()), decode_logs(text.as_bytes()));
    }

    #[test]
    fn every_event_is_either_kept_or_reported(
        events in prop::collection::vec(
            prop::collection::hash_map(prop::sample::select(NAMES), any_json(), 0..13), 0..8,
        ),
    ) {
        let events: Vec<Value> = events
            .into_iter()
            .map(|event| event.into_iter().map(|(n, v)| (n.to_owned(), v)).collect::<Map<_, _>>().into())
            .collect();
        let (spans, records) = (traces(&events), logs(&events));
        prop_assert_eq!(spans.events.len() + spans.report.rejected, events.len());
        prop_assert_eq!(records.events.len() + records.report.rejected, events.len());
        let spans = spans.within_window(clock::from_millis(SENT_NS / 1_000_000));
        prop_assert_eq!(spans.report.accepted + spans.report.rejected, events.len());
    }

    #[test]
    fn a_decoded_event_survives_a_round_trip(
        changes in prop::collection::hash_map("[a-z]{1,5}", any_json(), 0..5),
        quarters in 0..2_419_200_000_u32,
    ) {
        let mut event = span(&json!({ "durationMs": f64::from(quarters) / 4.0 }));
        for (name, value) in changes {
            event[name] = value;
        }
        for Indexed { event, .. } in traces(&[event]).events {
            let text = serde_json::to_string(&event).unwrap();
            prop_assert_eq!(serde_json::from_str::<Span>(&text).unwrap(), event);
        }
    }
}
