//! A day has one rollup, late arrivals are folded into it, and one that disagrees with its summaries
//! is found.

use shared::identity::application::Shards;
use shared::store::telemetry::Checked;

use super::{
    DAY, HOUR, LONG, asked, half_a_day, rollups_of, send, span, start, store_old_rollup, stored_day,
};
use crate::support::log::Log;
use crate::support::{Backend, Sdk, backend, stored};

/// A dashboard that is open all day adds an hour at a time.
#[tokio::test]
async fn a_day_has_one_rollup_however_often_it_is_read() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    for hour in 8..12 {
        let until = format!("&from=2026-01-31T06:00:00Z&to=2026-01-31T{hour:02}:00:00Z");
        asked(&ada, &sdk, &until).await;
        let items = stored::all(&backend).await;
        let rollups = items.iter().filter(|item| item.contains_key("rollup"));
        assert_eq!(rollups.count(), 1);
        let stored = stored_day(&backend, &sdk).await.rollup.unwrap();
        assert_eq!(stored.hours.len(), hour - 6);
    }
    assert_eq!(asked(&ada, &sdk, LONG).await.0["total"]["count"], 78);
}

pub async fn late_batches(sdk: &Sdk, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let trace = format!("late-{number}");
        send(sdk, vec![span(&trace, "a", None, -4 * HOUR)]).await;
    }
}

#[tokio::test]
async fn many_late_arrivals_are_folded_into_the_rollup_and_count_once() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    asked(&ada, &sdk, LONG).await;
    let total = async || asked(&ada, &sdk, LONG).await.0["total"]["count"].clone();
    late_batches(&sdk, 0..31).await;
    assert_eq!(total().await, 78 + 31);
    assert_eq!(stored_day(&backend, &sdk).await.late.len(), 31, "still few");
    late_batches(&sdk, 31..220).await;
    let slow = stored_day(&backend, &sdk).await;
    // One write folds at most 200.
    for left in [220 - 200, 220 - 200] {
        assert_eq!(total().await, 78 + 220);
        assert_eq!(stored_day(&backend, &sdk).await.late.len(), left);
    }
    // A reader that has read the late arrivals before they were folded folds nothing twice.
    let day = DAY.parse().unwrap();
    let fold = backend
        .database
        .fold_late_arrivals(rollups_of(&sdk), day, &slow);
    fold.await.unwrap();
    assert_eq!(total().await, 78 + 220);
    // Sent again, they change nothing.
    late_batches(&sdk, 0..220).await;
    assert_eq!(total().await, 78 + 220);
    assert!(check(&backend, &sdk).await.agrees());
}

pub async fn check(backend: &Backend, sdk: &Sdk) -> Checked {
    let (day, database) = (DAY.parse().unwrap(), &backend.database);
    let check = database.check_rollup(rollups_of(sdk), Shards::default(), day, backend::start());
    check.await.unwrap()
}

/// Repairs the rollup until it agrees. Returns the number of repairs.
async fn repairs(backend: &Backend, sdk: &Sdk) -> usize {
    let (day, now) = (DAY.parse().unwrap(), backend::start());
    for repairs in 0..4 {
        let (of, database) = (rollups_of(sdk), &backend.database);
        let repair = database.repair_rollup(of, Shards::default(), day, now);
        if repair.await.unwrap().agrees() {
            return repairs;
        }
    }
    panic!("never repaired");
}

#[tokio::test]
async fn a_rollup_that_disagrees_with_its_summaries_is_found_and_rebuilt() {
    let (backend, ada, sdk) = start().await;
    let total = async || asked(&ada, &sdk, LONG).await.0["total"]["count"].clone();
    half_a_day(&sdk).await;
    total().await;
    assert!(check(&backend, &sdk).await.agrees());
    // An empty rollup of 08:00 instead of its six batches.
    let seen = stored_day(&backend, &sdk).await;
    assert!(store_old_rollup(&backend, &sdk, &seen).await);
    assert_eq!(total().await, 78 - 12);
    let found = check(&backend, &sdk).await;
    let hour = "2026-01-31T08:00:00Z".parse().unwrap();
    assert_eq!((found.hours, found.disagreeing), (6, vec![hour]));
    assert_eq!(repairs(&backend, &sdk).await, 1);
    assert_eq!(total().await, 78);
}

#[tokio::test]
async fn a_late_arrival_without_a_summary_or_damaged_is_found_and_removed() {
    for is_damaged in [false, true] {
        let (backend, ada, sdk) = start().await;
        half_a_day(&sdk).await;
        let (before, _) = asked(&ada, &sdk, LONG).await;
        late_batches(&sdk, 0..1).await;
        if is_damaged {
            backend.damage("late").await;
        } else {
            let items = stored::items(&backend).await;
            let newest = items.iter().filter(|item| item.contains_key("summary"));
            let table = &backend.database.tables.telemetry;
            for item in newest.filter(|item| stored::text(item, "sk").starts_with("1769848200")) {
                let delete = backend.database.client.delete_item().table_name(table);
                let delete = delete.key("pk", item["pk"].clone());
                delete.key("sk", item["sk"].clone()).send().await.unwrap();
            }
        }
        assert!(!check(&backend, &sdk).await.agrees());
        assert!(repairs(&backend, &sdk).await > 0);
        let count = asked(&ada, &sdk, LONG).await.0["total"]["count"].clone();
        let before = before["total"]["count"].as_u64().unwrap();
        let lost = if is_damaged { 0 } else { 2 };
        assert!(count.as_u64().unwrap() + lost > before, "{count}");
    }
}

/// Once a day is final, its rollup is compared with the summaries, and only once.
#[tokio::test]
async fn a_final_day_is_checked_once_by_its_next_reader() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    asked(&ada, &sdk, LONG).await;
    let seen = stored_day(&backend, &sdk).await;
    assert!(store_old_rollup(&backend, &sdk, &seen).await);
    backend.later(16 * 24 * 60 * 60);
    let ada = backend.sign_in("ada").await;
    let day = "&from=2026-01-31T00:00:00Z&to=2026-02-01T00:00:00Z";
    let log = Log::capture();
    assert_eq!(asked(&ada, &sdk, day).await.0["total"]["count"], 78);
    let lines = log.take();
    let said = lines
        .iter()
        .any(|line| line.contains("was not that of its summaries"));
    assert!(said, "{lines:#?}");
    let (answer, calls) = asked(&ada, &sdk, day).await;
    assert_eq!(answer["total"]["count"], 78);
    assert_eq!(calls, ["BatchGetItem", "Query"]);
}
