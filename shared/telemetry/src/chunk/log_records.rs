//! The columns of log records.

use super::bytes::{FormError, Reader, put_len};
use super::codec::Rows;
use super::columns::{IdColumn, Texts, numbers, put_id_column, put_numbers, put_texts};
use super::extras::{Extras, ReadExtras};
use super::resource_scopes::{ResourceScopes, put_resource_scopes};
use super::{attributes, memory};
use crate::event::LogRecord;

const OBSERVED: u8 = 1;
const SEVERITY_NUMBER: u8 = 2;
const SEVERITY_TEXT: u8 = 3;
const FLAGS: u8 = 4;
const DROPPED_ATTRIBUTES: u8 = 5;

/// Appends the columns of these log records.
pub(crate) fn put_log_records(out: &mut Vec<u8>, records: &[&LogRecord]) {
    put_len(out, records.len());
    let times: Vec<i64> = records.iter().map(|record| record.time_ns).collect();
    put_numbers(out, &times);
    put_id_column(out, records.iter().map(|record| record.trace_id.as_deref()));
    put_id_column(out, records.iter().map(|record| record.span_id.as_deref()));
    put_resource_scopes(
        out,
        records.iter().map(|record| record.resource_scope.as_ref()),
    );
    put_texts(out, records, |record| Some(&record.level));
    put_texts(out, records, |record| record.kind.as_deref());
    put_texts(out, records, |record| Some(&record.message));
    let columns = attributes::columns(records.iter().map(|record| &record.attributes));
    attributes::put(out, &columns, records.len());
    let mut extras = Extras::default();
    let observed = records
        .iter()
        .map(|record| record.observed_ns.unwrap_or_default());
    extras.times(OBSERVED, &observed.collect::<Vec<_>>());
    let severities = records.iter().map(|record| record.severity_number);
    extras.numbers(
        SEVERITY_NUMBER,
        severities.map(|number| number.map(u32::from)),
    );
    extras.texts(
        SEVERITY_TEXT,
        records.iter().map(|record| record.severity_text.as_deref()),
    );
    extras.numbers(FLAGS, records.iter().map(|record| record.flags));
    let dropped = records.iter().map(|record| record.dropped_attributes);
    extras.numbers(
        DROPPED_ATTRIBUTES,
        dropped.map(|count| Some(count).filter(|count| *count > 0)),
    );
    extras.truncations(records.iter().map(|record| &record.truncations[..]));
    extras.notes(records.iter().map(|record| &record.notes[..]));
    extras.write(out);
}

/// Reads the log records of these rows.
pub(crate) fn read_log_records(
    reader: &mut Reader<'_>,
    rows: Rows<'_>,
) -> Result<Vec<LogRecord>, FormError> {
    let count = reader.count()?;
    reader.take_memory(count.saturating_mul(memory::LOG_RECORD))?;
    let times = numbers(reader, count)?;
    let traces = IdColumn::read(reader, count)?;
    let spans = IdColumn::read(reader, count)?;
    let resource_scopes = ResourceScopes::read(reader, count)?;
    let levels = Texts::read(reader, count)?;
    let kinds = Texts::read(reader, count)?;
    let messages = Texts::read(reader, count)?;
    let wanted = traces.wanted(rows);
    if !wanted.contains(&true) {
        return Ok(Vec::new());
    }
    let mut attributes = attributes::read(reader, count, &wanted)?.into_iter();
    let mut extras = ReadExtras::read(reader, count)?;
    let mut records = Vec::new();
    for (row, is_wanted) in wanted.iter().enumerate() {
        let attributes = attributes.next().unwrap_or_default();
        if !is_wanted {
            continue;
        }
        let severity_number = extras.number(SEVERITY_NUMBER, row);
        let record = LogRecord {
            time_ns: times.get(row).copied().unwrap_or_default(),
            level: levels.owned(row).unwrap_or_default(),
            message: messages.owned(row).unwrap_or_default(),
            kind: kinds.owned(row),
            trace_id: traces.get(row),
            span_id: spans.get(row),
            observed_ns: extras.time(OBSERVED, row),
            severity_number: severity_number.and_then(|number| number.try_into().ok()),
            severity_text: extras.text(SEVERITY_TEXT, row),
            flags: extras.number(FLAGS, row),
            dropped_attributes: extras.number(DROPPED_ATTRIBUTES, row).unwrap_or_default(),
            truncations: extras.truncations(row),
            notes: extras.notes(row),
            attributes,
            resource_scope: resource_scopes.get(row),
        };
        reader.take_memory(memory::of_log_record(&record))?;
        records.push(record);
    }
    Ok(records)
}
