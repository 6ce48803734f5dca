//! What happened in a world, in order: a line for each event, and one hash over all of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use shared::base::clock::{Clock, rfc3339};

/// The trace of a world. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Arc<Mutex<Recorded>>);

#[derive(Debug, Default)]
struct Recorded {
    hasher: DefaultHasher,
    lines: Vec<String>,
}

impl Trace {
    /// Adds a line, and `detail`, which only the hash contains.
    pub(crate) fn add(&self, line: &str, detail: &str) {
        let line = format!("{} {line}", rfc3339(Clock::system().now()));
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (&line, detail).hash(&mut recorded.hasher);
        recorded.lines.push(line);
    }

    /// Hash of everything so far.
    pub(crate) fn hash(&self) -> u64 {
        let recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.hasher.clone().finish()
    }

    /// All lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.lines.clone()
    }
}
