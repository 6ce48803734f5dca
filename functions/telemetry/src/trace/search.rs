//! The search for the chunks of one trace. It begins near a time, and continues in both directions
//! without reading anything twice. How far it got is in the response and in the cursor.

use std::time::Duration;

use jiff::Timestamp;
use shared::base::clock;
use shared::store::telemetry::Direction;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::event::{Event, LogRecord, Span};
use shared::telemetry::query::cursor::{Extent, Searched};
use shared::telemetry::query::trace::is_whole;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use super::reading::{Budget, Reading, between, events};
use crate::archive::Archive;

/// Time before and after a trace within which its spans and log records are searched. SDKs send in
/// batches, and clocks differ.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// Time before and after `at` that is searched in any case.
const NEAR: Duration = Duration::from_secs(10 * 60);

/// Time before and after the spans found that is searched if one of them has a parent that was not
/// found.
const NEAR_WITHOUT_PARENT: Duration = Duration::from_secs(2 * 60 * 60);

/// Time before and after `at` that is searched first. Most chunks of a trace are there, even if
/// there are many others.
const FIRST_BEFORE: Duration = Duration::from_secs(60);
const FIRST_AFTER: Duration = Duration::from_secs(30);

/// Where a search begins.
#[derive(Clone, Copy)]
pub(super) enum Begin {
    /// Near a time within the trace.
    At(Timestamp),
    /// In a window, and beyond it only if it has spans.
    Within(TimeWindow),
    /// In a window, and then in all stored telemetry.
    Recent(TimeWindow),
}

impl Begin {
    /// The window to search first.
    fn first(self) -> TimeWindow {
        match self {
            Self::At(at) => TimeWindow {
                from: clock::before(at, FIRST_BEFORE),
                to: clock::after(at, FIRST_AFTER),
            },
            Self::Within(window) | Self::Recent(window) => window,
        }
    }

    /// The window that is searched in any case.
    fn near(self) -> TimeWindow {
        match self {
            Self::At(at) => TimeWindow::around(at, NEAR),
            Self::Within(window) | Self::Recent(window) => window,
        }
    }
}

/// A search for the spans of one trace.
pub(super) struct TraceSearch<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    trace_id: &'a str,
    begin: Begin,
    budget: Budget,
    /// What has been searched, by this request and earlier ones.
    pub(super) searched: Searched,
    /// Times of the spans that this request and earlier ones have found, as they were sent.
    pub(super) extent: Option<Extent>,
    /// The spans found by this request.
    pub(super) spans: Vec<Span>,
}

impl<'a> TraceSearch<'a> {
    /// Creates a search that has not read anything yet.
    pub(super) fn of(
        state: &'a crate::State,
        archive: &'a Archive,
        trace_id: &'a str,
        begin: Begin,
    ) -> Self {
        let end = end_of(begin.first().within(archive.everything()));
        let shards = archive.summaries(Signal::Traces, begin.first()).shards;
        Self {
            state,
            archive,
            trace_id,
            begin,
            budget: Budget::of_spans(shards),
            searched: Searched {
                older: end,
                newer: end,
            },
            extent: None,
            spans: Vec::new(),
        }
    }

    /// Searches for the spans of the trace: where the search begins, then further while it finds
    /// spans and, if `goes_on`, until the request has read as much as it may.
    ///
    /// # Errors
    /// When storage fails.
    pub(super) async fn run(&mut self, goes_on: bool) -> Result<(), Error> {
        let mut target = Some(self.begin.first());
        let mut windows = 0;
        while let Some(window) = target {
            windows += 1;
            let window = window.within(self.archive.everything());
            let spans_before = self.spans.len();
            let to = Searched {
                older: Position::first_at(window.from.max(Timestamp::UNIX_EPOCH)),
                newer: end_of(window),
            };
            if !self.extend(to).await? {
                return Ok(());
            }
            // The first two windows are searched in any case.
            let has_new = windows > 2 && self.spans.len() > spans_before;
            target = self.next_window(has_new, goes_on);
        }
        Ok(())
    }

    /// Returns whether all stored telemetry has been searched.
    pub(super) fn is_over(&self) -> bool {
        self.window().covers(&self.archive.everything())
    }

    /// Returns whether the window in which the search begins has been searched.
    pub(super) fn has_searched(&self, begin: Begin) -> bool {
        let window = begin.first().within(self.archive.everything());
        window.from >= window.to || self.window().covers(&window)
    }

    /// Returns the time that has been searched.
    pub(super) fn window(&self) -> TimeWindow {
        TimeWindow {
            from: self.searched.older.at,
            to: self.searched.newer.at,
        }
    }

    /// Returns the window to search next; `None` if the request is done.
    fn next_window(&self, has_new: bool, goes_on: bool) -> Option<TimeWindow> {
        let everything = self.archive.everything();
        let searched = self.window();
        let lacks = |window: TimeWindow| {
            let window = window.within(everything);
            (window.from < window.to && !searched.covers(&window)).then(|| searched.and(window))
        };
        if let Some(missing) = lacks(self.begin.near()) {
            return Some(missing);
        }
        let Some(extent) = self.extent else {
            let is_limited = matches!(self.begin, Begin::Within(_));
            return if is_limited {
                None
            } else {
                lacks(wider(searched))
            };
        };
        let around = |margin| {
            let extent = times(extent);
            TimeWindow {
                from: clock::before(extent.from, margin),
                to: clock::after(extent.to, margin),
            }
        };
        // A trace that extends further is searched in growing steps.
        let margin = MARGIN.max(searched.length() / 2);
        let missing = lacks(around(MARGIN)).and_then(|_| lacks(around(margin)));
        if missing.is_some() {
            return missing;
        }
        if goes_on || has_new {
            return lacks(wider(searched));
        }
        let has_all_parents = self.spans.is_empty() || is_whole(&self.spans);
        if has_all_parents {
            None
        } else {
            lacks(around(NEAR_WITHOUT_PARENT))
        }
    }

    /// Searches what is missing up to these positions. Returns `false` if the request may not read
    /// any more.
    ///
    /// # Errors
    /// When storage fails.
    pub(super) async fn extend(&mut self, to: Searched) -> Result<bool, Error> {
        let mut chunks = Vec::new();
        let mut is_complete = true;
        for direction in [Direction::Older, Direction::Newer] {
            let (from, end) = match direction {
                Direction::Older => (to.older, self.searched.older),
                Direction::Newer => (self.searched.newer, to.newer),
            };
            if from >= end {
                continue;
            }
            let range = between(self.archive, Signal::Traces, from, end);
            let read = Reading {
                state: self.state,
                trace_id: self.trace_id,
                range,
                direction,
            };
            let reached = read.summaries(&mut self.budget, &mut chunks).await?;
            is_complete &= reached.is_none();
            match direction {
                Direction::Older => self.searched.older = reached.unwrap_or(from),
                Direction::Newer => self.searched.newer = reached.unwrap_or(end),
            }
        }
        let range = self
            .archive
            .summaries(Signal::Traces, self.archive.everything());
        let spans = events::<Span>(self.state, &range, self.trace_id, chunks).await?;
        for span in &spans {
            let extent = Extent {
                from_ms: span.start().as_millisecond(),
                to_ms: span.end().as_millisecond(),
            };
            self.extent = Some(extent.and(self.extent));
        }
        self.spans.extend(spans);
        Ok(is_complete)
    }

    /// Returns the log records near the trace in what this request has searched, and whether these
    /// are all. `before` and `extent_before` are what earlier requests had searched and found.
    ///
    /// # Errors
    /// When storage fails.
    pub(super) async fn logs(
        &self,
        before: Searched,
        extent_before: Option<Extent>,
    ) -> Result<(Vec<LogRecord>, bool), Error> {
        let Some(now) = self.extent.map(|extent| near(self.searched, extent)) else {
            return Ok((Vec::new(), true));
        };
        let done = extent_before.map(|extent| near(before, extent));
        let parts = match done {
            Some(done) if done.from < done.to => vec![
                TimeWindow {
                    to: done.from,
                    ..now
                },
                TimeWindow {
                    from: done.to,
                    ..now
                },
            ],
            _ => vec![now],
        };
        let mut chunks = Vec::new();
        let mut is_complete = true;
        for part in parts.into_iter().filter(|part| part.from < part.to) {
            let range = self.archive.summaries_at(Signal::Logs, part);
            let mut budget = Budget::of_logs(range.shards);
            let read = Reading {
                state: self.state,
                trace_id: self.trace_id,
                range,
                direction: Direction::Newer,
            };
            is_complete &= read.summaries(&mut budget, &mut chunks).await?.is_none();
        }
        let range = self
            .archive
            .summaries(Signal::Logs, self.archive.everything());
        let logs = events(self.state, &range, self.trace_id, chunks).await?;
        Ok((logs, is_complete))
    }
}

/// Returns the part of what has been searched that is near a trace.
fn near(searched: Searched, extent: Extent) -> TimeWindow {
    let extent = times(extent);
    let searched = TimeWindow {
        from: searched.older.at,
        to: searched.newer.at,
    };
    searched.within(TimeWindow {
        from: clock::before(extent.from, MARGIN),
        to: clock::after(extent.to, MARGIN),
    })
}

fn times(extent: Extent) -> TimeWindow {
    TimeWindow {
        from: clock::from_millis(extent.from_ms),
        to: clock::from_millis(extent.to_ms),
    }
}

/// Returns the position after all chunks of a window, which may end within a millisecond.
fn end_of(window: TimeWindow) -> Position {
    let rest = Duration::from_millis(1) - Duration::from_nanos(1);
    Position::first_at(clock::after(window.to.max(Timestamp::UNIX_EPOCH), rest))
}

/// Extends a window on both sides by its own length, and by at least [`NEAR`].
fn wider(window: TimeWindow) -> TimeWindow {
    let more = window.length().max(NEAR);
    TimeWindow {
        from: clock::before(window.from, more),
        to: clock::after(window.to, more),
    }
}
