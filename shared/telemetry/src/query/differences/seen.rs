//! Counts the values of spans by trace, in bounded memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::score::ranked;
use super::{Chunks, Difference, Differences, Field, Population, Selection, Share};
use crate::chunk::summary::fingerprint;
use crate::event::{Event, Span};

/// Largest numbers of traces, of values, and of values of traces that are counted. What appears first
/// is kept.
const MAX_TRACES: usize = 50_000;
const MAX_VALUES: usize = 50_000;
const MAX_PAIRS: usize = 1_000_000;

/// Longest name or value that is counted, in bytes. No filter finds a part of a longer one.
const MAX_BYTES: usize = 128;

/// Attributes that say that a span failed, or which have another filter.
const LEFT_OUT: [&str; 5] = [
    "error",
    "http.response.status_code",
    "http.status_code",
    "otel.status_code",
    "service.name",
];

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

/// The numbers of the values that spans of a service have.
#[derive(Debug)]
struct OfService {
    own: u32,
    names: HashMap<String, u32>,
    attributes: HashMap<String, HashMap<String, u32>>,
}

/// Numbers of selected and of other traces.
#[derive(Debug, Clone, Copy, Default)]
struct Sides {
    selected: u64,
    others: u64,
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
            let of_service = OfService {
                own,
                names: HashMap::new(),
                attributes: HashMap::new(),
            };
            self.services.insert(service.clone(), of_service);
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

/// Counts the values of the spans of a trace.
struct Counter<'a> {
    trace: u32,
    values: &'a mut u32,
    pairs: &'a mut HashSet<(u32, u32)>,
    is_truncated: &'a mut bool,
}

impl Counter<'_> {
    /// Whether there may be one more value.
    fn has_room(&mut self) -> bool {
        let has_room = (*self.values as usize) < MAX_VALUES;
        *self.is_truncated |= !has_room;
        has_room
    }

    /// The number of a new value; `None` if there are too many.
    fn next(&mut self) -> Option<u32> {
        if !self.has_room() {
            return None;
        }
        *self.values += 1;
        Some(*self.values - 1)
    }

    /// Counts a value, and gives it a number if it has none. Longer ones are left out.
    fn count(&mut self, numbers: &mut HashMap<String, u32>, value: &str) {
        if value.len() > MAX_BYTES {
            return;
        }
        let known = numbers.get(value).copied();
        if let Some(number) = known.or_else(|| self.next()) {
            if known.is_none() {
                numbers.insert(value.to_owned(), number);
            }
            self.has(number);
        }
    }

    /// The trace has the value with this number.
    fn has(&mut self, number: u32) {
        if self.pairs.len() < MAX_PAIRS {
            self.pairs.insert((self.trace, number));
        } else {
            *self.is_truncated |= !self.pairs.contains(&(self.trace, number));
        }
    }
}

impl OfService {
    fn add(&mut self, span: &Span, counter: &mut Counter<'_>) {
        counter.has(self.own);
        counter.count(&mut self.names, &span.display_name());
        let resource = span.resource_scope().map(|shared| &shared.resource);
        for (key, value) in span.attributes.iter().chain(resource.into_iter().flatten()) {
            self.add_attribute(key, value, counter);
        }
    }

    fn add_attribute(&mut self, key: &str, value: &Value, counter: &mut Counter<'_>) {
        if key.is_empty() || key.len() > MAX_BYTES || LEFT_OUT.contains(&key) {
            return;
        }
        let text = match value {
            Value::String(text) => Cow::from(text),
            Value::Bool(_) | Value::Number(_) => Cow::from(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => return,
        };
        if !self.attributes.contains_key(key) && counter.has_room() {
            self.attributes.insert(key.to_owned(), HashMap::new());
        }
        if let Some(numbers) = self.attributes.get_mut(key) {
            counter.count(numbers, &text);
        }
    }

    /// All values that were counted, with their numbers.
    fn values<'a>(&'a self, service: Option<&'a str>) -> impl Iterator<Item = Named<'a>> {
        let named = move |field: Field, value: &'a str, number| Named {
            field,
            value,
            number,
            service,
            of: self.own,
        };
        let own = service.map(|service| named(Field::Service, service, self.own));
        let names = self.names.iter();
        let names = names.map(move |(name, number)| named(Field::Name, name, *number));
        let attributes = self.attributes.iter().flat_map(move |(key, numbers)| {
            let field = Field::Attribute(key.clone());
            numbers
                .iter()
                .map(move |(value, number)| named(field.clone(), value, *number))
        });
        own.into_iter().chain(names).chain(attributes)
    }
}

/// A value that was counted.
struct Named<'a> {
    field: Field,
    value: &'a str,
    number: u32,
    service: Option<&'a str>,
    /// Number of the service.
    of: u32,
}

impl Named<'_> {
    fn compared(self, counts: &[Sides], all: Sides) -> Difference {
        let count = |number: u32| counts.get(number as usize).copied().unwrap_or_default();
        let with_value = count(self.number);
        let of = match self.field {
            Field::Service => all,
            Field::Name | Field::Attribute(_) => count(self.of),
        };
        Difference {
            field: self.field,
            value: self.value.to_owned(),
            service: self.service.map(ToOwned::to_owned),
            selected: Share {
                count: with_value.selected,
                of: of.selected,
            },
            others: Share {
                count: with_value.others,
                of: of.others,
            },
        }
    }
}
