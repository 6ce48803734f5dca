use serde_json::{Map, Value, json};

use super::*;
use crate::event::{Span, SpanEvent};

const KIB: usize = 1024;

fn span(attributes: &Value) -> Span {
    Span {
        attributes: attributes.as_object().unwrap().clone(),
        ..Span::default()
    }
}

fn size(span: &Span) -> usize {
    serde_json::to_vec(span).unwrap().len()
}

/// Cuts a span. Returns it, and what was cut.
fn cut(mut span: Span) -> (Span, Vec<(String, u64)>) {
    let (truncations, notes) = Bounds::default().fit(&mut span, MAX_EVENT_BYTES);
    assert_eq!(notes, []);
    let truncations = truncations.into_iter().map(|cut| (cut.field, cut.bytes));
    (span, truncations.collect())
}

#[test]
fn values_up_to_64_kib_are_kept() {
    let attributes = json!({
        "prompt": "x".repeat(64 * KIB), "list": vec!["y".repeat(60 * KIB)], "n": vec![0.5; 1_000],
    });
    let whole = span(&attributes);
    assert_eq!(cut(whole.clone()), (whole, vec![]));
    let (shorter, cuts) = cut(span(&json!({ "prompt": "é".repeat(40 * KIB) })));
    assert_eq!(
        shorter.attributes["prompt"].as_str().unwrap().len(),
        64 * KIB
    );
    assert_eq!(cuts, [("attributes/prompt".to_owned(), 80 * KIB as u64)]);
}

#[test]
fn a_large_event_is_cut_at_its_largest_values() {
    let turns: Vec<Value> = (0..50)
        .map(|turn| json!({ "role": "user", "content": format!("{turn}").repeat(4_000) }))
        .collect();
    let mut large = span(&json!({ "gen_ai.prompt": turns, "small": "s".repeat(900) }));
    large.name = Some("chat".to_owned());
    large.events = vec![SpanEvent {
        name: "exception".to_owned(),
        time_ns: 0,
        attributes: Map::from_iter([("stack".to_owned(), "t".repeat(3_000).into())]),
        dropped_attributes: 0,
    }];
    let before = serde_json::to_string(&large.attributes["gen_ai.prompt"]).unwrap();
    let (kept, cuts) = cut(large.clone());
    assert_eq!(
        cuts,
        [("attributes/gen_ai.prompt".to_owned(), before.len() as u64)]
    );
    let list = kept.attributes["gen_ai.prompt"].as_array().unwrap();
    assert_eq!(list.len(), 50);
    assert!(list.iter().all(|turn| turn["role"] == "user"));
    assert_eq!(
        list[3], large.attributes["gen_ai.prompt"][3],
        "a short one is kept"
    );
    assert_eq!((&kept.events, &kept.name), (&large.events, &large.name));
    assert_eq!(kept.attributes["small"], large.attributes["small"]);
    assert!(
        (250 * KIB..264 * KIB).contains(&size(&kept)),
        "{}",
        size(&kept)
    );
}

#[test]
fn long_lists_keep_their_first_elements_and_leave_room_for_texts() {
    let numbers: Vec<f64> = (0..200_000).map(|n| f64::from(n) + 0.123_456_789).collect();
    let (kept, cuts) = cut(span(&json!({
        "embedding": numbers, "few": [1, 2, 3], "text": "x".repeat(60 * KIB),
    })));
    assert_eq!(cuts[0].0, "attributes/embedding");
    let list = kept.attributes["embedding"].as_array().unwrap();
    assert_eq!(
        (&list[0], list.len() > 2_000),
        (&json!(0.123_456_789), true)
    );
    assert_eq!(kept.attributes["few"], json!([1, 2, 3]));
    assert_eq!(kept.attributes["text"].as_str().unwrap().len(), 60 * KIB);
    let event = SpanEvent {
        name: "e".repeat(100),
        time_ns: 0,
        attributes: Map::new(),
        dropped_attributes: 0,
    };
    let many = Span {
        events: vec![event; 10_000],
        ..Span::default()
    };
    let (kept, cuts) = cut(many);
    assert_eq!(cuts[0].0, "events");
    assert!(
        (1_000..5_000).contains(&kept.events.len()),
        "{}",
        kept.events.len()
    );
    assert!(size(&kept) < 350 * KIB);
}

#[test]
fn many_attributes_and_long_names_are_kept_within_the_size() {
    let attributes: Map<String, Value> =
        (0..1_000).map(|n| (format!("{n:04}"), n.into())).collect();
    let whole = span(&attributes.into());
    assert_eq!(cut(whole.clone()), (whole, vec![]));
    let long = "n".repeat(10_000);
    let (kept, cuts) = cut(span(&json!({ "a": 1, long: 2 })));
    let names: Vec<usize> = kept.attributes.keys().map(String::len).collect();
    assert_eq!((names, cuts.len()), (vec![1, MAX_NAME_BYTES], 1));
}

#[test]
fn no_event_exceeds_its_size_however_it_is_built() {
    let nested = (0..100).fold(json!("x".repeat(1_000)), |value, _| json!({ "k": [value] }));
    let wide: Vec<Value> = (0..3_000).map(|n| json!([n, "a", { "b": null }])).collect();
    let many: Map<String, Value> = (0..30_000)
        .map(|n| (format!("{n:09}"), "v".repeat(30).into()))
        .collect();
    for attributes in [
        json!({ "nested": vec![nested; 400] }),
        json!({ "wide": vec![Value::from(wide); 40] }),
        many.into(),
        json!({ "texts": vec!["t".repeat(70 * KIB); 100] }),
    ] {
        let (kept, cuts) = cut(span(&attributes));
        assert!(!cuts.is_empty() && cuts.len() <= MAX_TRUNCATIONS);
        assert!(
            (20 * KIB..330 * KIB).contains(&size(&kept)),
            "{}",
            size(&kept)
        );
        assert!(!kept.attributes.is_empty());
    }
}

#[test]
fn a_value_as_text_stays_json_when_it_is_cut() {
    let mut bounds = Bounds::default();
    for (value, text) in [
        (json!(null), ""),
        (json!("a"), "a"),
        (json!(7), "7"),
        (json!({ "a": [1] }), r#"{"a":[1]}"#),
    ] {
        assert_eq!(bounds.json_text("message", value), text);
    }
    assert!(bounds.truncations.is_empty());
    let large = json!({ "stack": "\"\n".repeat(60_000), "code": 7, "list": vec![1; 100] });
    let text = bounds.json_text("message", large.clone());
    let read: Value = serde_json::from_str(&text).unwrap();
    assert!(text.len() <= MAX_VALUE_BYTES && text.len() > MAX_VALUE_BYTES / 4);
    assert_eq!(
        (&read["code"], &read["list"]),
        (&large["code"], &large["list"])
    );
    let bytes = large.to_string().len() as u64;
    assert_eq!(
        (&*bounds.truncations[0].field, bounds.truncations[0].bytes),
        ("message", bytes)
    );
}
