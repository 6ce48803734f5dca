//! Which chunks of a window a comparison reads.

use std::cmp::Reverse;
use std::collections::HashSet;

use super::{Population, Selection};
use crate::chunk::summary::{Minute, Summary};
use crate::query::sample::spread;

/// Largest number of chunks with selected traces that are read first, of those that have most in
/// common with them, and of all together.
const MOST_SELECTED: usize = 12;
const MOST_RELATED: usize = 12;
const MOST: usize = 32;

/// Largest number of fingerprints of traces that are remembered.
const MAX_FINGERPRINTS: usize = 1_000_000;

/// What the summaries of a window say about its traces.
#[derive(Debug)]
pub struct Chunks<'a> {
    population: &'a Population,
    chunks: Vec<Chunk>,
    fingerprints: usize,
    failed: HashSet<u32>,
}

/// Why a chunk is read. Groups are read in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// It has selected traces.
    Selected,
    /// It has other spans of the traces of these chunks.
    Related,
    /// It stands for the rest of the window.
    Rest,
}

#[derive(Debug)]
struct Chunk {
    /// Fingerprints of its traces, in ascending order.
    traces: Vec<u32>,
    /// Whether it has no other traces.
    has_all_traces: bool,
    /// Whether it may hold a span that meets the filter.
    may_match: bool,
    /// Whether a span of it failed, or was slow.
    has_selected: bool,
}

impl Group {
    /// The part of this many bytes that chunks of this group and of those before may take: half of them
    /// for selected traces, and a quarter more for each other group.
    pub fn part_of(self, bytes: usize) -> usize {
        match self {
            Self::Selected => bytes / 2,
            Self::Related => bytes / 4 * 3,
            Self::Rest => bytes,
        }
    }
}

impl<'a> Chunks<'a> {
    /// No chunks yet.
    pub fn new(population: &'a Population) -> Self {
        Self {
            population,
            chunks: Vec::new(),
            fingerprints: 0,
            failed: HashSet::new(),
        }
    }

    /// Adds the chunk with this summary.
    pub fn add(&mut self, summary: &Summary) {
        let traces = summary.traces.iter().flatten();
        let room = MAX_FINGERPRINTS.saturating_sub(self.fingerprints);
        let mut of_chunk = Vec::new();
        for (fingerprint, counts) in traces.take(room) {
            of_chunk.push(*fingerprint);
            if counts.is_some_and(|counts| counts.errors > 0) {
                self.failed.insert(*fingerprint);
            }
        }
        self.fingerprints += of_chunk.len();
        let known = summary.traces.as_ref();
        self.chunks.push(Chunk {
            has_all_traces: known.is_some_and(|traces| traces.len() == of_chunk.len()),
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

    /// Whether a chunk of the trace with this fingerprint has a failed span of it.
    pub(super) fn is_failed(&self, fingerprint: u32) -> bool {
        self.failed.contains(&fingerprint)
    }

    /// Those of these fingerprints that may be of traces with spans in a chunk that was not read.
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

    /// The places of at most 32 chunks that are worth reading, those first that matter most: some with
    /// selected traces, those with most other spans of these traces, and some of the rest. `fits` decides
    /// whether one more of a group can be read.
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

    /// Whether a chunk may hold spans of selected traces.
    fn may_be_selected(&self, place: usize) -> bool {
        let Chunk {
            traces,
            has_selected,
            ..
        } = &self.chunks[place];
        let is_failed = || traces.iter().any(|trace| self.is_failed(*trace));
        *has_selected || (self.population.selection == Selection::Failed && is_failed())
    }

    /// The chunks with most traces of these, except themselves. Of failed traces alone, if these
    /// are selected.
    fn related(&self, chosen: &[usize]) -> Vec<usize> {
        let traces = chosen.iter().flat_map(|place| &self.chunks[*place].traces);
        let is_of_all = self.population.selection != Selection::Failed;
        let traces = traces.filter(|trace| is_of_all || self.is_failed(**trace));
        let traces: HashSet<u32> = traces.copied().collect();
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
