//! Texts, ids and attributes, and their limits.

use super::*;

#[test]
fn invalid_utf8_replaces_only_the_characters_it_affects() {
    let mut bytes = body(&span(&json!({ "requestURL": "/caX" })).to_string());
    let place = bytes.iter().position(|byte| *byte == b'X').unwrap();
    bytes[place] = 0xff;
    let read = one(decode_traces(&bytes).unwrap()).event;
    assert_eq!(read.url.as_deref(), Some("/ca\u{fffd}"));
}

#[test]
fn a_lone_surrogate_is_replaced_alone() {
    let replaced = one(raw("requestURL", r#""/a\ud83d/b""#)).event;
    assert_eq!(replaced.url.as_deref(), Some("/a\u{fffd}/b"));
    let paired = one(raw("requestURL", r#""\ud83d\uded2""#)).event;
    assert_eq!(paired.url.as_deref(), Some("🛒"));
}

#[test]
fn control_characters_are_kept_if_escaped_and_refused_otherwise() {
    let odd = "a\0b\r\nc\u{1b}[31m\u{202e}";
    assert_eq!(
        accepted(span(&json!({ "requestURL": odd }))).url.as_deref(),
        Some(odd)
    );
    for byte in ["\0", "\n", "\u{1b}"] {
        let event = span(&json!({})).to_string().replace("/cart", byte);
        let outcome = decode_traces(&body(&event));
        let refused = outcome.is_err() || outcome.is_ok_and(|decoded| decoded.events.is_empty());
        assert!(refused, "{byte:?}");
    }
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let plain = body(&span(&json!({})).to_string());
    one(decode_traces(&[b"\xef\xbb\xbf", &plain[..]].concat()).unwrap());
    malformed(&[b"\xff\xfe", &plain[..]].concat());
}

#[test]
fn ids_are_opaque_bounded_and_never_cut() {
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
    let outcome = refused(logs(&[log(&json!({ "traceId": format!("{long}x") }))]));
    assert_eq!(outcome.0, "/logs/0/traceId");
}

#[test]
fn any_parent_id_is_kept_and_none_means_root() {
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
fn long_texts_are_cut_at_a_character_and_counted() {
    let long = "é".repeat(40 * 1024);
    let decoded = traces(&[span(&json!({})), span(&json!({ "requestURL": long }))]);
    assert_eq!(
        decoded
            .events
            .iter()
            .map(|indexed| indexed.event.is_cut())
            .collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(
        decoded.events[1].event.url.as_ref().unwrap().len(),
        64 * 1024
    );
    let odd = accepted(span(&json!({ "requestURL": format!("x{long}") })));
    assert_eq!(odd.url.unwrap().len(), 64 * 1024 - 1);
    let words = one(logs(&[log(
        &json!({ "level": "X".repeat(200), "type": "y".repeat(129) }),
    )]));
    assert!(words.event.is_cut());
    assert_eq!(
        (words.event.level, words.event.kind),
        ("x".repeat(128), Some("y".repeat(128)))
    );
    let cuts: Vec<_> = words
        .event
        .truncations
        .iter()
        .map(|cut| (&*cut.field, cut.bytes))
        .collect();
    assert_eq!(cuts, [("type", 129), ("level", 200)]);
    let huge = one(logs(&[log(&json!({ "message": "m".repeat(10_000_000) }))]));
    assert_eq!(huge.event.message.len(), 64 * 1024);
    assert_eq!(huge.event.truncations[0].bytes, 10_000_000);
}

#[test]
fn unknown_fields_become_attributes() {
    let more = json!({
        "userId": 7, "big": 18_446_744_073_709_551_615_u64, "ok": true,
        "tags": ["a", { "b": 1 }], "statusText": "fine", "TraceId": "another case",
    });
    assert_eq!(Value::from(accepted(span(&more)).attributes), more);
    let nothing = accepted(span(&json!({ "nothing": null }))).attributes;
    assert!(nothing.is_empty(), "null and absent are the same");
}

#[test]
fn the_last_of_duplicate_names_wins() {
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
fn attributes_are_limited_by_their_size_alone() {
    let many: Map<_, _> = (0..500).map(|n| (n.to_string(), n.into())).collect();
    let whole = json!({ "text": "x".repeat(60_000), "list": vec![0; 10_000], "many": many });
    let kept = accepted(span(&whole));
    assert_eq!(
        (Value::from(kept.attributes), kept.truncations),
        (whole, vec![])
    );
    let large = json!({ "chat": vec!["y".repeat(30_000); 10] });
    let kept = accepted(span(&large));
    let turns = kept.attributes["chat"].as_array().unwrap();
    assert_eq!(
        (turns.len(), &*kept.truncations[0].field),
        (10, "attributes/chat")
    );
    assert_eq!(
        kept.truncations[0].bytes,
        large["chat"].to_string().len() as u64
    );
}

#[test]
fn a_message_of_any_type_is_kept_as_json() {
    for (message, text) in [
        (json!("hello"), "hello"),
        (json!(""), ""),
        (
            json!({ "name": "Error", "code": 7 }),
            r#"{"code":7,"name":"Error"}"#,
        ),
        (json!(["a", 1, null]), r#"["a",1,null]"#),
        (json!(1.5), "1.5"),
        (json!(false), "false"),
    ] {
        let record = one(logs(&[log(&json!({ "message": message }))])).event;
        assert_eq!((&*record.message, record.is_cut()), (text, false));
    }
}

#[test]
fn no_event_is_larger_than_an_item() {
    let worst = "\u{1}".repeat(4000);
    let many: Map<_, _> = (0..128)
        .map(|n| (format!("{n}{worst}"), worst.clone().into()))
        .collect();
    let mut event = span(&many.into());
    merge(
        &mut event,
        &json!({ "requestURL": "\u{1}".repeat(64 * 1024) }),
    );
    let event = one(traces(&[event])).event;
    assert!(event.is_cut());
    let bytes: usize = event
        .attributes
        .iter()
        .map(|(name, value)| name.len() + value.as_str().unwrap().len())
        .sum();
    assert!((200 * 1024..256 * 1024).contains(&(bytes + event.url.unwrap().len())));
}
