//! Late arrivals are folded into a rollup while others read and fold: whatever happens in between, each
//! counts once in every response.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use shared::base::clock;
use shared::store::telemetry::StoredDay;
use shared::telemetry::query::window::TimeWindow;

use super::one_a_day::{check, late_batches};
use super::{DAY, LONG, asked, half_a_day, rollups_of, stored_day};
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Sdk, SignedIn, backend, stored};

/// Enough late arrivals that a reader folds them.
const MANY: usize = 40;

/// Events in the rollup before they are folded.
const ROLLED_UP: usize = 78;

struct Scene {
    engine: FaultyEngine,
    backend: Backend,
    ada: SignedIn,
    sdk: Sdk,
}

impl Scene {
    /// Six sealed hours with a rollup, and many late arrivals for one of them.
    async fn with_late_arrivals() -> Self {
        let (engine, backend) = FaultyEngine::start_patient().await;
        let ada = backend.sign_in("ada").await;
        let sdk = ada.sdk().await;
        half_a_day(&sdk).await;
        asked(&ada, &sdk, LONG).await;
        // The rollup no longer lists the first late arrivals.
        backend.later(121);
        let ada = backend.sign_in("ada").await;
        late_batches(&sdk, 0..MANY).await;
        Self {
            engine,
            backend,
            ada,
            sdk,
        }
    }

    async fn total(&self) -> usize {
        let (answer, _) = asked(&self.ada, &self.sdk, LONG).await;
        let total = answer["total"]["count"].as_u64().unwrap();
        total.try_into().unwrap()
    }

    async fn day(&self) -> StoredDay {
        stored_day(&self.backend, &self.sdk).await
    }

    /// Number of late arrivals in the table, whether a rollup contains them or not.
    async fn late_items(&self) -> usize {
        let items = stored::all(&self.backend).await;
        items
            .iter()
            .filter(|item| item.contains_key("late"))
            .count()
    }

    /// Makes late arrivals so large that a query reads them in several pages of a megabyte.
    async fn over_several_pages(&self, bytes_each: usize) {
        let items = stored::all(&self.backend).await;
        let client = &self.backend.database.client;
        for mut item in items.into_iter().filter(|item| item.contains_key("late")) {
            let padding = AttributeValue::B(Blob::new(vec![0; bytes_each]));
            item.insert("padding".to_owned(), padding);
            let put = client.put_item().set_item(Some(item));
            let table = &self.backend.database.tables.telemetry;
            put.table_name(table).send().await.unwrap();
        }
    }
}

/// Folds as another reader does that has seen this day.
async fn fold(backend: &Backend, sdk: &Sdk, seen: &StoredDay) {
    let (database, day) = (&backend.database, DAY.parse().unwrap());
    let fold = database.fold_late_arrivals(rollups_of(sdk), day, seen);
    fold.await.unwrap();
}

#[tokio::test]
async fn a_reader_that_is_overtaken_by_a_fold_counts_each_late_arrival_once() {
    // Another reader folds before each of the queries and pages of the first.
    for queries_before in 0..4 {
        let scene = Scene::with_late_arrivals().await;
        scene.over_several_pages(60_000).await;
        let seen = scene.day().await;
        let (backend, sdk) = (scene.backend.clone(), scene.sdk.clone());
        let meanwhile = async move { fold(&backend, &sdk, &seen).await };
        scene.engine.before("Query", queries_before, meanwhile);
        assert_eq!(scene.total().await, ROLLED_UP + MANY, "{queries_before}");
        assert!(scene.engine.is_uninterrupted(), "{queries_before}");
        assert_eq!(scene.total().await, ROLLED_UP + MANY, "{queries_before}");
        assert!(check(&scene.backend, &scene.sdk).await.agrees());
    }
}

#[tokio::test]
async fn of_two_readers_that_fold_the_same_late_arrivals_one_does() {
    let scene = Scene::with_late_arrivals().await;
    let seen = scene.day().await;
    let (one, other) = (
        fold(&scene.backend, &scene.sdk, &seen),
        fold(&scene.backend, &scene.sdk, &seen),
    );
    tokio::join!(one, other);
    assert_eq!(scene.total().await, ROLLED_UP + MANY);
    assert_eq!(scene.late_items().await, 0);
    assert!(check(&scene.backend, &scene.sdk).await.agrees());
}

#[tokio::test]
async fn late_arrivals_that_were_folded_and_not_deleted_count_once_and_are_deleted_later() {
    for (operation, fault, times) in [
        // The reply of the write is lost, so the reader takes it for refused when it tries again.
        ("PutItem", Fault::AnswerLost, 1),
        ("BatchWriteItem", Fault::Denied, 2),
    ] {
        let scene = Scene::with_late_arrivals().await;
        scene.engine.fail(operation, fault, 0, times);
        assert_eq!(scene.total().await, ROLLED_UP + MANY);
        assert!(scene.late_items().await > 0, "{operation}");
        assert!(check(&scene.backend, &scene.sdk).await.agrees());
        // It does not matter how long it takes until another reader comes.
        scene.backend.later(10 * 60);
        let ada = scene.backend.sign_in("ada").await;
        let later = Scene { ada, ..scene };
        for _ in 0..2 {
            assert_eq!(later.total().await, ROLLED_UP + MANY);
        }
        assert_eq!(later.late_items().await, 0, "{operation}");
        assert!(check(&later.backend, &later.sdk).await.agrees());
    }
}

#[tokio::test]
async fn late_batches_that_are_sent_again_after_they_were_folded_change_nothing() {
    let scene = Scene::with_late_arrivals().await;
    assert_eq!(scene.total().await, ROLLED_UP + MANY);
    assert_eq!(scene.late_items().await, 0);
    for minutes in [0, 10] {
        scene.backend.later(minutes * 60);
        let ada = scene.backend.sign_in("ada").await;
        late_batches(&scene.sdk, 0..MANY).await;
        let (answer, _) = asked(&ada, &scene.sdk, LONG).await;
        assert_eq!(answer["total"]["count"], ROLLED_UP + MANY);
        assert_eq!(scene.late_items().await, 0);
    }
}

/// A rollup lists folded late arrivals only as long as a slow reader may have read them separately.
#[tokio::test]
async fn the_list_of_folded_late_arrivals_does_not_grow() {
    let scene = Scene::with_late_arrivals().await;
    let listed = async || {
        let rollup = scene.day().await.rollup.unwrap();
        (rollup.folded.len(), rollup.folded.values().min().copied())
    };
    scene.total().await;
    let start = clock::after(backend::start(), Duration::from_secs(121));
    assert_eq!(listed().await, (MANY, Some(start)));
    scene.backend.later(60);
    late_batches(&scene.sdk, MANY..2 * MANY).await;
    asked(&scene.backend.sign_in("ada").await, &scene.sdk, LONG).await;
    assert_eq!(listed().await.0, 2 * MANY, "within two minutes");
    scene.backend.later(61);
    late_batches(&scene.sdk, 2 * MANY..3 * MANY).await;
    asked(&scene.backend.sign_in("ada").await, &scene.sdk, LONG).await;
    assert_eq!(listed().await.0, 2 * MANY, "the first are gone");
}

/// A reader that does not query the hour of late arrivals changes the rollup that lists them.
#[tokio::test]
async fn late_arrivals_of_other_hours_stay_listed_until_they_are_deleted() {
    let scene = Scene::with_late_arrivals().await;
    scene.engine.fail("BatchWriteItem", Fault::Denied, 0, 2);
    assert_eq!(scene.total().await, ROLLED_UP + MANY);
    assert_eq!(scene.late_items().await, MANY);
    scene.backend.later(121);
    scene.engine.heal();
    scene.engine.fail_always("BatchWriteItem", Fault::Denied);
    let ada = scene.backend.sign_in("ada").await;
    let before = "&from=2026-01-31T03:00:00Z&to=2026-01-31T06:00:00Z";
    let (_, calls) = asked(&ada, &scene.sdk, before).await;
    assert!(calls.contains(&"PutItem".to_owned()), "{calls:?}");
    assert_eq!(scene.late_items().await, MANY);
    let (answer, _) = asked(&ada, &scene.sdk, LONG).await;
    assert_eq!(answer["total"]["count"], ROLLED_UP + MANY);
    assert!(check(&scene.backend, &scene.sdk).await.agrees());
}

#[tokio::test]
async fn deletions_that_fail_are_not_repeated_by_every_reader() {
    let scene = Scene::with_late_arrivals().await;
    scene.engine.fail_always("BatchWriteItem", Fault::Denied);
    assert_eq!(scene.total().await, ROLLED_UP + MANY);
    let (_, calls) = asked(&scene.ada, &scene.sdk, LONG).await;
    assert_eq!(calls, ["BatchGetItem", "Query", "Query"]);
    scene.backend.later(60);
    let ada = scene.backend.sign_in("ada").await;
    let (_, calls) = asked(&ada, &scene.sdk, LONG).await;
    assert!(calls.contains(&"PutItem".to_owned()), "{calls:?}");
}

/// More late arrivals of a day than one request reads: it folds those that it has read.
#[tokio::test]
async fn a_day_with_more_late_arrivals_than_one_request_reads_is_folded_in_parts() {
    let scene = Scene::with_late_arrivals().await;
    let of = rollups_of(&scene.sdk);
    let day: Timestamp = DAY.parse().unwrap();
    let hour = clock::after(day, Duration::from_secs(8 * 60 * 60));
    let window = TimeWindow {
        from: day,
        to: clock::after(day, Duration::from_secs(9 * 60 * 60)),
    };
    let (database, now) = (&scene.backend.database, backend::start());
    let read = async || {
        let read = database.rollups_up_to(10, of, window, now).await;
        read.unwrap().days.remove(&day).unwrap()
    };
    // One page has all but two or three late arrivals, and not the rollup, whose key sorts before
    // theirs.
    scene.over_several_pages(27_000).await;
    let seen = read().await;
    assert!(seen.rollup.is_some() && !seen.is_complete(hour));
    fold(&scene.backend, &scene.sdk, &seen).await;
    assert!((1..8).contains(&scene.late_items().await));
    assert_eq!(scene.total().await, ROLLED_UP + MANY);
    assert!(check(&scene.backend, &scene.sdk).await.agrees());
    let seen = read().await;
    assert!(seen.rollup.is_some() && seen.is_complete(hour));
}
