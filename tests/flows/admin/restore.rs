//! `upblit admin restore`: an exercise of a restore, on a second engine.

use std::collections::BTreeSet;

use local::admin::{Command, run};
use serde_json::json;
use shared::base::clock::{Clock, rfc3339};
use shared::store::Table;

use super::{Busy, Item, findings};
use crate::support::{Backend, Sdk};

/// Spans that a product in use has before the number of shards is raised: seven batches of three.
const EARLY: usize = 21;

/// Spans that it has afterwards: more batches of three, spread over the shards, half of them late.
const ALL: usize = EARLY + 3 * 2 * BATCHES;

/// Batches sent to each of two hours: more than are left as late arrivals, so that an earlier rollup
/// lacks some.
const BATCHES: usize = 40;

/// The items that are copied.
struct Copied {
    applications: Vec<Item>,
    keys: Vec<Item>,
    rollups: Vec<Item>,
    telemetry: Vec<Item>,
}

/// Returns applications, keys and rollups from an earlier time than the chunks and summaries, as if only
/// they had been restored to it.
async fn restored_in_part() -> (Busy, Copied) {
    let busy = Busy::start().await;
    let applications = busy.items(Table::Applications, |_| true).await;
    let keys = busy.items(Table::ApiKeys, |_| true).await;
    let rollup = |item: &Item| item.contains_key("rollup");
    let rollups = busy.items(Table::Telemetry, rollup).await;
    let path = format!("/applications/{}", busy.sdk.application_id);
    let shards = json!({ "shards": 16 });
    assert_eq!(busy.ada.patch(&path, shards).await.status, 200);
    let later = Busy {
        sdk: Sdk {
            backend: busy.backend.another_instance(),
            ..busy.sdk.clone()
        },
        ..busy
    };
    for batch in 0..BATCHES {
        later.spans(0, &format!("open-{batch}")).await;
        later.spans(3, &format!("sealed-{batch}")).await;
    }
    later.metrics().await;
    let telemetry = later.items(Table::Telemetry, |item| !rollup(item)).await;
    let copied = Copied {
        applications,
        keys,
        rollups,
        telemetry,
    };
    (later, copied)
}

/// A second deployment, into whose tables these items were copied.
async fn second(first: &Busy, copied: Copied) -> Busy {
    let backend = Backend::start().await;
    backend.clock.set(first.backend.clock.now());
    for login in ["ada", "bob"] {
        backend.sign_in(login).await;
    }
    let ada = backend.sign_in("ada").await;
    let sdk = Sdk {
        backend: backend.clone(),
        ..first.sdk.clone()
    };
    let busy = Busy { backend, ada, sdk };
    for (table, items) in [
        (Table::Applications, copied.applications),
        (Table::ApiKeys, copied.keys),
        (Table::Telemetry, copied.rollups),
        (Table::Telemetry, copied.telemetry),
    ] {
        for item in items {
            busy.put(table, item).await;
        }
    }
    for user in first.items(Table::Users, |_| true).await {
        busy.put(Table::Users, user).await;
    }
    busy
}

/// The ids of all traces of the last two days.
async fn listed(busy: &Busy) -> BTreeSet<String> {
    let from = rfc3339(busy.backend.clock.now() - jiff::SignedDuration::from_hours(48));
    let id = &busy.sdk.application_id;
    let mut listed = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/telemetry/traces?applicationId={id}&from={from}&limit=200{cursor}");
        let page = busy.ada.get(&path).await.json();
        for trace in page["traces"].as_array().unwrap() {
            let trace_id = trace["traceId"].as_str().unwrap().to_owned();
            assert!(listed.insert(trace_id), "{trace} is listed twice");
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return listed,
        }
    }
}

async fn printed(busy: &Busy, dry_run: bool) -> Vec<String> {
    let mut out = Vec::new();
    let (clock, manual) = Clock::manual(busy.backend.clock.now());
    manual.set(busy.backend.clock.now());
    let command = Command::Restore { dry_run };
    run(&command, &busy.backend.database, &clock, &mut out)
        .await
        .unwrap();
    let out = String::from_utf8(out).unwrap();
    out.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn after_a_restore_everything_acknowledged_is_listed_and_counted_once() {
    let (first, copied) = restored_in_part().await;
    assert_eq!(first.metrics().await, ALL as u64);
    let expected = listed(&first).await;
    assert_eq!(expected.len(), ALL);
    let busy = second(&first, copied).await;
    assert!(listed(&busy).await.len() < ALL, "one shard is read");
    assert!(busy.metrics().await < ALL as u64);

    let planned = printed(&busy, true).await;
    assert_eq!(
        planned.last().unwrap(),
        &format!("{} changes to make", planned.len() - 1)
    );
    assert!(listed(&busy).await.len() < ALL, "a dry run changes nothing");
    let made = printed(&busy, false).await;
    assert_eq!(made[..made.len() - 1], planned[..planned.len() - 1]);
    let id = &busy.sdk.application_id;
    assert_eq!(
        made[0],
        format!("application {id}: shards 1 -> 16, with its keys")
    );
    assert!(
        made[1].starts_with(&format!("application {id}: rollup of traces of ")),
        "{made:?}"
    );

    assert_eq!(listed(&busy).await, expected);
    assert_eq!(busy.metrics().await, ALL as u64);
    assert_eq!(printed(&busy, false).await, ["0 changes made"]);
    assert_eq!(findings(&busy.backend).await, Vec::<String>::new());
    busy.spans(0, "afterwards").await;
    assert_eq!(busy.metrics().await, ALL as u64 + 3);
}

#[tokio::test]
async fn a_restore_of_a_product_in_use_changes_nothing() {
    let busy = Busy::start().await;
    assert_eq!(printed(&busy, true).await, ["0 changes to make"]);
    assert_eq!(printed(&busy, false).await, ["0 changes made"]);
}

#[tokio::test]
async fn keys_without_the_settings_of_their_application_get_them() {
    let busy = Busy::start().await;
    let early = busy.items(Table::ApiKeys, |_| true).await;
    let path = format!("/applications/{}", busy.sdk.application_id);
    let settings = json!({ "shards": 4, "retentionDays": 7 });
    assert_eq!(busy.ada.patch(&path, settings).await.status, 200);
    for key in early {
        busy.put(Table::ApiKeys, key).await;
    }
    assert!(!findings(&busy.backend).await.is_empty());
    assert_eq!(printed(&busy, false).await.len(), 2);
    assert_eq!(findings(&busy.backend).await, Vec::<String>::new());
}
