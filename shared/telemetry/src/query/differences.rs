//! What failed or slow traces have in common that the others of a window do not: services,
//! operations and attributes, ranked by how well they separate the two.

mod chunks;
mod score;
mod seen;
mod values;

use super::spans::SpanFilter;
use super::window::TimeWindow;

pub use self::chunks::{Chunks, Group};
pub use self::score::Share;
pub use self::seen::Comparison;

/// Maximum number of values that are returned.
const MOST_VALUES: usize = 20;

/// Number of traces on either side below which smaller differences are not found.
const FEW: u64 = 10;

/// The traces that are compared with the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    /// Those with a failed span.
    Failed,
    /// Those that took at least this many milliseconds: their root or, if the sample does not have
    /// it, their longest span. Traces without a root or such a span are not compared.
    Slow(f64),
}

/// The traces of a comparison.
#[derive(Debug, Clone)]
pub struct Population {
    /// Traces to explain.
    pub selection: Selection,
    /// Filter that one span of each trace must match.
    pub filter: SpanFilter,
    /// Time range in which the compared spans started.
    pub window: TimeWindow,
}

/// What separates the selected traces from the others.
#[derive(Debug, PartialEq)]
pub struct Differences {
    /// Number of selected traces.
    pub selected: u64,
    /// Number of other traces.
    pub others: u64,
    /// At most 20 values, those that separate best first.
    pub values: Vec<Difference>,
    /// Whether the sample had more traces or values than are compared. The rest of it was not looked at.
    pub is_truncated: bool,
}

/// A value that is more frequent in the selected traces. Shares are of the traces with spans of the
/// service or, if the value is a service, of the traces of which all chunks were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Service, name or attribute that has the value.
    pub field: Field,
    /// The value, as a filter takes it.
    pub value: String,
    /// Service of the spans, if they have one.
    pub service: Option<String>,
    /// Selected traces with the value.
    pub selected: Share,
    /// Other traces with the value.
    pub others: Share,
}

/// Field of a span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Its service.
    Service,
    /// Its name, as shown.
    Name,
    /// The attribute with this name, of the span or of its resource.
    Attribute(String),
}

impl Differences {
    /// Returns whether a side has so few traces that only large differences are found.
    pub fn is_small(&self) -> bool {
        self.selected.min(self.others) < FEW
    }
}

#[cfg(test)]
mod tests;
