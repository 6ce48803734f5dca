//! The traces of a sample, and what separates them.

use std::collections::{HashMap, HashSet};

use super::score::ranked;
use super::values::{Counter, MAX_BYTES, OfService};
use super::{Chunks, Differences, Population, Selection};
use crate::chunk::summary::fingerprint;
use crate::event::{Event, Span};

/// Largest number of traces that are counted. What appears first is kept.
const MAX_TRACES: usize = 50_000;

/// Compares the traces of a sample.
#[derive(Debug)]
pub struct Comparison<'a> {
    population: &'a Population,
    chunks: &'a Chunks<'a>,
    traces: HashMap<String, (u32, Trace)>,
    services: HashMap<Option<String>, OfService>,
    values: u32,
    /// A trace, and a value that a span of it has.
    pairs: HashSet<(u32, u32)>,
    is_truncated: bool,
}

/// What the sample says about a trace.
#[derive(Debug, Default)]
struct Trace {
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

impl<'a> Comparison<'a> {
    /// No spans yet.
    pub fn new(population: &'a Population, chunks: &'a Chunks<'a>) -> Self {
        Self {
            population,
            chunks,
            traces: HashMap::new(),
            services: HashMap::new(),
            values: 0,
            pairs: HashSet::new(),
            is_truncated: false,
        }
    }

    /// Adds a span if it is in the window. Returns whether it is.
    pub fn add(&mut self, span: &Span) -> bool {
        if !self.population.window.contains(span.start()) {
            return false;
        }
        let Some(trace) = self.trace_of(span) else {
            self.is_truncated = true;
            return true;
        };
        self.add_values(trace, span);
        true
    }

    /// The number of the trace of a span; `None` if there are too many.
    fn trace_of(&mut self, span: &Span) -> Option<u32> {
        if !self.traces.contains_key(&span.trace_id) {
            let number = u32::try_from(self.traces.len()).ok()?;
            if self.traces.len() == MAX_TRACES {
                return None;
            }
            let trace = Trace {
                is_failed: self.chunks.is_failed(fingerprint(&span.trace_id)),
                ..Trace::default()
            };
            self.traces.insert(span.trace_id.clone(), (number, trace));
        }
        let (number, trace) = self.traces.get_mut(&span.trace_id)?;
        let duration = span.duration_ms.unwrap_or_default();
        trace.is_failed |= span.is_error();
        trace.meets_filter |= self.population.filter.matches(span);
        trace.longest_ms = trace.longest_ms.max(duration);
        if span.is_root() {
            trace.root_ms = Some(trace.root_ms.unwrap_or_default().max(duration));
        }
        Some(*number)
    }

    fn add_values(&mut self, trace: u32, span: &Span) {
        let mut counter = Counter {
            trace,
            values: &mut self.values,
            pairs: &mut self.pairs,
            is_truncated: &mut self.is_truncated,
        };
        let service = span.service().filter(|service| service.len() <= MAX_BYTES);
        let service = service.map(ToOwned::to_owned);
        if !self.services.contains_key(&service) {
            let Some(own) = counter.next() else {
                return;
            };
            self.services.insert(service.clone(), OfService::new(own));
        }
        if let Some(of_service) = self.services.get_mut(&service) {
            of_service.add(span, &mut counter);
        }
    }

    /// What separates the selected traces best.
    pub fn finish(self) -> Differences {
        let mut all = Sides::default();
        let mut sides: HashMap<u32, bool> = HashMap::with_capacity(self.traces.len());
        for (number, trace) in self.traces.values().filter(|(_, trace)| trace.meets_filter) {
            let is_selected = trace.is_selected(self.population.selection);
            all.add(is_selected);
            sides.insert(*number, is_selected);
        }
        let mut counts = vec![Sides::default(); self.values as usize];
        for (trace, value) in &self.pairs {
            let side = sides.get(trace).copied();
            if let (Some(is_selected), Some(counts)) = (side, counts.get_mut(*value as usize)) {
                counts.add(is_selected);
            }
        }
        let services = self.services.iter();
        let values = services.flat_map(|(name, of_service)| of_service.values(name.as_deref()));
        let compared = values.map(|named| named.compared(&counts, all));
        Differences {
            selected: all.selected,
            others: all.others,
            values: ranked(compared),
            is_truncated: self.is_truncated,
        }
    }
}

impl Trace {
    fn is_selected(&self, selection: Selection) -> bool {
        match selection {
            Selection::Failed => self.is_failed,
            Selection::Slow(least) => self.root_ms.unwrap_or(self.longest_ms) >= least,
        }
    }
}

impl Sides {
    fn add(&mut self, is_selected: bool) {
        self.selected += u64::from(is_selected);
        self.others += u64::from(!is_selected);
    }
}
