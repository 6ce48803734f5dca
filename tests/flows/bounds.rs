//! Bounds that are literals in the API description must equal the constants in the code.

use serde_json::{Value, json};
use shared::identity::api_key::MAX_OVERLAP;
use shared::identity::application::{MAX_NAME_CHARS, MAX_RETENTION_DAYS, MAX_SHARDS};
use shared::telemetry::decode::{MAX_AGE, MAX_AHEAD, MAX_ID_BYTES};

use crate::openapi::document;

#[test]
fn described_bounds_are_the_constants_of_the_code() {
    let schemas = &document()["components"]["schemas"];
    let bounds: [(&str, Value); 8] = [
        (
            "/TraceEvent/properties/traceId/maxLength",
            json!(MAX_ID_BYTES),
        ),
        (
            "/TraceEvent/properties/spanId/maxLength",
            json!(MAX_ID_BYTES),
        ),
        (
            "/TraceEvent/properties/parentSpanId/maxLength",
            json!(MAX_ID_BYTES),
        ),
        (
            "/LogEvent/properties/traceId/maxLength",
            json!(MAX_ID_BYTES),
        ),
        ("/RetentionDays/maximum", json!(MAX_RETENTION_DAYS)),
        (
            "/Application/properties/retentionDays/maximum",
            json!(MAX_RETENTION_DAYS),
        ),
        ("/Shards/maximum", json!(MAX_SHARDS)),
        (
            "/Rotation/properties/overlapSeconds/maximum",
            json!(MAX_OVERLAP.as_secs()),
        ),
    ];
    for (pointer, bound) in bounds {
        assert_eq!(schemas.pointer(pointer), Some(&bound), "{pointer}");
    }
    // The first and the last character are not white space.
    let inner = format!("{{0,{}}}", MAX_NAME_CHARS - 2);
    let pattern = schemas["Name"]["pattern"].as_str().unwrap();
    assert!(pattern.contains(&inner), "{pattern}");
}

#[test]
fn the_described_time_window_is_that_of_the_code() {
    let document = document();
    let description = &document["components"]["schemas"]["TraceEvent"]["description"];
    let days = MAX_AGE.as_secs() / 86_400;
    let minutes = MAX_AHEAD.as_secs() / 60;
    let window =
        format!("within the last {days} days and start at most {minutes} minutes in the future");
    let description = description.as_str().unwrap();
    assert!(description.contains(&window), "{description}");
}
