//! Filters of the log list.

use std::str::FromStr;

use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::chunk::summary::{Summary, fingerprint};
use crate::event::{Event, LogRecord, severity::level_of_text};

use super::listing::contains_ignoring_case;

/// Conditions that a log record must meet; all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Accepted levels; any if there are none.
    pub levels: Option<Levels>,
    /// Id of the trace that the record belongs to.
    pub trace_id: Option<String>,
    /// Text to find in message, type or service, ignoring case. Must be in lower case.
    pub text: Option<String>,
}

/// One or more log levels. A text that stands for a level, such as `Warning`, is that level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels(Vec<String>);

/// The text names no level.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be one or more levels, separated by commas")]
pub struct InvalidLevels;

impl FromStr for Levels {
    type Err = InvalidLevels;

    fn from_str(text: &str) -> Result<Self, InvalidLevels> {
        let levels = text.split(',').filter(|level| !level.trim().is_empty());
        let levels: Vec<String> = levels.map(level_of_text).collect();
        if levels.is_empty() {
            return Err(InvalidLevels);
        }
        Ok(Self(levels))
    }
}

impl Levels {
    /// Whether a stored level is one of these. Form 2 stores any text as a level.
    fn contain(&self, level: &str) -> bool {
        self.0.contains(&level_of_text(level))
    }
}

impl PartialSchema for Levels {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^$|[^,\s]"))
            .into()
    }
}

impl ToSchema for Levels {}

impl LogFilter {
    /// Whether a chunk with this summary may hold matching records.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let level = match (&self.levels, &summary.levels) {
            (Some(accepted), Some(present)) => present.keys().any(|level| accepted.contain(level)),
            _ => true,
        };
        let trace = self.trace_id.as_deref().map(fingerprint);
        level && trace.is_none_or(|trace| summary.may_hold_trace(trace))
    }

    /// Whether the filter has no condition.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a record meets all conditions.
    pub fn matches(&self, record: &LogRecord) -> bool {
        let accepted = self.levels.as_ref();
        let level = accepted.is_none_or(|levels| levels.contain(&record.level));
        let trace = self
            .trace_id
            .as_deref()
            .is_none_or(|id| record.trace_id() == Some(id));
        level
            && trace
            && self
                .text
                .as_deref()
                .is_none_or(|text| record_contains(record, text))
    }
}

fn record_contains(record: &LogRecord, text: &str) -> bool {
    let kind = record.kind.as_deref().unwrap_or_default();
    let service = record.service().unwrap_or_default();
    [&record.message, kind, service]
        .iter()
        .any(|part| contains_ignoring_case(part, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(level: &str, message: &str, time_ns: i64) -> LogRecord {
        LogRecord {
            level: level.to_owned(),
            message: message.to_owned(),
            trace_id: Some("t".to_owned()),
            time_ns,
            ..LogRecord::default()
        }
    }

    #[test]
    fn levels_are_separated_by_commas_and_at_least_one() {
        let levels = |levels: &[&str]| Ok(Levels(levels.iter().map(ToString::to_string).collect()));
        assert_eq!("error".parse(), levels(&["error"]));
        assert_eq!(" Error , warn,,".parse(), levels(&["error", "warn"]));
        assert_eq!("WARNING,Audit".parse(), levels(&["warn", "audit"]));
        for text in ["", ",", " , "] {
            assert_eq!(text.parse::<Levels>(), Err(InvalidLevels), "{text:?}");
        }
    }

    #[test]
    fn a_record_matches_only_if_it_meets_every_condition() {
        let record = record("error", "Payment FAILED: Straße", 0);
        let filter = |levels: &[&str], trace: Option<&str>, text: Option<&str>| LogFilter {
            levels: levels.join(",").parse().ok(),
            trace_id: trace.map(str::to_owned),
            text: text.map(str::to_lowercase),
        };
        assert!(LogFilter::default().matches(&record));
        assert!(
            filter(
                &["warn", "error"],
                Some("t"),
                Some("failed: STRASSE".replace("SS", "ß").as_str())
            )
            .matches(&record)
        );
        assert!(!filter(&["warn"], None, None).matches(&record));
        assert!(!filter(&[], Some("T"), None).matches(&record));
        assert!(!filter(&[], None, Some("paid")).matches(&record));
        let summary = Summary::of(&[&record]);
        assert!(filter(&["error"], Some("t"), Some("anything")).may_match(&summary));
        assert!(filter(&["SEVERE"], None, None).may_match(&summary));
        assert!(!filter(&["warn"], None, None).may_match(&summary));
        assert!(!filter(&[], Some("other"), None).may_match(&summary));
        assert!(
            filter(&["warn"], Some("other"), None).may_match(&Summary::default()),
            "a summary that does not list levels"
        );
    }
}
