//! Ingest of a release with stored form 2 beside a telemetry function that rolls up hours in
//! form 3: during an upgrade, and after ingest was rolled back.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use shared::identity::application::Shards;
use shared::store::keys;
use shared::store::telemetry::RollupsOf;
use shared::telemetry::batch::Signal;

use super::{ask, send, span, start};
use crate::support::{Backend, Sdk, backend};

const HOUR: i64 = 60 * 60 * 1000;

/// Six sealed hours, and the time after them until the start of the test (12:30).
const LONG: &str = "&from=2026-01-31T06:00:00Z";

/// The sealed hours alone.
const SEALED: &str = "&from=2026-01-31T06:00:00Z&to=2026-01-31T12:00:00Z";

const DAY: &str = "2026-01-31T00:00:00Z";

/// Stores three spans in form 2, in the hour that begins this many hours before 12:00. The hash in the
/// key repeats this digit. There is no chunk, because no reader here opens it.
async fn send_in_form_2(sdk: &Sdk, hours_ago: i64, digit: char) {
    let noon = backend::start() - SignedDuration::from_mins(30);
    let hour = noon - SignedDuration::from_hours(hours_ago);
    let at = hour + SignedDuration::from_mins(5);
    let summary = json!({ "minutes": { "5": { "all": { "count": 3 } } }, "traces": {} });
    let summary = zstd::encode_all(summary.to_string().as_bytes(), 9).unwrap();
    let number = |n: i64| AttributeValue::N(n.to_string());
    put(
        &sdk.backend,
        format!("{}#traces#2026-01-31#0", sdk.application_id),
        format!(
            "{:013}#{}",
            at.as_millisecond(),
            digit.to_string().repeat(32)
        ),
        [
            ("from_ms", number(at.as_millisecond())),
            ("count", number(3)),
            ("bytes", number(100)),
            ("summary", AttributeValue::B(Blob::new(summary))),
        ],
    )
    .await;
    let is_late = hours_ago > 0;
    if is_late {
        let application_id = sdk.application_id.parse().unwrap();
        let day: Timestamp = DAY.parse().unwrap();
        put(
            &sdk.backend,
            keys::form_2_marks(application_id, Signal::Traces, day),
            format!("{:013}", hour.as_millisecond()),
            [("mark", AttributeValue::S("random".to_owned()))],
        )
        .await;
    }
}

async fn put<const N: usize>(
    backend: &Backend,
    pk: String,
    sk: String,
    attributes: [(&str, AttributeValue); N],
) {
    let expires_at = backend::start() + SignedDuration::from_hours(24 * 30);
    let mut item = HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk)),
        ("sk".to_owned(), AttributeValue::S(sk)),
        ("format".to_owned(), AttributeValue::N("2".to_owned())),
        (
            "expires_at".to_owned(),
            AttributeValue::N(expires_at.as_second().to_string()),
        ),
    ]);
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    let put = backend.database.client.put_item();
    let put = put.table_name(&backend.database.tables.telemetry);
    put.set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn late_data_in_form_2_is_counted_although_its_hour_is_rolled_up() {
    let (_, ada, sdk) = start().await;
    let total = async |window| ask(&ada, &sdk, "metrics", window).await["total"]["count"].clone();
    send(&sdk, vec![span("t", "a", None, -4 * HOUR)]).await;
    assert_eq!(total(SEALED).await, 1);
    // The old release stores data of the present hour, and late data of hours with and without
    // other data.
    for (digit, hours_ago) in [('a', 0), ('b', 4), ('c', 2)] {
        send_in_form_2(&sdk, hours_ago, digit).await;
    }
    // The reader sees form 2 in the present hour, so it looks for marks of late data.
    assert_eq!(total(LONG).await, 1 + 9);
    assert_eq!(total(LONG).await, 1 + 9);
    // From then on, those hours have no rollup, and any window counts them.
    assert_eq!(total(SEALED).await, 1 + 6);
    // The new release is back.
    send(&sdk, vec![span("u", "a", None, -4 * HOUR)]).await;
    assert_eq!(total(LONG).await, 2 + 9);
}

/// If all that the old release stores is late, no reader looks for it. A check finds it.
#[tokio::test]
async fn late_data_in_form_2_alone_is_found_by_a_check() {
    let (backend, ada, sdk) = start().await;
    let total = async || ask(&ada, &sdk, "metrics", SEALED).await["total"]["count"].clone();
    send(&sdk, vec![span("t", "a", None, -4 * HOUR)]).await;
    assert_eq!(total().await, 1);
    send_in_form_2(&sdk, 4, 'b').await;
    let of = RollupsOf {
        application_id: sdk.application_id.parse().unwrap(),
        signal: Signal::Traces,
    };
    let (day, now) = (DAY.parse().unwrap(), backend::start());
    let repair = async || {
        let database = &backend.database;
        let repair = database.repair_rollup(of, Shards::default(), day, now);
        repair.await.unwrap()
    };
    let hour: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap();
    assert_eq!(repair().await.disagreeing, [hour]);
    assert!(repair().await.agrees());
    assert_eq!(total().await, 1 + 3);
}
