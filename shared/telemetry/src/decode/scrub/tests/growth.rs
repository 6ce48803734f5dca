//! How much longer scrubbing makes events.

use serde_json::json;

use super::super::allowance::{Allowance, MAX_BATCH_BYTES, MAX_EVENT_BYTES};
use super::super::*;
use crate::event::LogRecord;

/// Texts of which everything is a secret, shorter than what replaces it.
const HOSTILE: [&str; 5] = [
    "://:@ ",
    "\"jwt\":1,",
    "pwd=a ",
    "{\\\"jwt\\\":1}",
    "'jwt':'a'",
];

fn of_text(text: String) -> LogRecord {
    LogRecord {
        message: text,
        ..LogRecord::default()
    }
}

#[test]
fn a_text_grows_by_no_more_than_the_allowance_of_an_event() {
    for unit in HOSTILE {
        let text = unit.repeat(200 * 1024 / unit.len());
        let mut record = of_text(text.clone());
        assert!(scrub(&mut record, &mut Allowance::of_batch()), "{unit}");
        let growth = record.message.len().saturating_sub(text.len());
        assert!(growth <= MAX_EVENT_BYTES, "{unit}: {growth}");
        assert_eq!(record.message.capacity(), record.message.len(), "{unit}");
        for secret in [":@", ":1", "=a", ":'a'"] {
            let found = record.message.contains(&format!("{secret} "));
            assert!(!found, "{unit}: {secret}");
        }
    }
}

#[test]
fn a_batch_grows_by_no_more_than_its_allowance() {
    // The second one takes what is too little for the first one.
    let texts = [HOSTILE[0], HOSTILE[2]].map(|unit| unit.repeat(2 * 1024));
    let mut allowance = Allowance::of_batch();
    let mut growth = 0;
    for index in 0..MAX_BATCH_BYTES / MAX_EVENT_BYTES + 10 {
        let text = &texts[index / (MAX_BATCH_BYTES / MAX_EVENT_BYTES + 5)];
        let mut record = of_text(text.clone());
        assert!(scrub(&mut record, &mut allowance));
        growth += record.message.len().saturating_sub(text.len());
        assert!(!record.message.contains(":@"));
    }
    assert!(growth <= MAX_BATCH_BYTES, "{growth}");
    // The next ones lose their secrets without a mark.
    let mut record = of_text("password=hunter2 x".to_owned());
    record.attributes = json!({ "token": 1, "card": 4_242_424_242_424_242_u64 })
        .as_object()
        .unwrap()
        .clone();
    assert!(scrub(&mut record, &mut allowance));
    assert_eq!(record.message, "password= x");
    assert_eq!(json!(record.attributes), json!({ "token": "", "card": "" }));
}
