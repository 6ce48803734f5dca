//! Breaks the invariants of telemetry that `upblit admin check` verifies.

use shared::store::Table;

use super::Edit::{Copy, Damage, Delete, Move, Number, Remove};
use super::{Case, case, each_is_found};
use crate::admin::{Busy, Item, findings};
use crate::support::stored::text;

fn chunk(item: &Item) -> bool {
    item.contains_key("events")
}

fn summary(item: &Item) -> bool {
    item.contains_key("summary")
}

fn rollup(item: &Item) -> bool {
    item.contains_key("rollup")
}

fn late(item: &Item) -> bool {
    item.contains_key("late")
}

/// Cases about what ingest and queries store.
const OF_TELEMETRY: &[Case] = &[
    case(Table::Telemetry, chunk, Delete, "its chunk is missing"),
    case(
        Table::Telemetry,
        chunk,
        Damage("events"),
        "its chunk cannot be read",
    ),
    case(
        Table::Telemetry,
        chunk,
        Number("format", 9),
        "its chunk cannot be read",
    ),
    case(
        Table::Telemetry,
        chunk,
        Remove("expires_at"),
        "does not expire",
    ),
    case(
        Table::Telemetry,
        summary,
        Delete,
        "a chunk without a summary",
    ),
    case(
        Table::Telemetry,
        summary,
        Damage("summary"),
        "broken Telemetry L",
    ),
    case(Table::Telemetry, summary, Number("format", 9), "form 9"),
    case(
        Table::Telemetry,
        summary,
        Remove("expires_at"),
        "does not expire",
    ),
    case(
        Table::Telemetry,
        summary,
        Number("expires_at", i64::MAX),
        "later than the longest retention",
    ),
    case(
        Table::Telemetry,
        summary,
        Copy("pk", "#0", "#5"),
        "in shards up to 5, which are not read",
    ),
    case(
        Table::Telemetry,
        summary,
        Move("pk", "2026-01-31", "2026-01-29"),
        "its key is not that",
    ),
    case(
        Table::Telemetry,
        summary,
        Move("pk", "#traces#", "#spans#"),
        "its key is not that",
    ),
    case(
        Table::Telemetry,
        rollup,
        Damage("rollup"),
        "broken Telemetry rollup#",
    ),
    case(
        Table::Telemetry,
        rollup,
        Move("sk", "#day", "#x"),
        "its key is not that",
    ),
    case(
        Table::Telemetry,
        late,
        Damage("late"),
        "broken Telemetry rollup#",
    ),
    case(
        Table::Telemetry,
        late,
        Delete,
        "counts 1 chunks and 3 events of the hour",
    ),
    case(
        Table::Telemetry,
        summary,
        Delete,
        "counts a chunk that is not listed",
    ),
];

#[tokio::test]
async fn broken_telemetry_is_found() {
    each_is_found(OF_TELEMETRY).await;
}

/// A chunk with the events of another batch is intact, but not what its summary says.
#[tokio::test]
async fn a_summary_that_counts_other_events_than_its_chunk_has_is_found() {
    let busy = Busy::start().await;
    let logs = |item: &Item| text(item, "pk").contains("#logs#");
    let early = |item: &Item| chunk(item) && !logs(item);
    let chunks = busy.items(Table::Telemetry, early).await;
    let sorted = |hour: &str| {
        let of_hour = chunks.iter().filter(|item| text(item, "pk").contains(hour));
        of_hour.cloned().collect::<Vec<_>>()
    };
    let both = sorted("T12");
    let [first, second] = both.as_slice() else {
        panic!("{both:?}");
    };
    let mut exchanged = first.clone();
    exchanged.insert("events".to_owned(), second["events"].clone());
    busy.put(Table::Telemetry, exchanged).await;
    let found = findings(&busy.backend).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].ends_with("its statistics are not those of its chunk"),
        "{found:?}"
    );
    let mut exchanged = first.clone();
    exchanged.insert("events".to_owned(), sorted("T10")[0]["events"].clone());
    busy.put(Table::Telemetry, exchanged).await;
    let found = findings(&busy.backend).await;
    assert!(
        found[0].ends_with("its chunk has events of another hour"),
        "{found:?}"
    );
}

/// A rollup that counts a summary which no longer exists, as after a restore of some items.
#[tokio::test]
async fn a_rollup_that_counts_more_than_its_summaries_is_found() {
    let busy = Busy::start().await;
    let of_ten = |item: &Item| text(item, "pk").contains("2026-01-31T10") && chunk(item);
    let chunk = busy.items(Table::Telemetry, of_ten).await.remove(0);
    let sk = text(&chunk, "sk").to_owned();
    for item in busy
        .items(Table::Telemetry, |item| text(item, "sk") == sk)
        .await
    {
        busy.delete(Table::Telemetry, &item).await;
    }
    let found = findings(&busy.backend).await;
    let expected =
        "2 chunks and 6 events of the hour 2026-01-31T10:00:00Z, whose summaries have 1 and 3";
    assert!(
        found.iter().any(|line| line.contains(expected)),
        "{found:?}"
    );
}

/// After a change of the number of shards, a batch that is sent again can be stored in two shards.
#[tokio::test]
async fn a_batch_in_two_shards_counts_once_and_its_copies_must_agree() {
    let busy = Busy::start().await;
    let sent_at = busy.backend.clock.now();
    // Several batches, because some keep their shard by chance.
    let names = (0..8).map(|number| format!("early-{number}"));
    let names: Vec<_> = names.chain(["early".to_owned()]).collect();
    for name in &names {
        busy.spans(0, name).await;
    }
    let path = format!("/applications/{}", busy.sdk.application_id);
    let shards = serde_json::json!({ "shards": 16 });
    assert_eq!(busy.ada.patch(&path, shards).await.status, 200);
    busy.backend.clock.set(sent_at);
    let again = Busy {
        sdk: crate::support::Sdk {
            backend: busy.backend.another_instance(),
            ..busy.sdk.clone()
        },
        ..busy
    };
    for name in &names {
        again.spans(0, name).await;
    }
    for hours_ago in [2, 3, 20] {
        again.spans(hours_ago, "early").await;
    }
    let found = findings(&again.backend).await;
    assert!(
        found.iter().all(|line| line.starts_with("leftover")),
        "{found:?}"
    );
    let copies: Vec<_> = found
        .iter()
        .filter(|line| line.ends_with("it counts once"))
        .collect();
    assert!(!copies.is_empty(), "{found:?}");
    let (_, sk) = copies[0].split_once(' ').unwrap();
    let sk = sk.split([' ', ':']).nth(2).unwrap().to_owned();
    let mut copy = again
        .items(Table::Telemetry, |item| {
            summary(item) && text(item, "sk") == sk
        })
        .await
        .remove(0);
    let other = again.items(Table::Telemetry, |item| {
        summary(item) && text(item, "pk").contains("#logs#")
    });
    let of_one_event = other.await[0]["summary"].clone();
    copy.insert("summary".to_owned(), of_one_event);
    again.put(Table::Telemetry, copy).await;
    let found = findings(&again.backend).await;
    let disagrees = |line: &String| line.contains(" events, but ") && line.contains(" in shard ");
    assert!(found.iter().any(disagrees), "{found:?}");
}
