//! The new versions of a chunk, its summary and its late arrival.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put};
use jiff::Timestamp;

use super::Late;
use crate::attribute::{self, Item, number};
use crate::error::{corrupt, unwritable};
use crate::telemetry::rows::DELETED;
use crate::telemetry::{ChunkRow, Gaps, RollupsOf, StoredSummary, SummaryRow, binary, item};
use crate::{Database, StorageError, keys};
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::Signal;
use upblit_telemetry::chunk::codec::{Rows, decode_within};
use upblit_telemetry::chunk::summary::Summary;
use upblit_telemetry::chunk::{FormError, Position};
use upblit_telemetry::deletion::{Remainder, Selection};
use upblit_telemetry::event::{Event, LogRecord, Span};
use upblit_telemetry::query::rollup;

/// Number of events that a chunk with deleted events claims to have. Ingest replaces a chunk only by one
/// with as many events, so a batch that is sent again stays deleted.
const NOT_REPLACED: u32 = u32::MAX;

/// A chunk and its summary as stored, in one of the shards that may have them.
pub(super) struct Copy {
    of: RollupsOf,
    stored: StoredSummary,
    row: ChunkRow,
    events: AttributeValue,
    summary: AttributeValue,
}

/// A copy without the selected events.
pub(super) struct Change<'a> {
    copy: &'a Copy,
    remainder: Remainder,
}

impl Copy {
    /// The keys of the chunk and of its summary.
    pub(super) fn keys(of: RollupsOf, stored: &StoredSummary) -> [Item; 2] {
        let sk = keys::chunk(stored.position);
        partitions(of, stored).map(|pk| attribute::key([(keys::PK, &pk), (keys::SK, &sk)]))
    }

    /// Reads the items of the [`keys`](Self::keys). `None` if they have no events any more.
    ///
    /// # Errors
    /// When an item is corrupt.
    pub(super) fn of(
        of: RollupsOf,
        found: &StoredSummary,
        chunk: Item,
        summary: Item,
    ) -> Result<Option<Self>, StorageError> {
        let events = chunk.get("events").cloned();
        let encoded = summary.get("summary").cloned();
        let row: ChunkRow = attribute::from_item(chunk)?;
        let summary: SummaryRow = attribute::from_item(summary)?;
        // It was readable when it was found; if it is not now, it has changed and is found again.
        let stored = summary.stored(found.shard, &Gaps::default());
        let both = stored.zip(events.zip(encoded));
        Ok(both.map(|(stored, (events, summary))| Self {
            of,
            stored,
            row,
            events,
            summary,
        }))
    }

    pub(super) fn expires_at(&self) -> Timestamp {
        self.stored.expires_at
    }

    /// Removes the selected events. `None` if there are none, or the chunk cannot be read, which becomes
    /// a gap.
    ///
    /// # Errors
    /// When the rest cannot be encoded, which only a bug can cause.
    pub(super) fn change(
        &self,
        selection: &Selection,
        gaps: &Gaps,
    ) -> Result<Option<Change<'_>>, StorageError> {
        if selection.has_all(self.stored.from, self.stored.position) {
            let remainder = Remainder {
                deleted: self.stored.count as usize,
                chunk: None,
            };
            return Ok(Some(Change {
                copy: self,
                remainder,
            }));
        }
        let remainder = match self.of.signal {
            Signal::Traces => self.remainder::<Span>(selection, gaps)?,
            Signal::Logs => self.remainder::<LogRecord>(selection, gaps)?,
        };
        Ok(remainder.map(|remainder| Change {
            copy: self,
            remainder,
        }))
    }

    fn remainder<E: Event>(
        &self,
        selection: &Selection,
        gaps: &Gaps,
    ) -> Result<Option<Remainder>, StorageError> {
        let most = self.stored.stated_memory();
        let decode = |chunk: &[u8]| decode_within(chunk, Rows::All, most);
        let decoded: Result<Vec<E>, FormError> = self.row.decoded(decode);
        let record = |error: &FormError| {
            let key = keys::chunk(self.stored.position);
            gaps.record(self.stored.hour(), &key, *error);
        };
        let Ok(events) = decoded.inspect_err(record) else {
            return Ok(None);
        };
        let remainder = selection.remainder(&events, self.stored.position);
        remainder.map_err(unwritable)
    }
}

impl Change<'_> {
    /// Number of deleted events.
    pub(super) fn deleted(&self) -> usize {
        self.remainder.deleted
    }

    pub(super) fn position(&self) -> Position {
        self.copy.stored.position
    }

    pub(super) fn hour(&self) -> Timestamp {
        self.copy.stored.hour()
    }

    /// The write of the chunk, unless it has changed since it was read.
    pub(super) fn chunk(&self, database: &Database) -> PutBuilder {
        let [partition, _] = partitions(self.copy.of, &self.copy.stored);
        let left = self.remainder.chunk.as_ref();
        let item = self.item(partition, "events", left.map(|left| &left.events[..]));
        put(database, item)
            .condition_expression("events = :seen")
            .expression_attribute_values(":seen", self.copy.events.clone())
    }

    /// The write of the summary, unless it has changed since it was read.
    pub(super) fn summary(&self, database: &Database) -> PutBuilder {
        let [_, partition] = partitions(self.copy.of, &self.copy.stored);
        let left = self.remainder.chunk.as_ref();
        let item = self.item(partition, "summary", left.map(|left| &left.summary[..]));
        put(database, item)
            .condition_expression("summary = :seen")
            .expression_attribute_values(":seen", self.copy.summary.clone())
    }

    /// What becomes of the late arrival, which exists.
    ///
    /// # Errors
    /// When it cannot be encoded, which only a bug can cause.
    pub(super) fn late(&self, database: &Database) -> Result<Late, StorageError> {
        let of = self.copy.of;
        let hash = self.position().hash;
        let partition = keys::rollup_partition(of.application_id, of.signal);
        let sk = keys::late(self.hour(), hash);
        let Some(left) = &self.remainder.chunk else {
            let key = attribute::key([(keys::PK, &partition), (keys::SK, &sk)]);
            let delete = Delete::builder().table_name(&database.tables.telemetry);
            return Ok(Late::Delete(delete.set_key(Some(key))));
        };
        let summary = Summary::decode(&left.summary).map_err(corrupt)?;
        let late = rollup::encode_late(hash, &summary).map_err(unwritable)?;
        let mut item = item(partition, sk, self.copy.stored.expires_at);
        item.insert("late".to_owned(), binary(&late));
        let put = put(database, item).condition_expression("attribute_exists(late)");
        Ok(Late::Put(put))
    }

    fn item(&self, partition: String, name: &str, content: Option<&[u8]>) -> Item {
        let stored = &self.copy.stored;
        let mut item = item(partition, keys::chunk(stored.position), stored.expires_at);
        item.insert("n".to_owned(), number(NOT_REPLACED));
        match content {
            Some(content) => item.insert(name.to_owned(), binary(content)),
            None => item.insert(DELETED.to_owned(), AttributeValue::Bool(true)),
        };
        item
    }
}

/// The partitions of a chunk and of its summary.
fn partitions(of: RollupsOf, stored: &StoredSummary) -> [String; 2] {
    let RollupsOf {
        application_id,
        signal,
    } = of;
    let partition = |of: fn(ApplicationId, Signal, Timestamp, u32) -> String| {
        of(application_id, signal, stored.hour(), stored.shard)
    };
    [
        partition(keys::chunk_partition),
        partition(keys::summary_partition),
    ]
}

fn put(database: &Database, item: Item) -> PutBuilder {
    Put::builder()
        .table_name(&database.tables.telemetry)
        .set_item(Some(item))
}
