//! Lists of keys, sessions and applications come in pages, and the number of changes per minute is
//! limited.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Backend, SignedIn};

/// Reads all rows of a list, in pages of `limit`.
async fn rows(user: &SignedIn, list: &str, name: &str, limit: usize) -> Vec<Value> {
    let separator = if list.contains('?') { '&' } else { '?' };
    let first = format!("{list}{separator}limit={limit}");
    let mut path = first.clone();
    let mut rows = Vec::new();
    loop {
        let page = user.get(&path).await.json();
        let on_page = page[name].as_array().unwrap();
        assert!(on_page.len() <= limit, "{list}");
        rows.extend(on_page.clone());
        let Some(cursor) = page["nextCursor"].as_str() else {
            return rows;
        };
        assert_eq!(on_page.len(), limit, "{list}: only the last page is short");
        path = format!("{first}&cursor={cursor}");
    }
}

#[tokio::test]
async fn pages_of_any_size_have_every_row_once_and_in_order() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    for _ in 0..6 {
        backend.later(1);
        backend.sign_in("ada").await;
        // Two of the same millisecond.
        ada.create_application("Shop").await;
        ada.create_application("Shop").await;
    }
    let id = ada.create_application("Keys").await;
    for _ in 0..12 {
        ada.mint(&id).await;
    }
    let of_keys = format!("/apikey?ApplicationId={id}");
    for (list, name, count) in [
        ("/sessions", "sessions", 7),
        ("/applications", "applications", 13),
        (&*of_keys, "keys", 12),
    ] {
        let whole = rows(&ada, list, name, 100).await;
        let ids: BTreeSet<&str> = whole
            .iter()
            .map(|row| row["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), count, "{list}");
        for limit in [1, 2, 5, count] {
            assert_eq!(
                rows(&ada, list, name, limit).await,
                whole,
                "{list} by {limit}"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list_and_limits_are_checked() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    ada.create_application("A").await;
    let id = ada.create_application("B").await;
    let page = ada.get("/applications?limit=1").await.json();
    let cursor = page["nextCursor"].as_str().unwrap();
    for list in ["/sessions?", &format!("/apikey?ApplicationId={id}&")] {
        for query in [
            &format!("cursor={cursor}"),
            "cursor=x",
            "limit=0",
            "limit=101",
        ] {
            let refused = ada.get(&format!("{list}{query}")).await;
            refused.problem(400, "invalid-fields");
        }
    }
}

/// Without pages, a list with 1,500 revoked keys had 342 KB and took 32 calls.
#[tokio::test]
async fn a_page_of_many_revoked_keys_costs_four_calls_and_is_small() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    for round in 0..300 {
        if round % 100 == 0 {
            backend.later(60);
        }
        let key = ada.mint(&id).await;
        let revoked = ada.delete(&format!("/apikey/{}", &key[12..31])).await;
        assert_eq!(revoked.status, 204);
    }
    backend.calls.take();
    let page = ada.get(&format!("/apikey?ApplicationId={id}")).await;
    assert!(backend.calls.take().len() <= 4);
    assert!(page.text().len() < 25_000, "{} bytes", page.text().len());
    assert_eq!(page.json()["keys"].as_array().unwrap().len(), 50);
    assert_ne!(page.json()["nextCursor"], json!(null));
}

#[tokio::test]
async fn creating_and_revoking_keys_is_limited_for_each_user() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let bob = backend.sign_in("bob").await;
    let id = ada.create_application("Shop").await;
    let into = u64::try_from(backend.clock.now().as_second().rem_euclid(60)).unwrap();
    backend.later(60 - into);
    for _ in 0..150 {
        let key = ada.mint(&id).await;
        ada.delete(&format!("/apikey/{}", &key[12..31])).await;
    }
    backend.calls.take();
    let mint = format!("/apikey?ApplicationId={id}");
    let denied = ada.post(&mint, json!({})).await;
    denied.problem(429, "rate-limited");
    assert_eq!(denied.header("retry-after"), "60");
    assert!(backend.calls.take().is_empty());
    assert_eq!(ada.get(&mint).await.status, 200, "reading is not limited");
    assert_eq!(ada.delete("/sessions?except=current").await.status, 204);
    bob.create_application("Other").await;
    backend.later(60);
    assert_eq!(ada.post(&mint, json!({})).await.status, 200);
}
