//! Walks the summaries of a window once, up to a limit.

use jiff::Timestamp;
use shared::store::telemetry::{Gaps, StoredSummary, SummaryWalk};
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::summary::Summary;
use shared::web::error::Error;

/// Reads at most `most` summaries, newest first, and passes those that can be read to `visit`.
/// Returns the start of the part of the window that was read, if it is not the whole window.
///
/// # Errors
/// When storage fails.
pub(crate) async fn walk_at_most(
    mut walk: SummaryWalk<'_>,
    most: usize,
    gaps: &Gaps,
    mut visit: impl FnMut(StoredSummary, Summary),
) -> Result<Option<Timestamp>, Error> {
    let mut left = most;
    while let Some(stored) = walk.next().await? {
        if left == 0 {
            return Ok(Some(stored.position.next().end()));
        }
        left -= 1;
        if let Some(summary) = stored.summary(gaps) {
            visit(stored, summary);
        }
    }
    Ok(walk.stopped().map(Position::end))
}
