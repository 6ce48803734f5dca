//! The columns of spans: first the core, which list rows and the search for a trace need, then
//! the attributes, events and links.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::bytes::{FormError, Reader, put, put_len, unzigzag, zigzag};
use super::codec::Rows;
use super::columns::{
    Durations, IdList, TextColumn, Texts, indexes, numbers, put_durations, put_ids, put_indexes,
    put_numbers, put_sparse, sparse,
};
use super::extras::{Extras, ReadExtras};
use super::resource_scopes::{ResourceScopes, put_resource_scopes};
use super::summary::Entry;
use super::{attributes, memory};
use crate::event::http::{method_of, url_of};
use crate::event::{Span, SpanEvent, SpanKind, SpanLink, SpanOutcome};

const OUTCOMES: [SpanOutcome; 2] = [SpanOutcome::Ok, SpanOutcome::Error];

/// The span has no parent.
const NO_PARENT: u64 = 0;
/// The parent is not in the chunk; its id is in a list at the end.
const ELSEWHERE: u64 = 1;
/// Smallest code of a parent in the chunk: the distance of its row.
const IN_CHUNK: u64 = 2;

/// Method and URL are those that the attributes name.
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
    put_trace_ids(out, spans);
    put_span_ids(out, spans);
    let starts: Vec<i64> = spans.iter().map(|span| span.start_ns).collect();
    put_numbers(out, &starts);
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

fn put_trace_ids(out: &mut Vec<u8>, spans: &[&Span]) {
    let mut known = HashMap::<&str, u32>::new();
    let mut ids: Vec<&str> = Vec::new();
    let mut rows = Vec::with_capacity(spans.len());
    for span in spans {
        let id = span.trace_id.as_str();
        rows.push(*known.entry(id).or_insert_with(|| {
            ids.push(id);
            u32::try_from(ids.len()).unwrap_or(u32::MAX)
        }));
    }
    put_len(out, ids.len());
    put_ids(out, &ids);
    put_indexes(out, &rows);
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

fn put_texts<'a>(
    out: &mut Vec<u8>,
    spans: &[&'a Span],
    text: impl Fn(&'a Span) -> Option<&'a str>,
) {
    TextColumn::of(spans.iter().map(|span| text(span))).write(out);
}

fn put_codes(out: &mut Vec<u8>, spans: &[&Span], code: impl Fn(&Span) -> u32) {
    let codes: Vec<u32> = spans.iter().map(|span| code(span)).collect();
    put_indexes(out, &codes);
}

/// The place of a value among all values, counted from 1; 0 for none.
fn code_of<T: PartialEq>(all: &[T], value: Option<T>) -> u32 {
    let place = value.and_then(|value| (1..).zip(all).find(|(_, other)| **other == value));
    place.map_or(0, |(code, _)| code)
}

/// Appends method and URL, unless OpenTelemetry's attributes name the same.
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
    extras.write(out);
}

const TRACE_STATE: u8 = 1;
const FLAGS: u8 = 2;
const DROPPED_ATTRIBUTES: u8 = 3;
const DROPPED_EVENTS: u8 = 4;
const DROPPED_LINKS: u8 = 5;

/// The core columns of the spans of a chunk.
struct Core<'a> {
    rows: usize,
    trace_ids: IdList<'a>,
    traces: Vec<u32>,
    span_ids: IdList<'a>,
    parents: Vec<u64>,
    elsewhere: IdList<'a>,
    starts: Vec<i64>,
    durations: Durations,
    resource_scopes: ResourceScopes,
    services: Texts<'a>,
    kinds: Vec<u32>,
    outcomes: Vec<u32>,
    statuses: Vec<u32>,
    names: Texts<'a>,
    status_messages: Texts<'a>,
    http: Option<(Texts<'a>, Texts<'a>)>,
}

impl<'a> Core<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, FormError> {
        let rows = reader.count()?;
        reader.take_memory(rows.saturating_mul(memory::SPAN))?;
        let traces = reader.count()?;
        let trace_ids = IdList::read(reader, traces)?;
        let traces = indexes(reader, rows, traces)?;
        let span_ids = IdList::read(reader, rows)?;
        let parents: Vec<u64> = (0..rows)
            .map(|_| reader.number())
            .collect::<Result<_, _>>()?;
        let elsewhere = parents.iter().filter(|code| **code == ELSEWHERE).count();
        Ok(Self {
            rows,
            trace_ids,
            traces,
            span_ids,
            parents,
            elsewhere: IdList::read(reader, elsewhere)?,
            starts: numbers(reader, rows)?,
            durations: Durations::read(reader, rows)?,
            resource_scopes: ResourceScopes::read(reader, rows)?,
            services: Texts::read(reader, rows)?,
            kinds: indexes(reader, rows, SpanKind::ALL.len())?,
            outcomes: indexes(reader, rows, OUTCOMES.len())?,
            statuses: indexes(reader, rows, u16::MAX.into())?,
            names: Texts::read(reader, rows)?,
            status_messages: Texts::read(reader, rows)?,
            http: match reader.byte()? {
                FROM_ATTRIBUTES => None,
                COLUMNS => Some((Texts::read(reader, rows)?, Texts::read(reader, rows)?)),
                _ => return Err(FormError::Damaged("method and URL")),
            },
        })
    }

    /// The rows that are wanted.
    fn wanted(&self, rows: Rows<'_>) -> Vec<bool> {
        match rows {
            Rows::All => vec![true; self.rows],
            Rows::OfTrace(id) => {
                let code = self.trace_ids.position(id);
                let code = code.and_then(|place| u32::try_from(place + 1).ok());
                let of_trace = |trace: &u32| Some(*trace) == code;
                self.traces.iter().map(of_trace).collect()
            }
        }
    }

    fn trace_id(&self, row: usize) -> Result<String, FormError> {
        let index = self.traces.get(row).and_then(|code| code.checked_sub(1));
        let id = index.and_then(|index| self.trace_ids.get(index as usize));
        id.ok_or(FormError::Damaged("a trace id"))
    }

    /// The ids of the parents, by row.
    fn parent_ids(&self, wanted: &[bool]) -> Result<Vec<Option<String>>, FormError> {
        let mut elsewhere = 0..;
        let mut ids = Vec::with_capacity(self.rows);
        for (row, code) in self.parents.iter().enumerate() {
            let id = match *code {
                NO_PARENT => {
                    ids.push(None);
                    continue;
                }
                ELSEWHERE => elsewhere.next().map(|index| (&self.elsewhere, index)),
                code => row
                    .checked_add_signed(
                        isize::try_from(-unzigzag(code - IN_CHUNK)).unwrap_or(isize::MIN),
                    )
                    .map(|index| (&self.span_ids, index)),
            };
            if !wanted[row] {
                ids.push(None);
                continue;
            }
            let id = id.and_then(|(list, index)| list.get(index));
            ids.push(Some(id.ok_or(FormError::Damaged("the id of a parent"))?));
        }
        Ok(ids)
    }

    /// A span without what follows the core.
    fn span(&self, row: usize, parent_span_id: Option<String>) -> Result<Span, FormError> {
        let http = self.http.as_ref();
        Ok(Span {
            trace_id: self.trace_id(row)?,
            span_id: self
                .span_ids
                .get(row)
                .ok_or(FormError::Damaged("a span id"))?,
            parent_span_id,
            name: self.names.owned(row),
            kind: value_of(&SpanKind::ALL, &self.kinds, row),
            start_ns: self.starts.get(row).copied().unwrap_or_default(),
            duration_ms: self.durations.get(row),
            method: http.and_then(|(methods, _)| methods.owned(row)),
            url: http.and_then(|(_, urls)| urls.owned(row)),
            status: self.status(row),
            outcome: value_of(&OUTCOMES, &self.outcomes, row),
            status_message: self.status_messages.owned(row),
            resource_scope: self.resource_scopes.get(row),
            ..Span::default()
        })
    }

    fn status(&self, row: usize) -> Option<u16> {
        let status = u16::try_from(*self.statuses.get(row)?).ok();
        status.filter(|status| *status > 0)
    }
}

/// The value whose code a row has.
fn value_of<T: Copy>(all: &[T], codes: &[u32], row: usize) -> Option<T> {
    let place = codes.get(row)?.checked_sub(1)?;
    all.get(place as usize).copied()
}

/// Reads the spans of the wanted rows.
pub(crate) fn read_spans(reader: &mut Reader<'_>, rows: Rows<'_>) -> Result<Vec<Span>, FormError> {
    let core = Core::read(reader)?;
    let wanted = core.wanted(rows);
    if !wanted.contains(&true) {
        return Ok(Vec::new());
    }
    let mut parents = core.parent_ids(&wanted)?.into_iter();
    let mut attributes = attributes::read(reader, core.rows, &wanted)?.into_iter();
    let mut parts: HashMap<usize, &str> = sparse(reader, core.rows)?.into_iter().collect();
    let mut extras = ReadExtras::read(reader, core.rows)?;
    let mut spans = Vec::new();
    for (row, is_wanted) in wanted.iter().enumerate() {
        let parent = parents.next().flatten();
        let attributes = attributes.next().unwrap_or_default();
        if !is_wanted {
            continue;
        }
        let mut span = core.span(row, parent)?;
        add_attributes(&mut span, attributes, core.http.is_none());
        if let Some(parts) = parts.remove(&row) {
            (span.events, span.links) = parts_of(parts)?;
        }
        span.trace_state = extras.text(TRACE_STATE, row);
        span.flags = extras.number(FLAGS, row);
        span.dropped.attributes = extras.number(DROPPED_ATTRIBUTES, row).unwrap_or_default();
        span.dropped.events = extras.number(DROPPED_EVENTS, row).unwrap_or_default();
        span.dropped.links = extras.number(DROPPED_LINKS, row).unwrap_or_default();
        span.truncations = extras.truncations(row);
        reader.take_memory(memory::of_span(&span))?;
        spans.push(span);
    }
    Ok(spans)
}

fn add_attributes(span: &mut Span, attributes: Map<String, Value>, has_http: bool) {
    if has_http {
        span.method = method_of(&attributes).map(str::to_owned);
        span.url = url_of(&attributes).map(str::to_owned);
    }
    span.attributes = attributes;
}

fn parts_of(json: &str) -> Result<(Vec<SpanEvent>, Vec<SpanLink>), FormError> {
    serde_json::from_str(json).map_err(|_| FormError::Damaged("events and links"))
}

/// Reads the list row of each trace, from the core columns alone.
pub(super) fn read_entries(reader: &mut Reader<'_>) -> Result<Vec<Entry>, FormError> {
    let core = Core::read(reader)?;
    let mut best: Vec<Option<usize>> = Vec::new();
    for (row, code) in core.traces.iter().enumerate() {
        let trace = *code as usize;
        if best.len() <= trace {
            best.resize(trace + 1, None);
        }
        if best[trace].is_none_or(|other| core.rank(row) < core.rank(other)) {
            best[trace] = Some(row);
        }
    }
    let mut entries = Vec::new();
    for row in best.into_iter().flatten() {
        let entry = core.entry(row)?;
        reader.take_memory(memory::of_entry(&entry))?;
        entries.push(entry);
    }
    Ok(entries)
}

impl Core<'_> {
    /// Roots come first, then the earliest. See [`Entry`].
    fn rank(&self, row: usize) -> (bool, i64, Option<String>) {
        let has_parent = self.parents.get(row) != Some(&NO_PARENT);
        let start = self.starts.get(row).copied().unwrap_or_default();
        (has_parent, start, self.span_ids.get(row))
    }

    fn entry(&self, row: usize) -> Result<Entry, FormError> {
        let mut span = self.span(row, None)?;
        if let Some(service) = self.services.get(row) {
            span.attributes
                .insert("service.name".to_owned(), service.into());
        }
        let is_root = self.parents.get(row) == Some(&NO_PARENT);
        Ok(Entry {
            is_root,
            ..Entry::of(&span)
        })
    }
}
