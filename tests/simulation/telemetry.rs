//! Senders and readers of telemetry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::base::clock::rfc3339;

use crate::world::{Outgoing, World, lock};

/// Signals that are sent and read.
pub(crate) const SIGNALS: [&str; 2] = ["logs", "traces"];

/// An application, its keys, and what was sent to it.
pub(crate) struct Application {
    pub(crate) id: String,
    pub(crate) sending: String,
    pub(crate) reading: String,
    ledger: Mutex<BTreeMap<&'static str, Ledger>>,
}

/// Ids of the events of a signal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Events that were sent. Without a response they may or may not be stored.
    pub(crate) sent: BTreeSet<String>,
    /// Events that were acknowledged.
    pub(crate) acknowledged: BTreeSet<String>,
}

impl Application {
    pub(crate) fn new(id: String, sending: String, reading: String) -> Arc<Self> {
        Arc::new(Self {
            id,
            sending,
            reading,
            ledger: Mutex::default(),
        })
    }

    pub(crate) fn ledger(&self, signal: &'static str) -> Ledger {
        lock(&self.ledger).get(signal).cloned().unwrap_or_default()
    }
}

/// An SDK that sends `batches`, each until it is acknowledged; sometimes again, as if the
/// acknowledgement was lost.
pub(crate) async fn sdk(world: Arc<World>, of: Arc<Application>, name: String, batches: u64) {
    for batch in 0..batches {
        world.chance.sleep(0, 1_500_000).await;
        let signal = *world.chance.pick(&SIGNALS);
        let events = events(&world, signal, &format!("{name}-{batch}"));
        let names: Vec<String> = events.iter().map(|(id, _)| id.clone()).collect();
        let of_signal = |ledger: &mut dyn FnMut(&mut Ledger)| {
            ledger(lock(&of.ledger).entry(signal).or_default());
        };
        of_signal(&mut |ledger| ledger.sent.extend(names.clone()));
        let events: Vec<Value> = events.into_iter().map(|(_, event)| event).collect();
        let body = json!({ signal: events });
        let request = Outgoing::new("POST", format!("/ingest/{signal}"));
        let request = request.with_key(&of.sending).json(&body);
        let mut attempts = world.chance.between(4, 9);
        while attempts > 0 {
            attempts -= 1;
            let response = world.send(request.clone()).await;
            match response {
                Some(response) if response.status == 200 => {
                    let kept = accepted(&world, &response.json(), &names);
                    of_signal(&mut |ledger| ledger.acknowledged.extend(kept.clone()));
                    if !world.chance.percent(25) {
                        break;
                    }
                }
                Some(response) if response.status < 429 || response.status == 500 => {
                    world.broke(format!(
                        "a batch gets {}: {}",
                        response.status, response.body
                    ));
                }
                _ => {}
            }
            pause(&world).await;
        }
    }
}

/// The events of a batch that the product says it keeps. It may refuse some for a quota, or because an
/// instance takes them for events of the future.
fn accepted(world: &World, report: &Value, names: &[String]) -> Vec<String> {
    let refused: BTreeSet<usize> = report["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["index"].as_u64())
        .map(|index| index as usize)
        .collect();
    if report["accepted"] == names.len() {
        return names.to_vec();
    }
    if world.nature.quota.is_none() && !world.nature.has_far_clocks() {
        world.broke(format!("valid events are accepted: {report}"));
    }
    if report["accepted"] == 0 {
        return Vec::new();
    }
    let kept = names
        .iter()
        .enumerate()
        .filter(|(index, _)| !refused.contains(index));
    kept.map(|(_, name)| name.clone()).collect()
}

/// Between two attempts: as an SDK waits, or as long as a queue on a disk may.
async fn pause(world: &World) {
    match world.chance.between(0, 9) {
        0..6 => world.chance.sleep(500, 10_000).await,
        6..9 => world.chance.sleep(10_000, 600_000).await,
        _ => world.chance.sleep(600_000, 7_200_000).await,
    }
}

/// Some events with their ids; those of a batch may be in several hours.
fn events(world: &World, signal: &str, name: &str) -> Vec<(String, Value)> {
    let count = world.chance.between(1, 4);
    let hours_late = *world.chance.pick(&[0, 0, 0, 1, 3]);
    let event = |number: u64| {
        let id = format!("{name}-{number}");
        let late = world.chance.between(0, hours_late * 3_600 + 60);
        let at = world.now() - SignedDuration::from_secs(late.cast_signed());
        let at = rfc3339(at);
        let event = match signal {
            "logs" => json!({
                "timestamp": at, "level": "error", "type": "app", "message": id, "traceId": null,
                "clientTimestamp": null,
            }),
            _ => json!({
                "startTime": at, "requestMethod": "GET", "requestURL": "/cart",
                "responseStatus": 200, "traceId": id, "spanId": id, "parentSpanId": null,
                "durationMs": 5.0,
            }),
        };
        (id, event)
    };
    (0..count).map(event).collect()
}

/// Reads `times` at random moments, through some instance: whatever was acknowledged before is counted,
/// and nothing is counted that was not sent.
pub(crate) async fn reader(world: Arc<World>, of: Arc<Application>, times: u64) {
    for _ in 0..times {
        world.chance.sleep(0, 2_400_000).await;
        let signal = *world.chance.pick(&SIGNALS);
        let least = of.ledger(signal).acknowledged;
        let from = whole_time(&world);
        if world.chance.percent(50) {
            let Some(count) = counted(&world, &of, signal, from, Persistence::Once).await else {
                continue;
            };
            let most = of.ledger(signal).sent.len();
            if count < least.len() || count > most {
                let least = least.len();
                world.broke(format!(
                    "metrics of {signal}: {count}, not {least} to {most}"
                ));
            }
        } else {
            let Some(rows) = listed(&world, &of, signal, from, Persistence::Once).await else {
                continue;
            };
            judge_list(&world, signal, &rows, &least, &of.ledger(signal).sent);
        }
    }
}

/// How a reader treats failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// Gives up.
    Once,
    /// Tries again.
    Insists,
}

/// A time before all events.
pub(crate) fn whole_time(world: &World) -> Timestamp {
    world.now() - SignedDuration::from_hours(30)
}

/// Parameters of a query until now, whatever an instance takes for now.
fn window(world: &World, of: &Application, from: Timestamp) -> String {
    let to = world.now() + SignedDuration::from_mins(1);
    format!(
        "applicationId={}&from={}&to={}",
        of.id,
        rfc3339(from),
        rfc3339(to)
    )
}

async fn ask(world: &World, of: &Application, path: String, how: Persistence) -> Option<Value> {
    let request = Outgoing::new("GET", path).with_key(&of.reading);
    let response = match how {
        Persistence::Insists => Some(world.insist(request).await),
        Persistence::Once => world.send(request).await,
    }?;
    if response.status == 200 {
        let answer = response.json();
        if !answer["gaps"].as_array().is_none_or(Vec::is_empty) {
            world.broke(format!("everything stored can be read: {}", answer["gaps"]));
        }
        return Some(answer);
    }
    if response.status < 429 || response.status == 500 {
        world.broke(format!(
            "a query gets {}: {}",
            response.status, response.body
        ));
    }
    None
}

/// The number of events since `from`, by the metrics.
pub(crate) async fn counted(
    world: &World,
    of: &Application,
    signal: &str,
    from: Timestamp,
    how: Persistence,
) -> Option<usize> {
    let path = format!(
        "/telemetry/metrics?{}&signal={signal}",
        window(world, of, from)
    );
    let answer = ask(world, of, path, how).await?;
    answer["total"]["count"]
        .as_u64()
        .map(|count| count as usize)
}

/// Ids of all rows since `from`, page by page.
pub(crate) async fn listed(
    world: &World,
    of: &Application,
    signal: &str,
    from: Timestamp,
    how: Persistence,
) -> Option<Vec<String>> {
    let field = if signal == "logs" {
        "message"
    } else {
        "traceId"
    };
    let window = window(world, of, from);
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/telemetry/{signal}?{window}&limit=20{cursor}");
        let page = ask(world, of, path, how).await?;
        let ids = page[signal].as_array().into_iter().flatten();
        rows.extend(ids.map(|row| row[field].as_str().unwrap_or_default().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Some(rows),
        }
    }
}

/// At the end: what was acknowledged is listed and counted, once.
pub(crate) async fn judge(world: &World, of: &Application, signal: &'static str) {
    let from = whole_time(world);
    let ledger = of.ledger(signal);
    let rows = listed(world, of, signal, from, Persistence::Insists).await;
    let rows = rows.unwrap_or_default();
    judge_list(world, signal, &rows, &ledger.acknowledged, &ledger.sent);
    let count = counted(world, of, signal, from, Persistence::Insists).await;
    if count != Some(rows.len()) {
        let rows = rows.len();
        world.broke(format!(
            "metrics count the {rows} listed {signal}: {count:?}"
        ));
    }
}

/// At the end: no more is stored than the quota of a day allows. Every chunk and every summary is
/// smaller than a write unit here.
pub(crate) async fn judge_quota(world: &World) {
    let Some(quota) = world.nature.quota else {
        return;
    };
    let database = world.calm_database();
    let scan = database
        .client
        .scan()
        .table_name(&database.tables.telemetry);
    let items = scan.into_paginator().items().send();
    let items = items
        .collect::<Result<Vec<_>, _>>()
        .await
        .expect("nothing fails");
    let stored = items.iter().filter(|item| item.contains_key("n")).count() as u64;
    if stored > quota {
        world.broke(format!(
            "no more than {quota} units are stored in a day: {stored}"
        ));
    }
}

/// Whether a list has all of `least`, nothing beyond `most`, and nothing twice.
pub(crate) fn judge_list(
    world: &World,
    signal: &str,
    rows: &[String],
    least: &BTreeSet<String>,
    most: &BTreeSet<String>,
) {
    let once: BTreeSet<String> = rows.iter().cloned().collect();
    if once.len() < rows.len() {
        world.broke(format!("{signal} are listed once: {rows:?}"));
    }
    let missing: Vec<&String> = least.difference(&once).collect();
    if !missing.is_empty() {
        world.broke(format!("acknowledged {signal} are listed: not {missing:?}"));
    }
    let foreign: Vec<&String> = once.difference(most).collect();
    if !foreign.is_empty() {
        world.broke(format!("nothing is listed that was not sent: {foreign:?}"));
    }
}
