//! `upblit admin`: commands of operators on the tables.

mod broken;
mod check;
mod restore;
mod users;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use shared::base::clock::rfc3339;
use shared::store::Table;
use shared::store::admin::{Checked, Finding};

use crate::support::stored::text;
use crate::support::{Backend, Sdk, SignedIn};

type Item = HashMap<String, AttributeValue>;

/// Runs a check. Returns its findings and totals.
async fn check(backend: &Backend) -> (Vec<Finding>, Checked) {
    let mut findings = Vec::new();
    let mut each = |finding| findings.push(finding);
    let now = backend.clock.now();
    let checked = backend.database.check(now, &mut each).await.unwrap();
    (findings, checked)
}

/// The findings of a check as lines.
pub async fn findings(backend: &Backend) -> Vec<String> {
    let (findings, _) = check(backend).await;
    findings.iter().map(ToString::to_string).collect()
}

/// A product in use: two users with sessions, an application with members, an invite and keys, and
/// telemetry from several hours, some of it late, with rollups.
struct Busy {
    backend: Backend,
    ada: SignedIn,
    sdk: Sdk,
}

impl Busy {
    async fn start() -> Self {
        let backend = Backend::start().await;
        let mut ada = backend.sign_in("ada").await;
        backend.sign_in("ada").await.logout().await;
        ada.rotate().await;
        let sdk = ada.sdk().await;
        let busy = Self { backend, ada, sdk };
        busy.invite().await;
        busy.use_keys().await;
        busy.send().await;
        busy
    }

    /// Invites two users, of whom one joins.
    async fn invite(&self) {
        let path = format!("/applications/{}/invites", self.sdk.application_id);
        let invite = async || {
            let invite = self.ada.post(&path, json!({ "role": "member" })).await;
            invite.json()["token"].as_str().unwrap().to_owned()
        };
        let token = invite().await;
        invite().await;
        let bob = self.backend.sign_in("bob").await;
        let joined = bob.post("/invites/accept", json!({ "token": token })).await;
        assert!(joined.status.is_success(), "{}", joined.text());
    }

    /// Rotates, disables and revokes keys, and renames the application.
    async fn use_keys(&self) {
        let id = &self.sdk.application_id;
        let rotated = format!("/apikey/{}/rotate", self.other_key().await);
        let body = json!({ "overlapSeconds": 60 });
        assert_eq!(self.ada.post(&rotated, body).await.status, 200);
        let disabled = format!("/apikey/{}", self.other_key().await);
        let state = json!({ "status": "disabled" });
        let response = self.ada.patch(&disabled, state).await;
        assert!(response.status.is_success(), "{}", response.text());
        let revoked = format!("/apikey/{}", self.other_key().await);
        assert_eq!(self.ada.delete(&revoked).await.status, 204);
        let renamed = json!({ "name": "Shop 2" });
        let path = format!("/applications/{id}");
        assert_eq!(self.ada.patch(&path, renamed).await.status, 200);
    }

    async fn other_key(&self) -> String {
        let key = self.ada.mint(&self.sdk.application_id).await;
        key["upblit_live_".len()..][..19].to_owned()
    }

    /// Sends spans of this and of earlier hours, before and after a query of metrics has written
    /// rollups, and a log record before it.
    async fn send(&self) {
        for ago in [0, 2, 3, 20] {
            self.spans(ago, "early").await;
        }
        let log = self.sdk.log("it failed");
        assert_eq!(self.sdk.logs(log).await.status, 200);
        self.metrics().await;
        for ago in [0, 2, 20] {
            self.spans(ago, "late").await;
        }
    }

    /// Sends a batch of three spans that started some hours ago.
    async fn spans(&self, hours_ago: i64, name: &str) {
        let at = self.backend.clock.now() - jiff::SignedDuration::from_hours(hours_ago);
        let spans = (0..3).map(|index| {
            json!({
                "timestamp": rfc3339(at), "requestMethod": "GET", "requestURL": "/cart",
                "responseStatus": 200 + 150 * index, "durationMs": 12.5,
                "traceId": format!("{name}-{hours_ago}-{index}"),
                "spanId": format!("{name}-{hours_ago}-{index}"), "parentSpanId": null,
            })
        });
        let batch = json!({ "traces": spans.collect::<Vec<_>>() });
        let report = self.sdk.traces(batch).await.json();
        assert_eq!(report["accepted"], 3, "{report}");
    }

    /// Queries metrics, which writes rollups. Returns the number of spans of the last two days.
    async fn metrics(&self) -> u64 {
        let from = rfc3339(self.backend.clock.now() - jiff::SignedDuration::from_hours(48));
        let id = &self.sdk.application_id;
        let path = format!("/telemetry/metrics?applicationId={id}&from={from}&step=3600");
        let metrics = self.ada.get(&path).await.json();
        metrics["total"]["count"].as_u64().unwrap()
    }

    /// The items of a table that `is_wanted` accepts.
    async fn items(&self, table: Table, is_wanted: impl Fn(&Item) -> bool) -> Vec<Item> {
        let name = self.backend.database.tables.name(table);
        let scan = self.backend.database.client.scan().table_name(name);
        let items = scan.send().await.unwrap().items.unwrap_or_default();
        items.into_iter().filter(is_wanted).collect()
    }

    async fn put(&self, table: Table, item: Item) {
        let name = self.backend.database.tables.name(table);
        let put = self.backend.database.client.put_item().table_name(name);
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn delete(&self, table: Table, item: &Item) {
        let keys = [
            "user_id",
            "session_id",
            "application_id",
            "key_id",
            "pk",
            "sk",
        ];
        let key = item.iter().filter(|(name, _)| match table {
            Table::Users => *name == "user_id",
            Table::Applications => ["application_id", "sk"].contains(&name.as_str()),
            _ => keys.contains(&name.as_str()),
        });
        let key: Item = key
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let name = self.backend.database.tables.name(table);
        let delete = self.backend.database.client.delete_item().table_name(name);
        delete.set_key(Some(key)).send().await.unwrap();
    }
}

/// Whether the item has this attribute, with a text that begins with `prefix`.
fn begins(item: &Item, name: &str, prefix: &str) -> bool {
    item.contains_key(name) && text(item, name).starts_with(prefix)
}
