//! The telemetry of a deleted application is deleted within a day, in runs that do a bounded part of it.

use ::telemetry::deleted_applications::{Failure, run};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use serde_json::json;
use shared::base::clock::rfc3339;
use shared::store::deleted_applications::{Allowance, Progress};

use crate::admin::findings;
use crate::support::calls::FUNCTION;
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Sdk, SignedIn, stored};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// More than any test stores.
const ENOUGH: Allowance = Allowance {
    items: 100_000,
    queries: 100_000,
};

/// Stores batches of six hours, of which some are rolled up and some late.
async fn fill(ada: &SignedIn, sdk: &Sdk) {
    let now = sdk.backend.clock.now();
    for hours in (0..6).chain([3, 4]) {
        let mut span = sdk.span(hours);
        span["timestamp"] = rfc3339(now - SignedDuration::from_hours(hours as i64)).into();
        sdk.traces(json!({ "traces": [span] })).await.json();
        sdk.logs(sdk.log(&format!("{hours} hours ago")))
            .await
            .json();
        let from = rfc3339(now - SignedDuration::from_hours(8));
        let id = &sdk.application_id;
        let path = format!("/telemetry/metrics?applicationId={id}&from={from}");
        ada.get(&path).await.json();
    }
}

/// A deleted application with telemetry, and another one.
async fn deleted(backend: &Backend, shards: u64) -> (Sdk, Sdk) {
    let ada = backend.sign_in("ada").await;
    let (sdk, other) = (ada.sdk().await, ada.sdk().await);
    let path = format!("/applications/{}", sdk.application_id);
    if shards > 1 {
        let raised = ada.patch(&path, json!({ "shards": shards })).await;
        assert_eq!(raised.status, 200);
    }
    fill(&ada, &sdk).await;
    fill(&ada, &other).await;
    assert_eq!(ada.delete(&path).await.status, 204);
    backend.calls.take();
    (sdk, other)
}

/// Number of items of an application's telemetry.
async fn items_of(sdk: &Sdk) -> usize {
    let all = stored::all(&sdk.backend).await;
    let id = &sdk.application_id;
    let own = all
        .iter()
        .filter(|item| stored::text(item, "pk").contains(&**id));
    own.count()
}

async fn delete(backend: &Backend, allowance: Allowance) -> Progress {
    let now = backend.clock.now();
    let database = &backend.database;
    let done = database.delete_telemetry_of_deleted_applications(allowance, now);
    done.await.unwrap()
}

#[tokio::test]
async fn the_telemetry_of_a_deleted_application_is_deleted_and_no_other() {
    for shards in [1, 16] {
        let backend = Backend::start().await;
        let (sdk, other) = deleted(&backend, shards).await;
        let (before, others) = (items_of(&sdk).await, items_of(&other).await);
        assert!(before > 24, "{before}");
        // Instances may still remember its keys.
        backend.later(4 * MINUTE);
        assert_eq!(delete(&backend, ENOUGH).await.items, 0);
        backend.later(2 * MINUTE);
        let done = delete(&backend, ENOUGH).await;
        assert_eq!(
            (done.items, done.completed, done.waiting_since),
            (before, 1, None)
        );
        assert_eq!((items_of(&sdk).await, items_of(&other).await), (0, others));
        assert_eq!(findings(&backend).await, Vec::<String>::new());
        backend.calls.take();
        run(&backend.database, backend.clock.now()).await.unwrap();
        assert_eq!(backend.calls.take(), ["Query"], "nothing is left to do");
    }
}

#[tokio::test]
async fn each_run_does_a_bounded_part_and_the_next_one_continues() {
    let backend = Backend::start().await;
    let (sdk, _) = deleted(&backend, 1).await;
    backend.later(6 * MINUTE);
    let few = Allowance {
        items: 5,
        queries: 500,
    };
    let mut runs = 0;
    let mut left = items_of(&sdk).await;
    loop {
        backend.calls.take();
        let done = delete(&backend, few).await;
        assert!(backend.calls.take().len() <= 520);
        runs += 1;
        let now_left = items_of(&sdk).await;
        assert!(
            now_left <= left && runs < 60,
            "{runs} runs, {now_left} items"
        );
        left = now_left;
        if done.completed == 1 {
            break;
        }
        assert!(done.waiting_since.is_some());
    }
    assert!(runs > 5, "{runs}");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_run_that_fails_is_completed_by_the_next() {
    for (operation, skip) in [
        ("BatchWriteItem", 0),
        ("BatchWriteItem", 2),
        ("Query", 30),
        ("DeleteItem", 0),
    ] {
        let (engine, backend) = FaultyEngine::start_patient().await;
        let (sdk, _) = deleted(&backend, 1).await;
        backend.later(6 * MINUTE);
        engine.fail(operation, Fault::Denied, skip, 30);
        let failed = run(&backend.database, backend.clock.now()).await;
        assert!(
            matches!(failed, Err(Failure::Storage(_))),
            "{operation}: {failed:?}"
        );
        engine.heal();
        while delete(&backend, Allowance::USUAL).await.completed == 0 {}
        assert_eq!(items_of(&sdk).await, 0, "{operation}");
        assert_eq!(
            findings(&backend).await,
            Vec::<String>::new(),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn an_application_that_a_restore_has_brought_back_keeps_its_telemetry() {
    let backend = Backend::start().await;
    let (sdk, other) = deleted(&backend, 1).await;
    let table = &backend.database.tables.applications;
    let client = &backend.database.client;
    let id = AttributeValue::S(other.application_id.clone());
    let get = client
        .get_item()
        .table_name(table)
        .key("application_id", id);
    let get = get.key("sk", AttributeValue::S("meta".to_owned())).send();
    let mut meta = get.await.unwrap().item.unwrap();
    let id = AttributeValue::S(sdk.application_id.clone());
    meta.insert("application_id".to_owned(), id);
    let put = client.put_item().table_name(table).set_item(Some(meta));
    put.send().await.unwrap();
    backend.later(6 * MINUTE);
    let before = items_of(&sdk).await;
    assert_eq!(delete(&backend, ENOUGH).await.items, 0);
    assert_eq!(items_of(&sdk).await, before);
    assert_eq!(
        delete(&backend, ENOUGH).await,
        Progress::default(),
        "it is no longer listed"
    );
}

#[tokio::test]
async fn telemetry_that_is_left_after_twenty_hours_is_an_error_and_after_a_day_a_finding() {
    let backend = Backend::start().await;
    let (sdk, _) = deleted(&backend, 1).await;
    let nothing = Allowance {
        items: 0,
        queries: 0,
    };
    assert_eq!(
        findings(&backend).await,
        Vec::<String>::new(),
        "it is being deleted"
    );
    backend.later(25 * HOUR);
    let waiting = delete(&backend, nothing).await.waiting_since;
    assert_eq!(
        waiting,
        Some(backend.clock.now() - SignedDuration::from_hours(25))
    );
    let found = findings(&backend).await;
    let expected = format!(
        "broken Applications deleted {}: its telemetry was not deleted within a day",
        sdk.application_id
    );
    assert!(found.contains(&expected), "{found:?}");
    let slow = Backend::start().await;
    deleted(&slow, 16).await;
    slow.later(25 * HOUR);
    // The day has more partitions than a run may query.
    let failed = run(&slow.database, slow.clock.now()).await;
    assert!(matches!(failed, Err(Failure::Overdue(_))), "{failed:?}");
}

/// What the schedule does, for the comparison of permissions.
pub async fn scheduled(backend: &Backend) {
    backend.later(6 * MINUTE);
    let few = Allowance {
        items: 1,
        queries: 200,
    };
    FUNCTION.scope("telemetry", delete(backend, few)).await;
    let rest = async { while delete(backend, ENOUGH).await.completed == 0 {} };
    FUNCTION.scope("telemetry", rest).await;
}
