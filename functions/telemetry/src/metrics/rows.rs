//! `GET /telemetry/metrics?by=…`: the requests of a window by service or operation. Reads summaries,
//! from the newest on, because rollups do not name operations.

use jiff::Timestamp;
use serde::Serialize;
use shared::store::telemetry::Direction;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::summary::{Stats, Summary};
use shared::telemetry::query::groups::{By, Group, Grouped, Groups};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use utoipa::ToSchema;

use super::StatsResponse;
use crate::archive::Archive;
use crate::walk::walk_at_most;

/// Maximum number of queries for summaries, and how many more are allowed for each shard: a day
/// without telemetry takes one query in each shard.
const MAX_QUERIES: usize = 32;
const QUERIES_PER_SHARD: usize = 32;

/// Requests to one service or operation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MetricsRow)]
pub(super) struct RowResponse {
    /// Service that recorded the spans, or null if they have none.
    service: Option<String>,
    /// Name of the operation. Null if rows are services.
    name: Option<String>,
    /// Average number of requests per second of the time that was searched.
    per_second: f64,
    #[serde(flatten)]
    stats: StatsResponse,
}

/// Requests that are in no row.
#[derive(Serialize, ToSchema)]
#[schema(as = MetricsOthers)]
pub(super) struct OthersResponse {
    /// Number of requests.
    count: u64,
    /// Number of failed requests.
    errors: u64,
}

/// The requests of a part of a window, counted by group.
pub(super) struct Counted {
    pub(super) grouped: Grouped,
    /// The time that was searched.
    window: TimeWindow,
    /// Start of that time, if it is not the whole window.
    pub(super) searched_to: Option<Timestamp>,
}

/// Counts the requests of a window, or of its newest part if it has too many summaries. A chunk
/// counts as a whole, at the start of its newest span.
///
/// # Errors
/// When storage fails.
pub(super) async fn count(
    state: &crate::State,
    archive: &Archive,
    window: TimeWindow,
    by: By,
) -> Result<Counted, Error> {
    let range = archive.summaries_at(Signal::Traces, window);
    let queries = MAX_QUERIES + QUERIES_PER_SHARD * range.shards as usize;
    let walk = state.database.walk(range, Direction::Older, queries);
    let mut groups = Groups::new(by);
    // Decoding summaries with their operations takes several times as long as decoding what rollups
    // need.
    let most = state.max_summaries / 4;
    let add = |_, summary: Summary| groups.add(&summary);
    let searched_to = walk_at_most(walk.in_large_pages(), most, &archive.gaps, add).await?;
    // From the start of the retention, not from the creation of the application, which a reader
    // with a key does not know.
    let window = window.within(archive.everything());
    Ok(Counted {
        grouped: groups.finish(),
        window: TimeWindow {
            from: searched_to.unwrap_or(window.from),
            to: window.to.min(archive.now()),
        },
        searched_to,
    })
}

impl Counted {
    /// Returns the groups with the most requests, in descending order.
    pub(super) fn rows(&self) -> Vec<RowResponse> {
        let seconds = self.window.length().as_secs_f64().max(1.0);
        let rows = self.grouped.top.iter();
        rows.map(|row| RowResponse::of(row, seconds)).collect()
    }

    /// Returns the requests that are in no row.
    pub(super) fn others(&self) -> OthersResponse {
        OthersResponse {
            count: self.grouped.others,
            errors: self.grouped.errors_of_others,
        }
    }
}

impl RowResponse {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than 53 bits"
    )]
    fn of((group, stats): &(Group, Stats), seconds: f64) -> Self {
        Self {
            service: group.service.clone(),
            name: group.name.clone(),
            per_second: (stats.count as f64 / seconds * 1e6).round() / 1e6,
            stats: StatsResponse::of(stats),
        }
    }
}
