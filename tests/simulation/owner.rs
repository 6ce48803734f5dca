//! The owner of an application, who changes its settings while others use it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::browser::{Storage, renew};
use crate::members::pages;
use crate::telemetry::Application;
use crate::world::{Outgoing, World, lock};

/// Names that the application was given, and that were acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Changes(Mutex<Vec<String>>);

/// Makes an application with its keys, without failures.
pub(crate) async fn found(world: &World, storage: &Storage) -> Arc<Application> {
    // The account is older than the clocks of instances can be behind.
    tokio::time::sleep(Duration::from_mins(6)).await;
    let access = storage.access();
    let create = Outgoing::new("POST", "/applications").by(&access);
    let created = world.insist(create.json(&json!({ "name": "Shop" }))).await;
    let id = created.json()["id"]
        .as_str()
        .expect("an application")
        .to_owned();
    let key = async |body: Value| {
        let create = Outgoing::new("POST", format!("/apikey?ApplicationId={id}")).by(&access);
        let created = world.insist(create.json(&body)).await;
        created.json().as_str().expect("a key").to_owned()
    };
    let sending = key(json!({})).await;
    let reading = key(json!({ "scopes": ["telemetry:read"] })).await;
    Application::new(id, sending, reading)
}

/// Changes settings `times`. Each change has a new name, so that it changes something.
pub(crate) async fn owner(
    world: Arc<World>,
    storage: Arc<Storage>,
    of: Arc<Application>,
    changes: Arc<Changes>,
    times: u64,
) {
    let mut shards = 1;
    let most_shards = *world.chance.pick(&[2, 2, 3, 3, 4, 16]);
    for number in 0..times {
        world.chance.sleep(1_000, 2_400_000).await;
        sign_in_again(&world, &storage).await;
        let name = format!("Shop {number}");
        let settings = if world.chance.percent(60) {
            shards = world.chance.between(shards, most_shards);
            json!({ "name": name, "shards": shards })
        } else {
            json!({ "name": name, "retentionDays": world.chance.pick(&[7, 14, 30]) })
        };
        let path = format!("/applications/{}", of.id);
        for _ in 0..5 {
            let change = Outgoing::new("PATCH", path.clone()).by(&storage.access());
            match world.send(change.json(&settings)).await {
                Some(response) if response.status == 200 => {
                    lock(&changes.0).push(name);
                    break;
                }
                Some(response) if response.status == 500 => {
                    world.broke(format!("a change gets 500: {}", response.body));
                }
                _ => world.chance.sleep(500, 5_000).await,
            }
        }
    }
}

/// Gets a new access token. Where clocks are far apart, only a new sign-in helps.
pub(crate) async fn sign_in_again(world: &World, storage: &Storage) {
    if world.nature.has_far_clocks() {
        storage.replace(world.sign_in(storage.user).await);
    } else {
        renew(world, storage).await;
    }
}

/// At the end: every change is in the audit log.
pub(crate) async fn judge(world: &World, storage: &Storage, of: &Application, changes: &Changes) {
    let path = format!("/applications/{}/audit?limit=100", of.id);
    let log = pages(world, storage, &path, "entries").await;
    let renamed = log
        .iter()
        .filter(|entry| entry["action"] == "application.renamed");
    let (renamed, made) = (renamed.count(), lock(&changes.0).len());
    if renamed < made {
        world.broke(format!(
            "{made} changes are in the audit log: {renamed} are"
        ));
    }
}
