//! The compressed part of a stored summary: minutes, levels, traces, operations and rows.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt as _};

use super::{Entry, Minute, Operation, Operations, Stats, Summary, TraceCounts};
use crate::chunk::bytes::{FormError, Reader, put, put_len, put_signed, put_text};
use crate::chunk::columns::{
    Durations as DurationColumn, IdList, code_of, put_durations, put_ids, value_of,
};
use crate::event::SpanKind;

/// Encodes the columns of a summary, with at most this many rows and operations.
pub(super) fn body(summary: &Summary, rows: usize, operations: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    put_len(&mut out, summary.minutes.len());
    for (at, minute) in &summary.minutes {
        out.push(*at);
        minute.put(&mut out);
    }
    put_levels(&mut out, summary.levels.as_ref());
    put_traces(&mut out, summary.traces.as_ref());
    let rows = &summary.rows[..rows.min(summary.rows.len())];
    let is_complete = summary.rows_are_complete && rows.len() == summary.rows.len();
    let operations = &summary.operations.top[..operations.min(summary.operations.top.len())];
    let names = Names::of(operations, rows);
    put_len(&mut out, names.list.len());
    for name in &names.list {
        put_text(&mut out, name);
    }
    put_len(&mut out, summary.operations.total);
    put_len(&mut out, operations.len());
    for operation in operations {
        put_len(&mut out, names.code(operation.service.as_deref()));
        put_len(&mut out, names.code(Some(&operation.name)));
        put_role(&mut out, operation);
        operation.stats.put(&mut out);
    }
    out.push(is_complete.into());
    put_rows(&mut out, rows, &names);
    out
}

fn put_levels(out: &mut Vec<u8>, levels: Option<&BTreeMap<String, u64>>) {
    put_len(out, levels.map_or(0, |levels| levels.len() + 1));
    for (level, count) in levels.into_iter().flatten() {
        put_text(out, level);
        put(out, *count);
    }
}

fn put_traces(out: &mut Vec<u8>, traces: Option<&BTreeMap<u32, Option<TraceCounts>>>) {
    let traces = traces.into_iter().flatten();
    put_len(out, traces.clone().count());
    let mut last = 0;
    for (fingerprint, _) in traces.clone() {
        put(out, (fingerprint - last).into());
        last = *fingerprint;
    }
    for (_, counts) in traces.clone() {
        put(out, counts.map_or(0, |counts| counts.events).into());
    }
    for (_, counts) in traces {
        put(out, counts.map_or(0, |counts| counts.errors).into());
    }
}

/// The distinct names and services of operations and rows.
struct Names<'a> {
    list: Vec<&'a str>,
    codes: HashMap<&'a str, usize>,
}

impl<'a> Names<'a> {
    fn of(operations: &'a [Operation], rows: &'a [Entry]) -> Self {
        let of_operations = operations
            .iter()
            .flat_map(|operation| [operation.service.as_deref(), Some(&*operation.name)]);
        let of_rows = rows
            .iter()
            .flat_map(|row| [row.service.as_deref(), Some(&*row.name)]);
        let mut names = Self {
            list: Vec::new(),
            codes: HashMap::new(),
        };
        for name in of_operations.chain(of_rows).flatten() {
            names.codes.entry(name).or_insert_with(|| {
                names.list.push(name);
                names.list.len()
            });
        }
        names
    }

    /// Returns the index of a name, counted from 1; 0 for none.
    fn code(&self, name: Option<&str>) -> usize {
        name.and_then(|name| self.codes.get(name))
            .copied()
            .unwrap_or_default()
    }
}

fn put_kind(out: &mut Vec<u8>, kind: Option<SpanKind>) {
    put(out, code_of(&SpanKind::ALL, kind).into());
}

/// Flag that is added to the code of an operation's kind, which is smaller.
const IS_REQUEST: u32 = 64;

fn put_role(out: &mut Vec<u8>, operation: &Operation) {
    let flag = IS_REQUEST * u32::from(operation.is_request);
    put(out, (code_of(&SpanKind::ALL, operation.kind) + flag).into());
}

const IS_ERROR: u8 = 1;
const IS_ROOT: u8 = 2;

fn put_rows(out: &mut Vec<u8>, rows: &[Entry], names: &Names<'_>) {
    put_len(out, rows.len());
    let ids: Vec<&str> = rows.iter().map(|row| row.trace_id.as_str()).collect();
    put_ids(out, &ids);
    let mut last = 0_i64;
    for row in rows {
        put_signed(out, row.start_ms.wrapping_sub(last));
        last = row.start_ms;
    }
    let durations: Vec<Option<f64>> = rows.iter().map(|row| row.duration_ms).collect();
    put_durations(out, &durations);
    for row in rows {
        put_len(out, names.code(row.service.as_deref()));
        put_len(out, names.code(Some(&row.name)));
        put_kind(out, row.kind);
        put(out, row.status.map_or(0, u64::from));
        let flags = [(row.is_error, IS_ERROR), (row.is_root, IS_ROOT)];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set);
        out.push(flags.map(|(_, flag)| flag).sum());
    }
}

/// Reads what [`body`] wrote.
pub(super) fn read_body(reader: &mut Reader<'_>) -> Result<Summary, FormError> {
    let mut minutes = BTreeMap::new();
    for _ in 0..reader.count()? {
        let at = reader.byte()?;
        minutes.insert(at, Minute::read(reader)?);
    }
    let levels = read_levels(reader)?;
    let traces = read_traces(reader)?;
    let names: Vec<&str> = (0..reader.count()?)
        .map(|_| reader.text())
        .collect::<Result<_, _>>()?;
    Ok(Summary {
        minutes,
        levels,
        traces: Some(traces),
        operations: read_operations(reader, &names)?,
        filter: None,
        rows_are_complete: reader.byte()? > 0,
        rows: read_rows(reader, &names)?,
    })
}

fn read_levels(reader: &mut Reader<'_>) -> Result<Option<BTreeMap<String, u64>>, FormError> {
    let Some(count) = reader.count()?.checked_sub(1) else {
        return Ok(None);
    };
    let mut levels = BTreeMap::new();
    for _ in 0..count {
        let level = reader.text()?.to_owned();
        levels.insert(level, reader.number()?);
    }
    Ok(Some(levels))
}

fn read_traces(reader: &mut Reader<'_>) -> Result<BTreeMap<u32, Option<TraceCounts>>, FormError> {
    let count = reader.count()?;
    let mut last = 0_u32;
    let column = |reader: &mut Reader<'_>| -> Result<Vec<u32>, FormError> {
        (0..count).map(|_| reader.small(u32::MAX)).collect()
    };
    let distances = column(reader)?;
    let events = column(reader)?;
    let errors = column(reader)?;
    let counts = events.into_iter().zip(errors);
    let counts =
        counts.map(|(events, errors)| (events > 0).then_some(TraceCounts { events, errors }));
    let fingerprints = distances.into_iter().map(|distance| {
        last = last.wrapping_add(distance);
        last
    });
    Ok(fingerprints.zip(counts).collect())
}

/// Memory of a name of an operation or row in addition to its text, in bytes.
const NAME: usize = 128;

fn read_name(reader: &mut Reader<'_>, names: &[&str]) -> Result<Option<String>, FormError> {
    let code = reader.small(names.len())?;
    let name = code.checked_sub(1).and_then(|place| names.get(place));
    reader.take_memory(NAME + name.map_or(0, |name| name.len()))?;
    Ok(name.map(|name| (*name).to_owned()))
}

fn read_kind(reader: &mut Reader<'_>) -> Result<Option<SpanKind>, FormError> {
    let code = reader.byte()?.into();
    Ok(value_of(&SpanKind::ALL, Some(&code)))
}

fn read_operations(reader: &mut Reader<'_>, names: &[&str]) -> Result<Operations, FormError> {
    let total = reader.small(usize::MAX)?;
    let mut top = Vec::new();
    for _ in 0..reader.count()? {
        let service = read_name(reader, names)?;
        let name = read_name(reader, names)?.unwrap_or_default();
        let role = u32::from(reader.byte()?);
        top.push(Operation {
            service,
            name,
            kind: value_of(&SpanKind::ALL, Some(&(role & !IS_REQUEST))),
            is_request: role & IS_REQUEST > 0,
            stats: Stats::read(reader)?,
        });
    }
    Ok(Operations { top, total })
}

fn read_rows(reader: &mut Reader<'_>, names: &[&str]) -> Result<Vec<Entry>, FormError> {
    let count = reader.count()?;
    let ids = IdList::read(reader, count)?;
    let mut starts = Vec::new();
    let mut last = 0_i64;
    for _ in 0..count {
        last = last.wrapping_add(reader.signed()?);
        starts.push(last);
    }
    let durations = DurationColumn::read(reader, count)?;
    let mut rows = Vec::new();
    for (row, start_ms) in starts.into_iter().enumerate() {
        let service = read_name(reader, names)?;
        let name = read_name(reader, names)?.unwrap_or_default();
        let kind = read_kind(reader)?;
        let status = reader.small(u16::MAX)?;
        let flags = reader.byte()?;
        rows.push(Entry {
            trace_id: ids.get(row).ok_or(FormError::Damaged("a trace id"))?,
            name,
            service,
            kind,
            start_ms,
            duration_ms: durations.get(row),
            status: Some(status).filter(|status| *status > 0),
            is_error: flags & IS_ERROR > 0,
            is_root: flags & IS_ROOT > 0,
        });
    }
    Ok(rows)
}
