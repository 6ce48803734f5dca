//! Checks that each summary has its chunk and describes it correctly.

use std::collections::HashMap;

use jiff::Timestamp;

use super::telemetry::summary_key;
use super::{Check, UNREADABLE};
use crate::admin::days::Scope;
use crate::admin::finding::key_text;
use crate::attribute::{self, Item};
use crate::keys::{self, PK, SK};
use crate::telemetry::{ChunkRow, Gaps, StoredSummary};
use crate::{StorageError, Table};
use upblit_base::clock;
use upblit_telemetry::batch::{HOUR, Signal};
use upblit_telemetry::chunk::codec::{Rows, decode};
use upblit_telemetry::event::{Event, LogRecord, Span};

impl Check<'_> {
    /// Reads and decodes the chunks of these summaries, and compares them.
    pub(super) async fn chunks(
        &mut self,
        scope: Scope,
        summaries: Vec<StoredSummary>,
    ) -> Result<(), StorageError> {
        let keys: Vec<Item> = summaries
            .iter()
            .map(|stored| chunk_key(scope, stored))
            .collect();
        let table = &self.database.tables.telemetry;
        let items = self.database.get_all(table, &keys, summaries.len().max(1));
        let items = items.await?.into_iter();
        let mut items: HashMap<String, Item> = items
            .map(|item| (key_text(&item, &[PK, SK]), item))
            .collect();
        for (key, stored) in keys.iter().zip(&summaries) {
            let key = key_text(key, &[PK, SK]);
            let problem = match items.remove(&key) {
                None => Some("its chunk is missing".to_owned()),
                Some(item) => problem_of(scope.signal, stored, item),
            };
            if let Some(problem) = problem {
                let key = summary_key(scope, stored);
                self.findings.broken(Table::Telemetry, key, problem);
            }
        }
        Ok(())
    }
}

fn chunk_key(scope: Scope, stored: &StoredSummary) -> Item {
    let Scope {
        application_id,
        signal,
        ..
    } = scope;
    let pk = keys::chunk_partition(application_id, signal, stored.hour(), stored.shard);
    attribute::key([(PK, &pk), (SK, &keys::chunk(stored.position))])
}

fn problem_of(signal: Signal, stored: &StoredSummary, item: Item) -> Option<String> {
    let Ok(row) = attribute::from_item::<ChunkRow>(item) else {
        return Some(format!("its chunk {UNREADABLE}"));
    };
    match signal {
        Signal::Traces => problem_of_events::<Span>(stored, &row),
        Signal::Logs => problem_of_events::<LogRecord>(stored, &row),
    }
}

fn problem_of_events<E: Event>(stored: &StoredSummary, row: &ChunkRow) -> Option<String> {
    let events: Vec<E> = match row.decoded(|bytes| decode(bytes, Rows::All)) {
        Ok(events) => events,
        Err(error) => return Some(format!("its chunk cannot be read: {error}")),
    };
    if u32::try_from(events.len()) != Ok(stored.count) {
        let count = stored.count;
        return Some(format!(
            "says {count} events, but its chunk has {}",
            events.len()
        ));
    }
    let hours = events.iter().map(|event| clock::floor(event.start(), HOUR));
    if hours.clone().any(|hour| hour != stored.hour()) {
        return Some("its chunk has events of another hour".to_owned());
    }
    let starts = events.iter().map(Event::start);
    if starts.clone().min().map(Timestamp::as_millisecond) != Some(stored.from.as_millisecond()) {
        return Some("its chunk begins at another time".to_owned());
    }
    if starts.max().map(Timestamp::as_millisecond) > Some(stored.position.at.as_millisecond()) {
        return Some("its chunk has events after the time in its key".to_owned());
    }
    if stored.is_form_2() {
        return None;
    }
    let summary = stored.summary(&Gaps::default())?;
    let is_true = stored.bytes == row.bytes() && summary.counts(&events);
    (!is_true).then(|| "its statistics are not those of its chunk".to_owned())
}
