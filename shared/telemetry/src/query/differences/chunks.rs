//! Which chunks of a window a comparison reads.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use foldhash::{HashSet, HashSetExt as _};
use jiff::Timestamp;

use super::{Population, Selection};
use crate::chunk::summary::{Minute, Summary};
use crate::query::sample::spread;

/// Maximum number of chunks with selected traces that are read first, of those that have most in
/// common with them, and of all together.
const MOST_SELECTED: usize = 12;
const MOST_RELATED: usize = 12;
const MOST: usize = 32;

/// Maximum number of fingerprints of traces that are remembered.
const MAX_FINGERPRINTS: usize = 1_000_000;

/// Seconds by which failed traces with the same fingerprint are distinguished.
const TEN_MINUTES: i64 = 600;

/// What the summaries of a window say about its traces.
#[derive(Debug)]
pub struct Chunks<'a> {
    population: &'a Population,
    chunks: Vec<Chunk>,
    fingerprints: usize,
    /// Fingerprints of traces with a failed span, with the ten minutes of the chunk that has it. With
    /// 100,000 failed traces, 0.6 % of the others have the fingerprint of one.
    failed: HashSet<(u32, i64)>,
    is_full: bool,
}

/// Why a chunk is read. Groups are read in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// It has selected traces.
    Selected,
    /// It has other spans of the traces of these chunks.
    Related,
    /// It represents the rest of the window.
    Rest,
}

#[derive(Debug)]
struct Chunk {
    /// The ten minutes in which its events started.
    times: Vec<i64>,
    /// Fingerprints of its traces, in ascending order.
    traces: Vec<u32>,
    /// Whether it has no other traces.
    has_all_traces: bool,
    /// Whether it may hold a span that meets the filter.
    may_match: bool,
    /// Whether one of its spans failed or was slow.
    has_selected: bool,
}

impl Group {
    /// Returns the part of this many bytes that chunks of this group and of those before may take: half
    /// of them for selected traces, and a quarter more for each other group.
    pub fn part_of(self, bytes: usize) -> usize {
        match self {
            Self::Selected => bytes / 2,
            Self::Related => bytes / 4 * 3,
            Self::Rest => bytes,
        }
    }
}

impl<'a> Chunks<'a> {
    /// Creates an empty collection for this comparison.
    pub fn new(population: &'a Population) -> Self {
        Self {
            population,
            chunks: Vec::new(),
            fingerprints: 0,
            failed: HashSet::new(),
            is_full: false,
        }
    }

    /// Adds the chunk with this summary, the events of which started in the hour from `hour` on.
    pub fn add(&mut self, hour: Timestamp, summary: &Summary) {
        let first = ten_minutes(hour);
        let minutes = summary.minutes.keys();
        let times: BTreeSet<i64> = minutes
            .map(|minute| first + i64::from(minute / 10))
            .collect();
        let traces = summary.traces.iter().flatten();
        let room = MAX_FINGERPRINTS.saturating_sub(self.fingerprints);
        let mut of_chunk = Vec::new();
        for (fingerprint, counts) in traces.take(room) {
            of_chunk.push(*fingerprint);
            let is_failed = counts.is_some_and(|counts| counts.errors > 0);
            if is_failed && self.failed.len() < MAX_FINGERPRINTS {
                let at = times.iter().map(|time| (*fingerprint, *time));
                self.failed.extend(at);
            } else {
                self.is_full |= is_failed;
            }
        }
        self.fingerprints += of_chunk.len();
        let all = summary.traces.as_ref().map(BTreeMap::len);
        self.is_full |= all.is_some_and(|all| all > of_chunk.len());
        self.chunks.push(Chunk {
            times: times.into_iter().collect(),
            has_all_traces: all == Some(of_chunk.len()),
            traces: of_chunk,
            may_match: self.population.filter.may_match(summary),
            has_selected: summary.minutes.values().any(|minute| self.selects(minute)),
        });
    }

    fn selects(&self, minute: &Minute) -> bool {
        match self.population.selection {
            Selection::Failed => minute.all.errors > 0,
            Selection::Slow(least) => {
                let durations = minute.all.durations.as_ref();
                durations.is_some_and(|durations| durations.max_ms() >= least)
            }
        }
    }

    /// Returns whether there are more traces than are remembered, so that some failed ones may
    /// count as others.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Returns whether the trace with this fingerprint and a span that started at this time has a
    /// failed span within about ten minutes.
    pub(super) fn is_failed(&self, fingerprint: u32, at: Timestamp) -> bool {
        self.is_failed_near(fingerprint, ten_minutes(at))
    }

    fn is_failed_near(&self, fingerprint: u32, time: i64) -> bool {
        let mut near = time - 1..=time + 1;
        near.any(|time| self.failed.contains(&(fingerprint, time)))
    }

    /// Returns the fingerprints of the failed traces with spans in a chunk.
    fn failed_of<'c>(&'c self, chunk: &'c Chunk) -> impl Iterator<Item = u32> {
        let is_failed = |trace: &u32| {
            let mut times = chunk.times.iter();
            times.any(|time| self.is_failed_near(*trace, *time))
        };
        chunk.traces.iter().copied().filter(is_failed)
    }

    /// Returns those of these fingerprints that may belong to traces with spans in a chunk that was not
    /// read.
    pub(super) fn partly_read(
        &self,
        read: &HashSet<usize>,
        mut fingerprints: HashSet<u32>,
    ) -> HashSet<u32> {
        let chunks = self.chunks.iter().enumerate();
        let unread = || chunks.clone().filter(|(place, _)| !read.contains(place));
        if unread().all(|(_, chunk)| chunk.has_all_traces) {
            let elsewhere: HashSet<u32> = unread()
                .flat_map(|(_, chunk)| chunk.traces.iter().copied())
                .collect();
            fingerprints.retain(|fingerprint| elsewhere.contains(fingerprint));
        }
        fingerprints
    }

    /// Returns the indexes of at most 32 chunks to read, the most important first: some with selected
    /// traces, those with most other spans of these traces, and some of the rest. `fits` decides whether
    /// one more chunk of a group can be read.
    pub fn chosen(&self, mut fits: impl FnMut(usize, Group) -> bool) -> Vec<usize> {
        let mut chosen = Vec::new();
        let selected =
            |place: &usize| self.chunks[*place].may_match && self.may_be_selected(*place);
        let with_selected: Vec<usize> = (0..self.chunks.len()).filter(selected).collect();
        let spread_out = spread(with_selected.len(), MOST_SELECTED).map(|at| with_selected[at]);
        chosen.extend(spread_out.filter(|place| fits(*place, Group::Selected)));
        let related = self.related(&chosen).into_iter();
        chosen.extend(related.filter(|place| fits(*place, Group::Related)));
        let is_left = |place: &usize| self.chunks[*place].may_match && !chosen.contains(place);
        let rest: Vec<usize> = (0..self.chunks.len()).filter(is_left).collect();
        let spread_out = spread(rest.len(), MOST.saturating_sub(chosen.len())).map(|at| rest[at]);
        chosen.extend(spread_out.filter(|place| fits(*place, Group::Rest)));
        chosen
    }

    /// Returns whether a chunk may hold spans of selected traces.
    fn may_be_selected(&self, place: usize) -> bool {
        let chunk = &self.chunks[place];
        let is_failed = || self.failed_of(chunk).next().is_some();
        chunk.has_selected || (self.population.selection == Selection::Failed && is_failed())
    }

    /// Returns the other chunks with most traces of the chosen ones. If failed traces are selected,
    /// counts only these.
    fn related(&self, chosen: &[usize]) -> Vec<usize> {
        let chunks = chosen.iter().map(|place| &self.chunks[*place]);
        let traces: HashSet<u32> = match self.population.selection {
            Selection::Failed => chunks.flat_map(|chunk| self.failed_of(chunk)).collect(),
            Selection::Slow(_) => chunks.flat_map(|chunk| &chunk.traces).copied().collect(),
        };
        let in_common = |place: usize| {
            let own = self.chunks[place].traces.iter();
            own.filter(|trace| traces.contains(trace)).count()
        };
        let places = (0..self.chunks.len()).filter(|place| !chosen.contains(place));
        let mut counted: Vec<_> = places.map(|place| (in_common(place), place)).collect();
        counted.retain(|(count, _)| *count > 0);
        counted.sort_by_key(|(count, place)| (Reverse(*count), *place));
        counted.truncate(MOST_RELATED);
        counted.into_iter().map(|(_, place)| place).collect()
    }
}

/// Returns the number of the ten minutes that contain a time, counted from 1970.
fn ten_minutes(at: Timestamp) -> i64 {
    at.as_second().div_euclid(TEN_MINUTES)
}
