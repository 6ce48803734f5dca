//! Any input is either decoded or refused, without a panic.

use super::*;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        // serde_json reads other fractions only up to the last bit.
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
    fn almost_valid_json_is_read_or_refused(text in r#"[\[\]{}:, "\\0-9eE.+u-]{0,60}|\{"(traces|logs)":\[.{0,60}\]\}"#) {
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
        let spans = traces(&events);
        let records = logs(&events);
        prop_assert_eq!(spans.events.len() + spans.report.rejected, events.len());
        prop_assert_eq!(records.events.len() + records.report.rejected, events.len());
        let spans = spans.within_window(received());
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
