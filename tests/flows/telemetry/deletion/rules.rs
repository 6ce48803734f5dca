//! Who may delete telemetry, what the audit log says, and what it costs.

use serde_json::json;

use super::{Shop, address};
use crate::support::Backend;
use crate::telemetry::{send, span, start};

#[tokio::test]
async fn the_audit_log_says_what_was_deleted_by_whom() {
    let (_, ada, sdk) = start().await;
    let shop = Shop { ada, sdk };
    shop.send().await;
    shop.delete("/traces/a-1", "").await;
    shop.delete(
        "",
        "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z&signal=traces",
    )
    .await;
    let range = json!({
        "traceId": null, "from": "2026-01-31T12:00:00.000Z", "to": "2026-01-31T13:00:00.000Z",
        "signal": "traces", "events": 3,
    });
    let trace = json!({
        "traceId": "a-1", "from": null, "to": null, "signal": null, "events": 2,
    });
    let audited = shop.audited().await;
    assert!(
        audited == [range.clone(), trace.clone()] || audited == [trace, range],
        "{audited:?}"
    );
}

#[tokio::test]
async fn only_owners_delete_telemetry() {
    let backend = Backend::start().await;
    let shop = Shop::open(&backend, "ada", 1).await;
    shop.send().await;
    let reader = shop.ada.reader(&shop.sdk.application_id).await;
    let mut others = Vec::new();
    for role in ["viewer", "member"] {
        let other = backend.sign_in(role).await;
        let invite = shop.ada.invite(&shop.sdk.application_id, role).await;
        other.join(&invite).await;
        others.push(other);
    }
    for (path, query) in [
        ("/traces/a-1", ""),
        ("", "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z"),
    ] {
        let address = address(&shop.sdk, path, query);
        for other in &others {
            other.delete(&address).await.problem(403, "not-allowed");
        }
        let stranger = backend.sign_in("mallory").await;
        stranger.delete(&address).await.problem(404, "not-found");
        let machine = http::Request::delete(&address).header("x-api-key", &reader.key);
        let machine = machine.body(axum::body::Body::empty()).unwrap();
        let refused = backend.send(machine).await;
        refused.problem(401, "invalid-access-token");
        let signed_out = backend.sign_in("ada").await;
        signed_out.logout().await;
        signed_out
            .delete(&address)
            .await
            .problem(401, "invalid-access-token");
    }
    shop.has(&Shop::everything(), "nothing was deleted").await;
}

#[tokio::test]
async fn a_range_has_a_beginning_before_its_end() {
    let (_, ada, sdk) = start().await;
    for (query, pointer) in [
        (
            "&from=2026-01-31T12:00:00Z&to=2026-01-31T12:00:00Z",
            "/from",
        ),
        ("&from=noon&to=2026-01-31T12:00:00Z", "/from"),
        (
            "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z&signal=metrics",
            "/signal",
        ),
        (
            "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z&cursor=x",
            "/cursor",
        ),
    ] {
        let refused = ada.delete(&address(&sdk, "", query)).await;
        let problem = refused.problem(400, "invalid-fields");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    let everything = ada.delete(&address(&sdk, "", "")).await;
    everything.problem(400, "malformed-request");
}

/// What an earlier, longer retention keeps is not listed, and still deleted.
#[tokio::test]
async fn telemetry_beyond_a_shortened_retention_is_deleted() {
    let (backend, ada, sdk) = start().await;
    let shop = Shop { ada, sdk };
    shop.send().await;
    let path = format!("/applications/{}", shop.sdk.application_id);
    let shortened = shop.ada.patch(&path, json!({ "retentionDays": 1 })).await;
    assert_eq!(shortened.status, 200);
    backend.later(3 * 24 * 60 * 60);
    let shop = Shop {
        ada: backend.sign_in("ada").await,
        ..shop
    };
    let everything = Shop::everything().len() as u64;
    let gone = shop
        .delete("", "&from=2026-01-01T00:00:00Z&to=2026-03-01T00:00:00Z")
        .await;
    assert_eq!(gone, everything);
}

/// The calls that ARCHITECTURE.md states.
#[tokio::test]
async fn a_deletion_takes_a_read_and_a_transaction_for_each_25_chunks() {
    let (backend, ada, sdk) = start().await;
    for number in 0..130 {
        send(&sdk, vec![span(&format!("t-{number}"), "s", None, -number)]).await;
    }
    let range = "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z";
    let mut cursor = String::new();
    let mut deleted = Vec::new();
    for expected in [(5, 5, 1), (3, 3, 4)] {
        let path = address(&sdk, "", &format!("{range}{cursor}"));
        let response = ada.delete(&path).await.json();
        deleted.push(response["deletedEvents"].as_u64().unwrap());
        cursor = format!(
            "&cursor={}",
            response["nextCursor"].as_str().unwrap_or_default()
        );
        let calls = backend.calls.take();
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        let counted = (
            count("TransactWriteItems"),
            count("BatchGetItem"),
            count("Query"),
        );
        assert_eq!(counted, expected, "{calls:?}");
    }
    assert_eq!((deleted, &*cursor), (vec![100, 30], "&cursor="));
}

/// Deletions write, and are charged as what ingest writes, so that they cannot cost without a bound.
#[tokio::test]
async fn deletions_take_write_units_of_the_quotas_of_the_day() {
    for (setting, units) in [
        ("APPLICATION_DAILY_UNITS", "1000"),
        ("USER_DAILY_UNITS", "1000"),
    ] {
        let backend = Backend::with(&[(setting, units)]).await;
        let shop = Shop::open(&backend, "ada", 1).await;
        shop.send().await;
        let path = address(&shop.sdk, "/traces/unknown", "");
        let mut requests = 0;
        let refused = loop {
            let response = shop.ada.delete(&path).await;
            if response.status != 200 {
                break response;
            }
            requests += 1;
            assert!(requests < 10, "{setting}");
        };
        refused.problem(429, "rate-limited");
        assert!(requests > 3, "{setting}: {requests}");
        backend.later(24 * 60 * 60);
        let ada = backend.sign_in("ada").await;
        assert_eq!(
            ada.delete(&path).await.status,
            200,
            "{setting}: the next day"
        );
    }
}
