//! Counts a window from its newest chunk on, as far as one request gets.

use std::sync::atomic::Ordering;

use jiff::Timestamp;
use shared::base::clock;
use shared::store::telemetry::{Direction, StoredSummary, SummaryRange};
use shared::telemetry::batch::HOUR;
use shared::telemetry::chunk::Position;
use shared::telemetry::query::cursor::MetricsPosition;
use shared::telemetry::query::metrics::{Newest, Series};
use shared::telemetry::query::rollup::HourRollup;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use super::{MetricsReader, Part};

/// Maximum number of queries for summaries, and how many more are allowed for each shard: a day
/// without telemetry takes one query in each shard.
const MAX_QUERIES: usize = 64;
const QUERIES_PER_SHARD: usize = 32;

/// Statistics, and where the next part begins.
type Counted = (Series, Option<MetricsPosition>);

/// An hour with known statistics, or consecutive hours without.
enum Hours {
    /// An hour whose statistics are known.
    Known(Timestamp, HourRollup),
    /// Hours that are counted from their summaries.
    Unknown(TimeWindow),
}

/// A part that is being counted.
struct Count {
    newest: Newest,
    summaries_left: usize,
    queries_left: usize,
    has_form_2: bool,
}

impl MetricsReader<'_> {
    /// Counts the hours that are known, and the summaries of all others.
    pub(super) async fn count(mut self, part: Part) -> Result<Counted, Error> {
        if let Some(before) = part.before
            && before != Position::first_at(clock::floor(before.at, HOUR))
        {
            // A part of this hour was counted by an earlier response.
            self.known.remove(&clock::floor(before.at, HOUR));
        }
        let (counted, has_form_2) = self.count_once(part).await?;
        if has_form_2 {
            let marked = self.forget_marked_hours().await?;
            if !marked.is_empty() {
                self.roll_up(marked).await?;
                return Ok(self.count_once(part).await?.0);
            }
        }
        Ok(counted)
    }

    async fn count_once(&self, part: Part) -> Result<(Counted, bool), Error> {
        let shards = self.archive.summaries(self.of.signal, self.window).shards;
        let mut count = Count {
            newest: part.newest(),
            summaries_left: self.summaries_left(),
            queries_left: MAX_QUERIES + QUERIES_PER_SHARD * shards as usize,
            has_form_2: false,
        };
        let mut stopped = None;
        for hours in self.newest_first() {
            match hours {
                Hours::Known(hour, rollup) => count.newest.add(hour, hour, &rollup),
                Hours::Unknown(window) => {
                    let range = SummaryRange {
                        prior_to: part.before,
                        ..self.archive.summaries(self.of.signal, window)
                    };
                    stopped = self.count_summaries(range, &mut count).await?;
                }
            }
            if stopped.is_some() {
                break;
            }
        }
        let counted = match stopped {
            Some(before) => {
                let (series, next) = count.newest.stop(before);
                (series, Some(next))
            }
            None => (count.newest.finish(), None),
        };
        Ok((counted, count.has_form_2))
    }

    /// Returns the number of summaries that may still be read: what the reading of hours has left,
    /// and always enough to get further.
    fn summaries_left(&self) -> usize {
        let most = self.state.max_summaries;
        let left = most.saturating_sub(self.spent.load(Ordering::Relaxed));
        left.max(most / 4).max(1)
    }

    /// Counts summaries from the newest on. Returns the position at which it stopped, or `None` if
    /// it has counted all.
    async fn count_summaries(
        &self,
        range: SummaryRange<'_>,
        count: &mut Count,
    ) -> Result<Option<Position>, Error> {
        let database = &self.state.database;
        let walk = database.walk(range, Direction::Older, count.queries_left);
        let mut walk = walk.in_large_pages();
        while let Some(stored) = walk.next().await? {
            if count.summaries_left == 0 {
                return Ok(Some(stored.position.next()));
            }
            count.summaries_left -= 1;
            count.has_form_2 |= stored.is_form_2();
            self.add_summary(&stored, &mut count.newest);
        }
        count.queries_left = walk.queries_left();
        Ok(walk.stopped())
    }

    fn add_summary(&self, stored: &StoredSummary, newest: &mut Newest) {
        if let Some(summary) = stored.summary(&self.archive.gaps) {
            let mut chunk = HourRollup::expiring(stored.expires_at);
            chunk.add(stored.position.hash, &summary, stored.expires_at);
            newest.add(stored.position.at, stored.hour(), &chunk);
        }
    }

    /// Returns the hours of the window, newest first.
    fn newest_first(&self) -> Vec<Hours> {
        let mut all = Vec::<Hours>::new();
        let hours: Vec<Timestamp> = self.window.hours().collect();
        for hour in hours.into_iter().rev() {
            let window = TimeWindow {
                from: hour,
                to: clock::after(hour, HOUR),
            };
            let window = window.within(self.window);
            match (self.known.get(&hour), all.last_mut()) {
                (Some(rollup), _) => all.push(Hours::Known(hour, self.with_late(hour, rollup))),
                (None, Some(Hours::Unknown(later))) => later.from = window.from,
                (None, _) => all.push(Hours::Unknown(window)),
            }
        }
        all
    }

    /// Returns the rollup of an hour with the late arrivals that it does not contain.
    fn with_late(&self, hour: Timestamp, rollup: &HourRollup) -> HourRollup {
        let mut rollup = rollup.clone();
        if self.sealed.contains(hour) {
            let day = self.stored.days.get(&clock::floor(hour, super::DAY));
            let late = day.into_iter().flat_map(|day| &day.late);
            for late in late.filter(|late| late.hour == hour) {
                rollup.merge(&late.rollup);
            }
        }
        rollup
    }
}
