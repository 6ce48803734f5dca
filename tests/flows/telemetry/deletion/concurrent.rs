//! Deletions beside each other, beside readers, and on a database that fails.

use serde_json::json;

use super::{LONG, Sent, Shop, address};
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Sdk, SignedIn};
use crate::telemetry::ask;

fn without(traces: &[&str]) -> Vec<Sent> {
    let mut left = Shop::everything();
    left.retain(|sent| !traces.contains(&&*sent.trace));
    left
}

#[tokio::test]
async fn two_deletions_at_once_delete_each_event_once() {
    for (one, other) in [("everywhere", "a-3"), ("everywhere", "everywhere")] {
        let backend = Backend::start().await;
        let shop = Shop::open(&backend, "ada", 1).await;
        shop.send().await;
        let paths = [one, other].map(|trace| format!("/traces/{trace}"));
        let (here, there) = tokio::join!(shop.delete(&paths[0], ""), shop.delete(&paths[1], ""));
        let left = without(&[one, other]);
        let gone = (Shop::everything().len() - left.len()) as u64;
        assert_eq!(here + there, gone, "{one} and {other}");
        shop.has(&left, one).await;
    }
}

struct Scene {
    engine: FaultyEngine,
    backend: Backend,
    shop: Shop,
}

impl Scene {
    async fn start() -> Self {
        let (engine, backend) = FaultyEngine::start_patient().await;
        let shop = Shop::open(&backend, "ada", 1).await;
        shop.send().await;
        Self {
            engine,
            backend,
            shop,
        }
    }

    /// Deletes a trace before a call of the operation.
    fn delete_before(&self, operation: &str, skip: usize, trace: &'static str) {
        let (ada, sdk) = (self.shop.ada.clone(), self.shop.sdk.clone());
        self.engine.before(operation, skip, delete(ada, sdk, trace));
    }
}

async fn delete(ada: SignedIn, sdk: Sdk, trace: &'static str) {
    let path = address(&sdk, &format!("/traces/{trace}"), "");
    assert_eq!(ada.delete(&path).await.status, 200);
}

#[tokio::test]
async fn a_deletion_that_is_overtaken_by_another_loses_nothing_of_either() {
    // The first only has conditions.
    for skip in 1..3 {
        for trace in ["everywhere", "a-0"] {
            let scene = Scene::start().await;
            scene.delete_before("TransactWriteItems", skip, trace);
            scene.shop.delete("/traces/everywhere", "").await;
            assert!(scene.engine.is_uninterrupted());
            let when = format!("{trace} before transaction {skip}");
            scene
                .shop
                .has(&without(&["everywhere", trace]), &when)
                .await;
        }
    }
}

/// A reader that has read rollups or summaries before the deletion does not store what it computed.
#[tokio::test]
async fn a_reader_that_is_overtaken_by_a_deletion_stores_no_rollup_with_deleted_events() {
    for is_rolled_up in [false, true] {
        for queries_before in 0..5 {
            let scene = Scene::start().await;
            if is_rolled_up {
                scene.shop.has(&Shop::everything(), "before").await;
            }
            scene.delete_before("Query", queries_before, "everywhere");
            let metrics = ask(&scene.shop.ada, &scene.shop.sdk, "metrics", LONG).await;
            assert_eq!(metrics["gaps"], json!([]));
            scene.engine.heal();
            let when = format!("before query {queries_before}");
            scene.shop.delete("/traces/everywhere", "").await;
            scene.shop.has(&without(&["everywhere"]), &when).await;
        }
    }
}

/// Whatever fails, a repeated request completes the deletion, and the audit log has each event once.
#[tokio::test]
async fn a_deletion_whose_writes_fail_or_whose_replies_are_lost_is_completed_by_repeating_it() {
    for fault in [
        Fault::AnswerLost,
        Fault::Throttled,
        Fault::CancelledForConflict,
    ] {
        for operation in ["TransactWriteItems", "BatchGetItem"] {
            for skip in 0..3 {
                let scene = Scene::start().await;
                scene.shop.has(&Shop::everything(), "before").await;
                scene.engine.fail(operation, fault, skip, 30);
                let path = address(&scene.shop.sdk, "/traces/everywhere", "");
                let failed = scene.shop.ada.delete(&path).await.status;
                scene.engine.heal();
                let when = format!("{fault:?} of {operation} after {skip}: {failed}");
                assert!([200, 503].contains(&failed.as_u16()), "{when}");
                scene.shop.is_consistent(&when).await;
                scene.shop.delete("/traces/everywhere", "").await;
                scene.shop.has(&without(&["everywhere"]), &when).await;
                let audited = scene.shop.audited().await.into_iter();
                let in_log: u64 = audited.map(|entry| entry["events"].as_u64().unwrap()).sum();
                assert_eq!(in_log, 12, "{when}");
            }
        }
    }
}

#[tokio::test]
async fn lists_that_page_while_telemetry_is_deleted_show_the_rest_without_gaps() {
    for path in ["traces", "logs"] {
        let scene = Scene::start().await;
        let shop = &scene.shop;
        let query = format!("{LONG}&limit=2");
        let first = ask(&shop.ada, &shop.sdk, path, &query).await;
        shop.delete("/traces/everywhere", "").await;
        shop.delete("", "&from=2026-01-31T08:00:00Z&to=2026-01-31T12:00:00Z")
            .await;
        let mut next = first["nextCursor"].clone();
        while let Some(cursor) = next.as_str() {
            let page = ask(
                &shop.ada,
                &shop.sdk,
                path,
                &format!("{query}&cursor={cursor}"),
            )
            .await;
            assert_eq!(page["gaps"], json!([]), "{path}");
            for row in page[path].as_array().unwrap() {
                assert_ne!(row["traceId"], "everywhere", "{path}");
            }
            next = page["nextCursor"].clone();
        }
        assert!(scene.backend.calls.take().len() > 2);
    }
}
