//! People who share an application: they make keys, and join with invites.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use shared::identity::api_key::MAX_KEYS_PER_APPLICATION;

use crate::browser::Storage;
use crate::telemetry::Application;
use crate::world::{Outgoing, World, lock};

/// Keys that one maker of keys asks for. Two of them ask for more than there may be.
const ASKED: u64 = 12;

/// What was asked for and acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Names of keys that were asked for.
    asked: Mutex<BTreeSet<String>>,
    /// Names of keys that were acknowledged.
    acknowledged: Mutex<BTreeSet<String>>,
}

/// Makes keys, each with an idempotency key, so that an attempt without a response can be repeated.
pub(crate) async fn maker(
    world: Arc<World>,
    storage: Arc<Storage>,
    of: Arc<Application>,
    made: Arc<Made>,
    maker: String,
) {
    let path = format!("/apikey?ApplicationId={}", of.id);
    for number in 0..ASKED {
        let name = format!("{maker}-{number}");
        lock(&made.asked).insert(name.clone());
        let request = Outgoing::new("POST", path.clone()).by(&storage.access());
        let request = request.with("idempotency-key", format!("{name}-of-the-simulation"));
        let request = request.json(&json!({ "name": name }));
        for _ in 0..4 {
            match world.send(request.clone()).await {
                Some(response) if response.status == 200 || response.status == 201 => {
                    lock(&made.acknowledged).insert(name.clone());
                    break;
                }
                Some(response) if response.status == 500 => {
                    world.broke(format!("making a key gets 500: {}", response.body));
                }
                Some(response) if response.status < 429 && response.status != 401 => break,
                _ => world.chance.sleep(10, 1_000).await,
            }
        }
    }
}

/// At the end: no more keys than there may be, none twice, and each in the audit log.
pub(crate) async fn judge(world: &World, storage: &Storage, of: &Application, made: &Made) {
    let keys = pages(
        world,
        storage,
        &format!("/apikey?ApplicationId={}&limit=50", of.id),
        "keys",
    )
    .await;
    // A repeated request makes another key and revokes the first, because a secret is shown once.
    let keys: Vec<Value> = keys
        .into_iter()
        .filter(|key| key["status"] != "revoked")
        .collect();
    if keys.len() > MAX_KEYS_PER_APPLICATION as usize {
        world.broke(format!(
            "an application has at most 20 keys: {}",
            keys.len()
        ));
    }
    // Without a name in the request, a key is named after its id.
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let named: Vec<String> = keys
        .iter()
        .map(|key| text(&key["name"]))
        .filter(|name| !name.starts_with("Key "))
        .collect();
    let names: BTreeSet<String> = named.iter().cloned().collect();
    if names.len() < named.len() {
        world.broke(format!("a repeated request makes no second key: {named:?}"));
    }
    let lost: Vec<String> = lock(&made.acknowledged)
        .difference(&names)
        .cloned()
        .collect();
    let foreign: Vec<String> = names.difference(&lock(&made.asked)).cloned().collect();
    if !lost.is_empty() || !foreign.is_empty() {
        world.broke(format!(
            "acknowledged keys exist: not {lost:?}, but {foreign:?}"
        ));
    }
    let log = pages(
        world,
        storage,
        &format!("/applications/{}/audit?limit=100", of.id),
        "entries",
    )
    .await;
    for key in &keys {
        let id = text(&key["id"]);
        let entries = log
            .iter()
            .filter(|entry| entry["action"] == "key.minted" && entry["key"] == id.as_str());
        if entries.count() != 1 {
            world.broke(format!("key {id} is in the audit log once: {log:?}"));
        }
    }
}

/// All rows of a list that only members read.
pub(crate) async fn pages(world: &World, storage: &Storage, path: &str, rows: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let request = Outgoing::new("GET", format!("{path}{cursor}")).by(&storage.access());
        let page = world.insist(request).await;
        let page = page.json();
        let Some(found) = page[rows].as_array() else {
            world.broke(format!("{path} lists {rows}: {page}"));
            return all;
        };
        all.extend(found.iter().cloned());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}
