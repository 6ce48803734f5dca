//! The stored form of a chunk: zstd-compressed JSON, in groups of events with the same
//! resource and scope. These are written once per group, because thousands of spans may
//! share one large resource.

use std::io::{self, BufWriter};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::event::{Event, ResourceScope};

/// For spans with attributes, level 9 compresses 18 % better than the default of 3, at
/// 150 MB/s. That is a millisecond for a usual batch and saves a write unit or two.
/// Higher levels save 2 % more and take several times as long.
const ZSTD_LEVEL: i32 = 9;

/// Encodes events for storage.
///
/// # Errors
/// When compression fails, which no input can cause.
pub fn encode<E: Event>(events: &[&E]) -> io::Result<Vec<u8>> {
    compress(&Groups(events))
}

/// Decodes the events of a stored chunk, in the order they were encoded.
///
/// # Errors
/// When the bytes are not an encoded chunk of such events.
pub fn decode<E: Event>(chunk: &[u8]) -> io::Result<Vec<E>> {
    let groups: Vec<StoredGroup<E>> = serde_json::from_slice(&zstd::decode_all(chunk)?)?;
    let mut events = Vec::new();
    for StoredGroup {
        resource_scope,
        events: of,
    } in groups
    {
        let resource_scope = resource_scope.map(Arc::new);
        events.extend(of.into_iter().map(|mut event| {
            event.set_resource_scope(resource_scope.clone());
            event
        }));
    }
    Ok(events)
}

/// Serializes to zstd-compressed JSON, without keeping the JSON in memory.
pub(crate) fn compress(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let encoder = zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
    // serde_json writes a few bytes at a time.
    let mut buffered = BufWriter::new(encoder);
    serde_json::to_writer(&mut buffered, value)?;
    buffered.into_inner()?.finish()
}

struct Groups<'a, E>(&'a [&'a E]);

impl<E: Event> Serialize for Groups<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = self
            .0
            .chunk_by(|one, next| share_resource_scope(*one, *next));
        serializer.collect_seq(groups.map(|events| {
            Group {
                resource_scope: events
                    .first()
                    .and_then(|event| event.resource_scope())
                    .map(Arc::as_ref),
                events,
            }
        }))
    }
}

#[derive(Serialize)]
struct Group<'a, E> {
    #[serde(rename = "origin", skip_serializing_if = "Option::is_none")]
    resource_scope: Option<&'a ResourceScope>,
    events: &'a [&'a E],
}

#[derive(Deserialize)]
struct StoredGroup<E> {
    #[serde(default, rename = "origin")]
    resource_scope: Option<ResourceScope>,
    events: Vec<E>,
}

fn share_resource_scope<E: Event>(one: &E, next: &E) -> bool {
    match (one.resource_scope(), next.resource_scope()) {
        (Some(one), Some(next)) => Arc::ptr_eq(one, next),
        (None, None) => true,
        _ => false,
    }
}
