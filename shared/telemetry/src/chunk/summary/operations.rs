//! Rate, errors and durations ("RED") of the operations with most events, requests first.

use std::collections::BTreeMap;

use super::{Counted, Stats};
use crate::event::{Span, SpanKind};

/// Maximum number of operations that a summary keeps.
const MOST: usize = 16;

/// Longest name, and longest service, of an operation that a summary keeps, in bytes. Longer names are
/// usually URLs that occur once.
const MAX_NAME_BYTES: usize = 200;

/// The operations of a chunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operations {
    /// Operations with most events: the requests, then the others, each in descending order of
    /// their number.
    pub top: Vec<Operation>,
    /// Number of all operations.
    pub total: usize,
}

/// Statistics of the spans with the same service, name and kind, which are either all requests or all
/// not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Service that recorded the spans.
    pub service: Option<String>,
    /// Display name of the spans.
    pub name: String,
    /// Role of the spans in their traces.
    pub kind: Option<SpanKind>,
    /// Whether the spans are requests; see [`Span::is_request`].
    pub(crate) is_request: bool,
    /// Statistics, with percentiles within 11 %.
    pub stats: Stats,
}

impl Operations {
    /// Computes the operations of these spans.
    pub(super) fn of(spans: &[&Span]) -> Self {
        let mut all = BTreeMap::<(Option<&str>, String, Option<SpanKind>, bool), Stats>::new();
        for span in spans {
            let key = (
                span.service(),
                span.display_name(),
                span.kind,
                span.is_request(),
            );
            all.entry(key).or_default().count(Counted::from(*span));
        }
        let total = all.len();
        let mut all: Vec<_> = all
            .into_iter()
            .filter(|((service, name, ..), _)| {
                name.len().max(service.map_or(0, str::len)) <= MAX_NAME_BYTES
            })
            .collect();
        // The sort is stable, so equal counts keep the order of their names.
        all.sort_by_key(|((.., is_request), stats)| std::cmp::Reverse((*is_request, stats.count)));
        let top = all.into_iter().take(MOST);
        let top = top.map(|((service, name, kind, is_request), stats)| Operation {
            service: service.map(str::to_owned),
            name,
            kind,
            is_request,
            stats: stats.coarse(),
        });
        Self {
            top: top.collect(),
            total,
        }
    }
}
