//! Reads the columns of spans.

use foldhash::HashMap;
use serde_json::{Map, Value};

use super::{
    COLUMNS, DROPPED_ATTRIBUTES, DROPPED_EVENTS, DROPPED_LINKS, ELSEWHERE, ENDS, FLAGS,
    FROM_ATTRIBUTES, IN_CHUNK, NO_PARENT, OUTCOMES, STARTS, TRACE_STATE, duration_ns,
};
use crate::chunk::bytes::{FormError, Reader, unzigzag};
use crate::chunk::codec::Rows;
use crate::chunk::columns::{
    Durations, IdColumn, IdList, Texts, indexes, numbers, sparse, value_of,
};
use crate::chunk::extras::ReadExtras;
use crate::chunk::resource_scopes::ResourceScopes;
use crate::chunk::summary::{Entry, entries};
use crate::chunk::{attributes, json, memory};
use crate::event::http::{method_of, url_of};
use crate::event::{Span, SpanEvent, SpanKind, SpanLink};

/// Reads the starts of the spans, and their durations.
fn times(reader: &mut Reader<'_>, rows: usize) -> Result<(Vec<i64>, Durations), FormError> {
    let are_ends = match reader.byte()? {
        STARTS => false,
        ENDS => true,
        _ => return Err(FormError::Damaged("the times of spans")),
    };
    let mut times = numbers(reader, rows)?;
    let durations = Durations::read(reader, rows)?;
    if are_ends {
        for (row, time) in times.iter_mut().enumerate() {
            *time = time.wrapping_sub_unsigned(duration_ns(durations.get(row)));
        }
    }
    Ok((times, durations))
}

/// The core columns of the spans of a chunk.
struct Core<'a> {
    rows: usize,
    traces: IdColumn<'a>,
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
        let traces = IdColumn::read(reader, rows)?;
        let span_ids = IdList::read(reader, rows)?;
        let parents: Vec<u64> = (0..rows)
            .map(|_| reader.number())
            .collect::<Result<_, _>>()?;
        let elsewhere = parents.iter().filter(|code| **code == ELSEWHERE).count();
        let elsewhere = IdList::read(reader, elsewhere)?;
        let (starts, durations) = times(reader, rows)?;
        Ok(Self {
            rows,
            traces,
            span_ids,
            parents,
            elsewhere,
            starts,
            durations,
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

    fn wanted(&self, rows: Rows<'_>) -> Vec<bool> {
        self.traces.wanted(rows)
    }

    fn trace_id(&self, row: usize) -> Result<String, FormError> {
        let id = self.traces.get(row);
        id.ok_or(FormError::Damaged("a trace id"))
    }

    /// Returns the ids of the parents of the wanted rows, by row.
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

    /// Builds a span with the fields of the core columns only.
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
            kind: value_of(&SpanKind::ALL, self.kinds.get(row)),
            start_ns: self.starts.get(row).copied().unwrap_or_default(),
            duration_ms: self.durations.get(row),
            method: http.and_then(|(methods, _)| methods.owned(row)),
            url: http.and_then(|(_, urls)| urls.owned(row)),
            status: self.status(row),
            outcome: value_of(&OUTCOMES, self.outcomes.get(row)),
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

/// Reads the spans of these rows.
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
        span.notes = extras.notes(row);
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

fn parts_of(text: &str) -> Result<(Vec<SpanEvent>, Vec<SpanLink>), FormError> {
    json::read(text, FormError::Damaged("events and links"))
}

/// Reads the list row of each trace, from the core columns alone.
pub(crate) fn read_entries(reader: &mut Reader<'_>) -> Result<Vec<Entry>, FormError> {
    let core = Core::read(reader)?;
    if core.has_versions() {
        return core.entries_of_versions(reader);
    }
    let mut best: Vec<Option<usize>> = Vec::new();
    for (row, code) in core.traces.codes().iter().enumerate() {
        let trace = *code as usize;
        if best.len() <= trace {
            best.resize(trace + 1, None);
        }
        if best[trace].is_none_or(|other| core.precedes(row, other)) {
            best[trace] = Some(row);
        }
    }
    let mut entries = Vec::new();
    for row in best.into_iter().flatten() {
        let entry = Entry::of(&core.listed(row)?);
        reader.take_memory(memory::of_entry(&entry))?;
        entries.push(entry);
    }
    Ok(entries)
}

impl Core<'_> {
    /// Returns whether spans of a trace share an id, so that some may be versions of others.
    fn has_versions(&self) -> bool {
        let traces = self.traces.codes().iter().enumerate();
        let ids = traces.map(|(row, trace)| (self.span_ids.key(row), trace));
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        ids.array_windows().any(|[one, next]| one == next)
    }

    /// Returns the list row of each trace if versions of its spans must be compared.
    fn entries_of_versions(&self, reader: &mut Reader<'_>) -> Result<Vec<Entry>, FormError> {
        let mut spans = Vec::new();
        for row in 0..self.rows {
            let span = self.listed(row)?;
            reader.take_memory(memory::of_span(&span))?;
            spans.push(span);
        }
        Ok(entries(&spans))
    }

    /// Returns whether a list row shows one span of a trace rather than another: roots come first,
    /// then the earliest. See [`Entry`].
    fn precedes(&self, row: usize, other: usize) -> bool {
        let rank = |row: usize| {
            let has_parent = self.parents.get(row) != Some(&NO_PARENT);
            (has_parent, self.starts.get(row))
        };
        let by_id = || self.span_ids.compare(row, other);
        rank(row).cmp(&rank(other)).then_with(by_id).is_lt()
    }

    /// Builds a span with the fields that a list row shows. The id of a parent is empty here.
    fn listed(&self, row: usize) -> Result<Span, FormError> {
        let has_parent = self.parents.get(row) != Some(&NO_PARENT);
        let mut span = self.span(row, has_parent.then(String::new))?;
        if let Some(service) = self.services.get(row) {
            span.attributes
                .insert("service.name".to_owned(), service.into());
        }
        Ok(span)
    }
}
