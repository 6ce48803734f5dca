//! What a check reports.

use std::fmt;

use crate::Table;
use crate::attribute::Item;

/// How serious a [`Finding`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Stored data that no reader needs, and that expires or only costs storage.
    Leftover,
    /// An invariant does not hold: something is missing, counted wrongly or not protected.
    Broken,
}

/// One thing that a check has found. It contains keys and numbers, never secrets or telemetry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// Table with the item.
    pub table: Table,
    /// Partition and sort key of the item, or the first part of the key of several.
    pub key: String,
    /// What is wrong, for an operator.
    pub problem: String,
}

impl fmt::Display for Finding {
    /// One line. Characters that a terminal interprets are escaped, because a damaged key may have
    /// any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Leftover => "leftover",
            Severity::Broken => "broken",
        };
        let Self {
            table,
            key,
            problem,
            ..
        } = self;
        let line = format!("{severity} {table:?} {key}: {problem}");
        for character in line.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}

/// Receives findings and counts them.
pub(super) struct Findings<'a> {
    each: &'a mut (dyn FnMut(Finding) + Send),
    pub(super) broken: u64,
    pub(super) leftovers: u64,
}

impl<'a> Findings<'a> {
    pub(super) fn new(each: &'a mut (dyn FnMut(Finding) + Send)) -> Self {
        Self {
            each,
            broken: 0,
            leftovers: 0,
        }
    }

    pub(super) fn broken(&mut self, table: Table, key: impl ToString, problem: impl ToString) {
        self.broken += 1;
        self.add(Severity::Broken, table, key.to_string(), problem);
    }

    pub(super) fn leftover(&mut self, table: Table, key: impl ToString, problem: impl ToString) {
        self.leftovers += 1;
        self.add(Severity::Leftover, table, key.to_string(), problem);
    }

    fn add(&mut self, severity: Severity, table: Table, key: String, problem: impl ToString) {
        (self.each)(Finding {
            severity,
            table,
            key,
            problem: problem.to_string(),
        });
    }
}

/// Formats the key of an item: the attributes with these names, joined by a space; `?` for one that
/// is not a text.
pub(super) fn key_text(item: &Item, names: &[&str]) -> String {
    let part = |name: &&str| {
        let value = item.get(*name).and_then(|value| value.as_s().ok());
        value.map_or("?", String::as_str)
    };
    names.iter().map(part).collect::<Vec<_>>().join(" ")
}
