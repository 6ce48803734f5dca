//! The columns of spans: first the core, which list rows and the search for a trace need, then
//! the attributes, events and links.

mod read;

use foldhash::HashMap;

use super::attributes;
use super::bytes::{put, put_len, zigzag};
use super::columns::{
    code_of, put_durations, put_id_column, put_ids, put_indexes, put_numbers, put_sparse, put_texts,
};
use super::extras::Extras;
use super::resource_scopes::put_resource_scopes;
use crate::event::http::{method_of, url_of};
use crate::event::{Span, SpanKind, SpanOutcome, nanoseconds};

pub(crate) use read::{read_entries, read_spans};

const OUTCOMES: [SpanOutcome; 2] = [SpanOutcome::Ok, SpanOutcome::Error];

/// The span has no parent.
const NO_PARENT: u64 = 0;
/// The parent is not in the chunk; its id is in a list at the end.
const ELSEWHERE: u64 = 1;
/// Smallest code of a parent in the chunk: the distance of its row.
const IN_CHUNK: u64 = 2;

/// The column of times has the starts of the spans.
const STARTS: u8 = 0;
/// The column of times has the ends of the spans.
const ENDS: u8 = 1;

/// Nanoseconds in a millisecond.
const MILLISECOND: i64 = 1_000_000;

/// Method and URL equal the values of the attributes, and are not stored again.
const FROM_ATTRIBUTES: u8 = 1;
/// Method and URL are columns.
const COLUMNS: u8 = 0;

/// Appends the columns of these spans.
pub(crate) fn put_spans(out: &mut Vec<u8>, spans: &[&Span]) {
    put_core(out, spans);
    put_attributes(out, spans);
}

fn put_core(out: &mut Vec<u8>, spans: &[&Span]) {
    put_len(out, spans.len());
    put_id_column(out, spans.iter().map(|span| Some(&*span.trace_id)));
    put_span_ids(out, spans);
    put_times(out, spans);
    let durations: Vec<Option<f64>> = spans.iter().map(|span| span.duration_ms).collect();
    put_durations(out, &durations);
    put_resource_scopes(out, spans.iter().map(|span| span.resource_scope.as_ref()));
    put_texts(out, spans, Span::own_service);
    put_codes(out, spans, |span| code_of(&SpanKind::ALL, span.kind));
    put_codes(out, spans, |span| code_of(&OUTCOMES, span.outcome));
    put_codes(out, spans, |span| span.status.map_or(0, u32::from));
    put_texts(out, spans, |span| span.name.as_deref());
    put_texts(out, spans, |span| span.status_message.as_deref());
    put_http(out, spans);
}

/// Appends the ids of the spans and of their parents.
fn put_span_ids(out: &mut Vec<u8>, spans: &[&Span]) {
    let ids: Vec<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    put_ids(out, &ids);
    let rows: HashMap<&str, i64> = ids.iter().copied().zip(0..).collect();
    let mut elsewhere = Vec::new();
    for (row, span) in (0_i64..).zip(spans) {
        let Some(parent) = span.parent_span_id.as_deref() else {
            put(out, NO_PARENT);
            continue;
        };
        if let Some(at) = rows.get(parent) {
            put(out, IN_CHUNK + zigzag(row - at));
        } else {
            put(out, ELSEWHERE);
            elsewhere.push(parent);
        }
    }
    put_ids(out, &elsewhere);
}

/// Appends the starts of the spans, or their ends if only these are whole milliseconds and so take fewer
/// bytes. SDKs that set the timestamp when a span ends produce such spans.
fn put_times(out: &mut Vec<u8>, spans: &[&Span]) {
    let starts: Vec<i64> = spans.iter().map(|span| span.start_ns).collect();
    let ends: Vec<i64> = spans
        .iter()
        .map(|span| {
            span.start_ns
                .wrapping_add_unsigned(duration_ns(span.duration_ms))
        })
        .collect();
    let are_whole = |times: &[i64]| times.iter().all(|nanos| nanos % MILLISECOND == 0);
    if are_whole(&ends) && !are_whole(&starts) {
        out.push(ENDS);
        put_numbers(out, &ends);
    } else {
        out.push(STARTS);
        put_numbers(out, &starts);
    }
}

fn duration_ns(duration_ms: Option<f64>) -> u64 {
    nanoseconds(duration_ms.unwrap_or_default())
}

fn put_codes(out: &mut Vec<u8>, spans: &[&Span], code: impl Fn(&Span) -> u32) {
    let codes: Vec<u32> = spans.iter().map(|span| code(span)).collect();
    put_indexes(out, &codes);
}

/// Appends method and URL, unless OpenTelemetry's attributes have the same values.
fn put_http(out: &mut Vec<u8>, spans: &[&Span]) {
    let is_in_attributes = |span: &&Span| {
        span.name.is_some()
            && span.method.as_deref() == method_of(&span.attributes)
            && span.url.as_deref() == url_of(&span.attributes)
    };
    if spans.iter().all(is_in_attributes) {
        out.push(FROM_ATTRIBUTES);
    } else {
        out.push(COLUMNS);
        put_texts(out, spans, |span| span.method.as_deref());
        put_texts(out, spans, |span| span.url.as_deref());
    }
}

fn put_attributes(out: &mut Vec<u8>, spans: &[&Span]) {
    let columns = attributes::columns(spans.iter().map(|span| &span.attributes));
    attributes::put(out, &columns, spans.len());
    let parts = spans.iter().enumerate().filter_map(|(row, span)| {
        let has_parts = !span.events.is_empty() || !span.links.is_empty();
        let json = serde_json::to_string(&(&span.events, &span.links));
        has_parts.then(|| (row, json.unwrap_or_default()))
    });
    put_sparse(out, &parts.collect::<Vec<_>>());
    let mut extras = Extras::default();
    let count = |count: u32| Some(count).filter(|count| *count > 0);
    extras.texts(
        TRACE_STATE,
        spans.iter().map(|span| span.trace_state.as_deref()),
    );
    extras.numbers(FLAGS, spans.iter().map(|span| span.flags));
    extras.numbers(
        DROPPED_ATTRIBUTES,
        spans.iter().map(|span| count(span.dropped.attributes)),
    );
    extras.numbers(
        DROPPED_EVENTS,
        spans.iter().map(|span| count(span.dropped.events)),
    );
    extras.numbers(
        DROPPED_LINKS,
        spans.iter().map(|span| count(span.dropped.links)),
    );
    extras.truncations(spans.iter().map(|span| &span.truncations[..]));
    extras.notes(spans.iter().map(|span| &span.notes[..]));
    extras.write(out);
}

const TRACE_STATE: u8 = 1;
const FLAGS: u8 = 2;
const DROPPED_ATTRIBUTES: u8 = 3;
const DROPPED_EVENTS: u8 = 4;
const DROPPED_LINKS: u8 = 5;
