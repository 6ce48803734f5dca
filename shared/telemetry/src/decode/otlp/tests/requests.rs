//! The structure around the events, and its limits.

use super::*;
use crate::chunk::codec;
use crate::decode::MAX_REPORTED;
use crate::event::Event;

/// Encodes a length-delimited field.
fn field(tag: u8, message: &[u8]) -> Vec<u8> {
    let mut field = vec![tag << 3 | 2];
    prost::encode_length_delimiter(message.len(), &mut field).unwrap();
    field.extend_from_slice(message);
    field
}

fn malformed(body: &[u8], encoding: OtlpEncoding) -> String {
    match decode_traces(body, encoding) {
        Err(EnvelopeError::Malformed(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

fn too_much(body: &[u8]) -> EnvelopeError {
    decode_traces(body, OtlpEncoding::Protobuf).unwrap_err()
}

#[test]
fn the_error_for_a_body_that_is_not_a_request_does_not_quote_it() {
    for (body, problem) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        (
            "[]",
            r#"expected an object with an array "resourceSpans" at line 1 column 0"#,
        ),
        (
            r#"{"resourceSpans":"secret"}"#,
            "expected an array of events at line 1 column 25",
        ),
        (
            r#"{"resourceSpans":[{"scopeSpans":["secret"]}]}"#,
            "/resourceSpans/0/scopeSpans/0: \
             expected an object with an array \"spans\" at line 1 column 8",
        ),
        (
            r#"{"resourceLogs":[]}"#,
            r#"it has "resourceLogs" and no "resourceSpans""#,
        ),
    ] {
        let expected = format!("the body is not a batch: {problem}");
        assert_eq!(
            malformed(body.as_bytes(), OtlpEncoding::Json),
            expected,
            "{body}"
        );
    }
    for body in [
        &b"\x0a"[..],
        b"\x0a\x05\x12",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x08\x01\x0a",
        b"\x0d\x00\x00\x00\x00",
        b"not protobuf",
        b"\x0a\x02\x10\x01",
        b"{\"resourceSpans\":[]}",
    ] {
        let problem = malformed(body, OtlpEncoding::Protobuf);
        assert!(problem.len() < 200, "{problem}");
    }
}

#[test]
fn an_empty_request_is_accepted() {
    let mut empty: Vec<(Vec<u8>, OtlpEncoding)> = [
        &b"{}"[..],
        br#"{"resourceSpans":[]}"#,
        br#"{"resourceSpans":null,"unknown":1}"#,
        br#"{"resourceSpans":[{},{"scopeSpans":null},{"scopeSpans":[{"spans":[]}]}]}"#,
        b"\xef\xbb\xbf {}",
    ]
    .map(|body| (body.to_vec(), OtlpEncoding::Json))
    .into();
    empty.extend(
        [
            vec![],
            field(1, b""),
            field(1, &field(2, b"")),
            field(15, b"unknown"),
        ]
        .map(|body| (body, OtlpEncoding::Protobuf)),
    );
    for (body, encoding) in empty {
        let decoded = decode_traces(&body, encoding).unwrap();
        assert!(decoded.events.is_empty() && decoded.report.rejected == 0);
    }
}

#[test]
fn one_bad_span_of_a_hundred_is_rejected_alone_and_named() {
    let spans = |count| vec![span(); count];
    let mut groups = vec![
        resource_spans(vec![], vec![]),
        resource_spans(
            vec![],
            vec![scope_spans("a", spans(40)), scope_spans("b", spans(60))],
        ),
    ];
    groups[1].scope_spans[1].spans[7].trace_id = vec![1; 3];
    let request = ExportTraceServiceRequest {
        resource_spans: groups,
    };
    for decoded in [
        read_protobuf(&request),
        read_json(&writer::request(&request)),
    ] {
        assert_eq!((decoded.events.len(), decoded.report.rejected), (99, 1));
        let rejection = &decoded.report.errors[0];
        let pointer = "/resourceSpans/1/scopeSpans/1/spans/7/traceId";
        assert_eq!((rejection.index, &*rejection.error.pointer), (47, pointer));
    }
}

#[test]
fn a_message_that_cannot_be_decoded_affects_no_other() {
    let mut group = field(2, &span().encode_to_vec());
    group.extend(field(2, &field(5, b"\xff not UTF-8")));
    group.extend(field(2, b"\x0a\x7f"));
    let body = field(1, &field(2, &group));
    let decoded = decode_traces(&body, OtlpEncoding::Protobuf).unwrap();
    assert_eq!((decoded.events.len(), decoded.report.rejected), (1, 2));
    let problem = &decoded.report.errors[0].error;
    assert_eq!(problem.pointer, "/resourceSpans/0/scopeSpans/0/spans/1");
    assert!(problem.reason.contains("UTF-8"), "{}", problem.reason);
}

#[test]
fn the_error_for_a_time_out_of_range_points_to_its_field() {
    let decoded = read_protobuf(&request(vec![span()]));
    let week = 7 * 24 * 60 * 60 * 1000;
    let later = crate::decode::Reception {
        now: upblit_base::clock::from_millis(START_NS / 1_000_000 + week + 1),
        retention: std::time::Duration::from_secs(30 * 24 * 60 * 60),
    };
    let problem = &decoded.within_window(later).report.errors[0].error;
    let pointer = "/resourceSpans/0/scopeSpans/0/spans/0/startTimeUnixNano";
    assert_eq!(
        (&*problem.pointer, &*problem.reason),
        (pointer, "older than 7 days")
    );
}

#[test]
fn the_number_of_events_and_groups_is_not_limited() {
    const MANY: usize = 20_000;
    let spans = field(1, &field(2, &field(2, b"").repeat(MANY)));
    let all_bad = decode_traces(&spans, OtlpEncoding::Protobuf).unwrap();
    assert_eq!(
        (all_bad.report.rejected, all_bad.report.errors.len()),
        (MANY, MAX_REPORTED)
    );
    let resources = field(1, b"").repeat(MANY);
    let scopes = field(1, &field(2, b"").repeat(MANY));
    for groups in [resources, scopes] {
        assert!(decode_traces(&groups, OtlpEncoding::Protobuf).is_ok());
    }
}

#[test]
fn millions_of_empty_groups_or_events_are_refused_before_decoding() {
    // Not even well-formed beyond the limit, so reading it would be another error.
    let end = b"\xff".to_vec();
    let empty = |tag| [field(tag, b"").repeat(4_000_000), end.clone()].concat();
    assert_eq!(too_much(&empty(1)), EnvelopeError::TooLarge);
    assert_eq!(too_much(&field(1, &empty(2))), EnvelopeError::TooLarge);
    assert_eq!(
        too_much(&field(1, &field(2, &empty(2)))),
        EnvelopeError::TooLarge
    );
    let many = "{},".repeat(4_000_000);
    for (before, error) in [
        (r#"{"resourceSpans":["#, EnvelopeError::TooLarge),
        (
            r#"{"resourceLogs":1,"resourceSpans":["#,
            EnvelopeError::TooLarge,
        ),
    ] {
        let body = format!("{before}{many}");
        assert_eq!(
            decode_traces(body.as_bytes(), OtlpEncoding::Json).unwrap_err(),
            error
        );
    }
    let many = many.trim_end_matches(',');
    for (before, after, error) in [
        ("", "", EnvelopeError::TooLarge),
        (r#"{"spans":["#, "]}", EnvelopeError::TooLarge),
    ] {
        let body = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{before}{many}{after}]}}]}}"#);
        assert_eq!(
            decode_traces(body.as_bytes(), OtlpEncoding::Json).unwrap_err(),
            error
        );
    }
}

#[test]
fn millions_of_empty_attributes_are_cut_and_affect_no_other_event() {
    let attributes = field(9, b"").repeat(4_000_000);
    let oversized = [span().encode_to_vec(), attributes].concat();
    let good = field(2, &span().encode_to_vec());
    let spans = [good.clone(), field(2, &oversized), good.clone()].concat();
    let decoded = decode_traces(&field(1, &field(2, &spans)), OtlpEncoding::Protobuf).unwrap();
    assert_eq!((decoded.events.len(), decoded.report.rejected), (3, 0));
    let cut: Vec<bool> = decoded
        .events
        .iter()
        .map(|indexed| indexed.event.is_cut())
        .collect();
    assert_eq!(cut, [false, true, false]);
    for (place, resource, scope) in [
        ("resource", field(1, b"").repeat(300_000), vec![]),
        ("scope", vec![], field(3, b"").repeat(300_000)),
    ] {
        let scope = [field(1, &scope), good.clone(), good.clone()].concat();
        let group = [field(1, &resource), field(2, &scope)].concat();
        let decoded = decode_traces(&field(1, &group), OtlpEncoding::Protobuf).unwrap();
        assert_eq!((decoded.events.len(), decoded.report.rejected), (2, 0));
        let shared = decoded.events[1].event.resource_scope.as_ref().unwrap();
        assert_eq!(shared.truncations[0].field, place);
    }
}

#[test]
fn json_without_events_that_has_fields_of_another_name_is_refused() {
    for (body, problem) in [
        (
            r#"{"resource_spans":[]}"#,
            r#"it has "resource_spans" and no "resourceSpans""#,
        ),
        (
            r#"{"batches":[{}]}"#,
            r#"it has "batches" and no "resourceSpans""#,
        ),
        (
            r#"{"resourceMetrics":[]}"#,
            r#"it has "resourceMetrics" and no "resourceSpans""#,
        ),
        (
            r#"{"resourceSpans":[{"resource":{},"instrumentationLibrarySpans":[]}]}"#,
            r#"it has "instrumentationLibrarySpans" and no "scopeSpans""#,
        ),
        (
            r#"{"resourceSpans":[{"scope_spans":[]}]}"#,
            r#"it has "scope_spans" and no "scopeSpans""#,
        ),
        (
            r#"{"resourceSpans":[{"scopeSpans":[{"scope":{},"logRecords":[{}]}]}]}"#,
            r#"it has "logRecords" and no "spans""#,
        ),
        (
            r#"{"resourceSpans":[],"resource_spans":[{}]}"#,
            r#"it has "resource_spans" and no "resourceSpans""#,
        ),
        (
            r#"{"resourceSpans":null,"resourceLogs":[ {}]}"#,
            r#"it has "resourceLogs" and no "resourceSpans""#,
        ),
    ] {
        let expected = format!("the body is not a batch: {problem}");
        assert_eq!(
            malformed(body.as_bytes(), OtlpEncoding::Json),
            expected,
            "{body}"
        );
    }
}

/// Decodes a request with one span, and these fields beside it at each level.
fn with_fields(request: &str, resource: &str, scope: &str) -> Decoded<Span> {
    let span = writer::request(&request_of_one())["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .to_string();
    let body = format!(
        r#"{{"resourceSpans":[{{}},{{"scopeSpans":[{{"spans":{span}{scope}}}]{resource}}}]{request}}}"#
    );
    decode_traces(body.as_bytes(), OtlpEncoding::Json).unwrap()
}

fn request_of_one() -> ExportTraceServiceRequest {
    request(vec![span()])
}

#[test]
fn fields_that_may_have_events_are_reported_beside_events_that_are_stored() {
    for name in [
        "resource_spans",
        "resourceLogs",
        "resource_metrics",
        "scopeSpans",
        "scope_spans",
        "scopeLogs",
        "instrumentationLibrarySpans",
        "instrumentation_library_logs",
        "Spans",
        "logRecords",
        "log_records",
        "metrics",
        "batches",
    ] {
        for value in ["[{}]", "[ 1 ]", "[\n[]]"] {
            let field = format!(r#","{name}":{value}"#);
            let field = &*field;
            for ([request, resource, scope], within, array) in [
                ([field, "", ""], "", "resourceSpans"),
                (["", field, ""], "/resourceSpans/1", "scopeSpans"),
                (["", "", field], "/resourceSpans/1/scopeSpans/0", "spans"),
            ] {
                if name == array {
                    continue;
                }
                let decoded = with_fields(request, resource, scope);
                assert_eq!((decoded.events.len(), decoded.report.rejected), (1, 0));
                let warning = decoded.report.misnamed.clone().unwrap();
                assert_eq!(warning.pointer, format!("{within}/{name}"));
                assert!(warning.reason.contains(array), "{}", warning.reason);
                let said = response(&decoded.report, Signal::Traces, OtlpEncoding::Json);
                let said = String::from_utf8(said).unwrap();
                let whole = r#"{"partialSuccess":{"errorMessage":""#;
                assert!(said.starts_with(whole) && said.ends_with(r#","rejectedSpans":"0"}}"#));
                assert!(said.contains(name), "{said}");
            }
        }
    }
    let group = r#"{"resourceSpans":[{"odd":1},"#;
    let body = writer::request(&request_of_one()).to_string();
    let body = body.replacen(r#"{"resourceSpans":["#, group, 1);
    let decoded = decode_traces(body.as_bytes(), OtlpEncoding::Json).unwrap();
    assert_eq!(
        decoded.report.misnamed.unwrap().pointer,
        "/resourceSpans/0/odd"
    );
}

#[test]
fn unknown_fields_without_events_are_ignored_beside_the_array() {
    for field in [
        r#","resource_spans":[]"#,
        r#","resourceLogs":null"#,
        r#","batches":{}"#,
        r#","logs":"[1]""#,
        r#","entities":[{}]"#,
        r#","spansDropped":[1]"#,
        r#","schemaUrl":[1]"#,
    ] {
        for decoded in [
            with_fields(field, "", ""),
            with_fields("", field, ""),
            with_fields("", "", field),
        ] {
            assert_eq!(decoded.report.misnamed, None, "{field}");
            assert_eq!(decoded.events.len(), 1, "{field}");
        }
    }
}

#[test]
fn schemas_and_attributes_of_scopes_are_kept() {
    let mut group = resource_spans(texts(&[("service.name", "shop")]), vec![]);
    group.schema_url = "https://opentelemetry.io/schemas/1.38.0".to_owned();
    group.resource.as_mut().unwrap().dropped_attributes_count = 1;
    let mut scope = scope_spans("http", vec![span()]);
    scope.schema_url = "https://opentelemetry.io/schemas/1.39.0".to_owned();
    let named = scope.scope.as_mut().unwrap();
    (named.attributes, named.dropped_attributes_count) = (texts(&[("team", "cart")]), 2);
    group.scope_spans = vec![scope];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![group],
    };
    for decoded in [
        read_protobuf(&request),
        read_json(&writer::request(&request)),
    ] {
        let kept = one(decoded).event;
        let shared = kept.resource_scope.as_deref().unwrap();
        let scope = shared.scope.as_ref().unwrap();
        assert_eq!(
            shared.resource_schema_url.as_deref().unwrap(),
            request.resource_spans[0].schema_url
        );
        assert!(
            shared
                .scope_schema_url
                .as_deref()
                .unwrap()
                .ends_with("1.39.0")
        );
        assert_eq!(
            (shared.resource_dropped_attributes, scope.dropped_attributes),
            (1, 2)
        );
        assert_eq!(scope.attributes["team"], "cart");
        let stored: Vec<Span> = codec::round_trip(&[&kept]);
        assert_eq!(stored, [kept]);
    }
}

#[test]
fn a_large_resource_with_thousands_of_scopes_is_refused() {
    let attributes: Vec<_> = (0..4)
        .map(|n| pair(&format!("{n}"), text(&"x".repeat(16_000))))
        .collect();
    let scopes = |count| (0..count).map(|_| scope_spans("", vec![span()])).collect();
    let body = |count| {
        let resource_spans = vec![resource_spans(attributes.clone(), scopes(count))];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    };
    assert!(decode_traces(&body(128), OtlpEncoding::Protobuf).is_ok());
    assert_eq!(too_much(&body(3_000)), EnvelopeError::TooLarge);
    let short = (0..128).map(|n| pair(&format!("{n}"), wrapped(Any::BoolValue(true))));
    let resource_spans = vec![resource_spans(short.collect(), scopes(10_000))];
    let many_short = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    assert_eq!(too_much(&many_short), EnvelopeError::TooLarge);
}

#[test]
fn the_events_of_a_group_share_its_resource_and_scope() {
    let resource = texts(&[("service.name", "shop")]);
    let groups = vec![
        scope_spans("http", vec![span(); 2]),
        scope_spans("db", vec![span()]),
    ];
    let resource_spans = vec![resource_spans(resource, groups)];
    let events = read_protobuf(&ExportTraceServiceRequest { resource_spans }).events;
    let resource_scopes: Vec<_> = events
        .iter()
        .map(|e| e.event.resource_scope.clone().unwrap())
        .collect();
    assert!(Arc::ptr_eq(&resource_scopes[0], &resource_scopes[1]));
    assert_eq!(events[2].event.service(), Some("shop"));
    let names: Vec<_> = resource_scopes
        .iter()
        .map(|o| o.scope.as_ref().unwrap().name.as_str())
        .collect();
    assert_eq!(names, ["http", "http", "db"]);
    let spans: Vec<_> = events.iter().map(|indexed| &indexed.event).collect();
    let stored: Vec<Span> = codec::round_trip(&spans);
    assert!(stored.iter().eq(spans));
}

#[test]
fn a_large_resource_is_cut_but_keeps_its_service_and_all_short_attributes() {
    let read = |resource: Vec<KeyValue>| {
        let resource_spans = vec![resource_spans(
            resource,
            vec![scope_spans("", vec![span()])],
        )];
        one(read_protobuf(&ExportTraceServiceRequest { resource_spans })).event
    };
    let numbered = |count: usize, length: usize| {
        let attributes =
            (0..count).map(move |n| pair(&format!("process.{n}"), text(&"x".repeat(length))));
        attributes
            .chain([pair("service.name", text("shop"))])
            .collect::<Vec<_>>()
    };
    let whole = read(numbered(101, 100));
    assert_eq!(whole.resource_scope.as_ref().unwrap().resource.len(), 102);
    assert!(!whole.is_cut());
    for (count, length, kept) in [(200, 1_000, 201), (20_000, 3, 1_000)] {
        let cut = read(numbered(count, length));
        assert!(cut.is_cut(), "its events are counted");
        assert_eq!(cut.service(), Some("shop"));
        let resource = &cut.resource_scope.as_ref().unwrap().resource;
        assert!(resource.len() >= kept, "{}", resource.len());
        let json = serde_json::to_string(resource).unwrap();
        assert!((20_000..70_000).contains(&json.len()), "{}", json.len());
    }
}
