//! Resources and scopes: each distinct one as JSON, and an index for each event. Thousands of
//! events may share one large resource.

use std::sync::Arc;

use super::bytes::{FormError, Reader, put_len, put_text};
use super::columns::{distinct, indexes, put_indexes};
use super::{json, memory};
use crate::event::ResourceScope;

/// Appends the resources and scopes of all rows.
pub(super) fn put_resource_scopes<'a>(
    out: &mut Vec<u8>,
    rows: impl Iterator<Item = Option<&'a Arc<ResourceScope>>>,
) {
    let (distinct, codes) = distinct(rows, Arc::as_ptr);
    put_len(out, distinct.len());
    for resource_scope in distinct {
        // Maps with text keys always serialize.
        put_text(
            out,
            &serde_json::to_string(&**resource_scope).unwrap_or_default(),
        );
    }
    put_indexes(out, &codes);
}

/// Resources and scopes that were read.
pub(super) struct ResourceScopes {
    distinct: Vec<Arc<ResourceScope>>,
    rows: Vec<u32>,
}

impl ResourceScopes {
    /// Reads the resources and scopes of `rows` rows.
    pub(super) fn read(reader: &mut Reader<'_>, rows: usize) -> Result<Self, FormError> {
        let count = reader.count()?;
        let mut distinct = Vec::new();
        for _ in 0..count {
            let damaged = FormError::Damaged("a resource is not JSON");
            let resource_scope = json::read::<ResourceScope>(reader.text()?, damaged)?;
            reader.take_memory(memory::of_resource_scope(&resource_scope))?;
            distinct.push(Arc::new(resource_scope));
        }
        let rows = indexes(reader, rows, distinct.len())?;
        Ok(Self { distinct, rows })
    }

    /// Returns the resource and scope of a row.
    pub(super) fn get(&self, row: usize) -> Option<Arc<ResourceScope>> {
        let index = self.rows.get(row)?.checked_sub(1)?;
        self.distinct.get(index as usize).cloned()
    }
}
