//! The traces of a sample, and what separates them.

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};

use super::score::{is_compared, ranked};
use super::values::{MAX_BYTES, OfService, Resources, Values};
use super::{Chunks, Differences, Population, Selection};
use crate::chunk::summary::fingerprint;
use crate::event::{Event, Span};

/// Maximum number of traces that are counted.
const MAX_TRACES: usize = 50_000;

/// Compares the traces of a sample.
#[derive(Debug)]
pub struct Comparison<'a> {
    population: &'a Population,
    chunks: &'a Chunks<'a>,
    traces: HashMap<String, (u32, Trace)>,
    services: HashMap<Option<String>, OfService>,
    values: Values,
    /// Indexes of the chunks that were read.
    read: HashSet<usize>,
}

/// What the sample says about a trace.
#[derive(Debug, Default)]
struct Trace {
    fingerprint: u32,
    is_failed: bool,
    meets_filter: bool,
    root_ms: Option<f64>,
    longest_ms: f64,
}

/// Numbers of selected and of other traces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sides {
    pub(super) selected: u64,
    pub(super) others: u64,
}

/// Numbers of traces with each value, indexed by the number of the value.
#[derive(Debug)]
pub(super) struct Counts {
    /// Of all traces.
    pub(super) by_value: Vec<Sides>,
    /// Of the traces of which all chunks were read.
    pub(super) by_value_of_whole: Vec<Sides>,
    /// All traces of which all chunks were read.
    pub(super) whole: Sides,
}

impl<'a> Comparison<'a> {
    /// Creates a comparison without any spans.
    pub fn new(population: &'a Population, chunks: &'a Chunks<'a>) -> Self {
        Self {
            population,
            chunks,
            traces: HashMap::new(),
            services: HashMap::new(),
            values: Values::default(),
            read: HashSet::new(),
        }
    }

    /// Adds the spans of the chunk at this index that are in the window. Returns those that were
    /// counted: none from the first on that exceeds a limit.
    pub fn add<'s>(&mut self, place: usize, chunk: &'s [Span]) -> Vec<&'s Span> {
        let mut resources = Resources::new();
        let mut counted = Vec::new();
        let window = self.population.window;
        for span in chunk.iter().filter(|span| window.contains(span.start())) {
            if !self.is_full() {
                self.add_span(span, &mut resources);
            }
            if self.is_full() {
                return counted;
            }
            counted.push(span);
        }
        self.read.insert(place);
        counted
    }

    /// Returns whether a limit was exceeded, so that no more spans are counted.
    pub fn is_full(&self) -> bool {
        self.values.is_full
    }

    fn add_span(&mut self, span: &Span, resources: &mut Resources) {
        match self.trace_of(span) {
            Some(trace) => self.add_values(trace, span, resources),
            None => self.values.is_full = true,
        }
    }

    /// Returns the number of the trace of a span; `None` if there are too many traces.
    fn trace_of(&mut self, span: &Span) -> Option<u32> {
        if !self.traces.contains_key(&span.trace_id) {
            let number = u32::try_from(self.traces.len()).ok()?;
            if self.traces.len() == MAX_TRACES {
                return None;
            }
            let trace = Trace {
                fingerprint: fingerprint(&span.trace_id),
                ..Trace::default()
            };
            self.traces.insert(span.trace_id.clone(), (number, trace));
        }
        let (number, trace) = self.traces.get_mut(&span.trace_id)?;
        let duration = span.duration_ms.unwrap_or_default();
        trace.is_failed = trace.is_failed
            || span.is_error()
            || self.chunks.is_failed(trace.fingerprint, span.start());
        trace.meets_filter |= self.population.filter.matches(span);
        trace.longest_ms = trace.longest_ms.max(duration);
        if span.is_root() {
            trace.root_ms = Some(trace.root_ms.unwrap_or_default().max(duration));
        }
        Some(*number)
    }

    fn add_values(&mut self, trace: u32, span: &Span, resources: &mut Resources) {
        let service = span.service().filter(|service| service.len() <= MAX_BYTES);
        let service = service.map(ToOwned::to_owned);
        if !self.services.contains_key(&service) {
            let Some(own) = self.values.next() else {
                return;
            };
            self.services.insert(
                service.clone(),
                OfService::new(own, self.population.selection),
            );
        }
        if let Some(of_service) = self.services.get_mut(&service) {
            of_service.add(trace, span, resources, &mut self.values);
        }
    }

    /// Returns what separates the selected traces best.
    pub fn finish(self) -> Differences {
        let (all, counts) = self.counts();
        let services = self.services.iter();
        let values = services.flat_map(|(name, of_service)| of_service.values(name.as_deref()));
        let differences = values.map(|named| named.compared(&counts));
        let is_compared = |sides: &&Sides| is_compared(sides.selected + sides.others);
        let compared = counts.by_value.iter().filter(is_compared).count();
        Differences {
            selected: all.selected,
            others: all.others,
            values: ranked(differences, compared),
            is_truncated: self.is_full() || self.chunks.is_full(),
        }
    }

    /// Counts all compared traces, and those with each value.
    fn counts(&self) -> (Sides, Counts) {
        let compared = || self.traces.values().filter(|(_, trace)| trace.meets_filter);
        let fingerprints = compared().map(|(_, trace)| trace.fingerprint).collect();
        let partly_read = self.chunks.partly_read(&self.read, fingerprints);
        let none = vec![Sides::default(); self.values.count as usize];
        let mut all = Sides::default();
        let mut counts = Counts {
            by_value: none.clone(),
            by_value_of_whole: none,
            whole: Sides::default(),
        };
        let mut sides: HashMap<u32, (bool, bool)> = HashMap::with_capacity(self.traces.len());
        for (number, trace) in compared() {
            let Some(is_selected) = trace.is_selected(self.population.selection) else {
                continue;
            };
            let is_whole = !partly_read.contains(&trace.fingerprint);
            all.add(is_selected);
            if is_whole {
                counts.whole.add(is_selected);
            }
            sides.insert(*number, (is_selected, is_whole));
        }
        for (trace, value) in &self.values.pairs {
            if let Some((is_selected, is_whole)) = sides.get(trace) {
                counts.add(*value as usize, *is_selected, *is_whole);
            }
        }
        (all, counts)
    }
}

impl Counts {
    fn add(&mut self, value: usize, is_selected: bool, is_whole: bool) {
        if let Some(sides) = self.by_value.get_mut(value) {
            sides.add(is_selected);
        }
        if let Some(sides) = self.by_value_of_whole.get_mut(value).filter(|_| is_whole) {
            sides.add(is_selected);
        }
    }
}

impl Trace {
    /// Returns whether the trace is selected. `None` if the sample does not have the root of a trace
    /// that may be slow.
    fn is_selected(&self, selection: Selection) -> Option<bool> {
        match selection {
            Selection::Failed => Some(self.is_failed),
            Selection::Slow(least) => {
                let is_slow = self.root_ms.map(|duration| duration >= least);
                is_slow.or((self.longest_ms >= least).then_some(true))
            }
        }
    }
}

impl Sides {
    fn add(&mut self, is_selected: bool) {
        self.selected += u64::from(is_selected);
        self.others += u64::from(!is_selected);
    }
}
