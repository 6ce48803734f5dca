//! Bounds how much longer scrubbing makes events: what replaces a secret may be longer than it, and the
//! limits of an event and of a batch were checked before.

/// Most bytes that are put into an event in place of secrets.
pub(super) const MAX_EVENT_BYTES: usize = 16 * 1024;

/// Most bytes that are put into a batch in place of secrets: 5 % of the memory for a batch.
pub(super) const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that may still replace secrets. Afterwards these are removed without a mark in their place. What
/// is charged does not depend on the secrets.
#[derive(Debug)]
pub(super) struct Allowance {
    event: usize,
    batch: usize,
}

impl Allowance {
    /// The allowance of a batch. Begin with [`next_event`](Self::next_event).
    pub(super) fn of_batch() -> Self {
        Self {
            event: 0,
            batch: MAX_BATCH_BYTES,
        }
    }

    /// Begins the next event, or resource and scope.
    pub(super) fn next_event(&mut self) {
        self.event = MAX_EVENT_BYTES;
    }

    /// A replacement, or an empty one if there is no room for it.
    pub(super) fn replacement<'a>(&mut self, by: &'a str) -> &'a str {
        if self.takes(by.len()) { by } else { "" }
    }

    /// Takes this many bytes. `false` if fewer are left.
    pub(super) fn takes(&mut self, bytes: usize) -> bool {
        let is_enough = bytes <= self.event && bytes <= self.batch;
        if is_enough {
            self.event -= bytes;
            self.batch -= bytes;
        }
        is_enough
    }
}
