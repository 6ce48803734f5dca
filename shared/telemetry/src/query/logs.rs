//! Filters of the log list.

use std::str::FromStr;

use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::attributes::AttributeFilters;
use super::texts::{Name, Words};
use crate::chunk::filter::Term;
use crate::chunk::summary::{Summary, fingerprint};
use crate::event::{Event, Level, LogRecord, severity::level_of_text};

/// Conditions on a log record, which must meet all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Accepted levels. `None` accepts all.
    pub levels: Option<Levels>,
    /// Lowest accepted level.
    pub min_level: Option<Level>,
    /// Id of the trace that the record belongs to.
    pub trace_id: Option<String>,
    /// Service that wrote the record.
    pub service: Option<Name>,
    /// Attributes of the record or its resource.
    pub attributes: AttributeFilters,
    /// Words to find in message, type and service.
    pub words: Option<Words>,
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
    /// Returns whether a stored level is one of these. Form 2 stores any text as a level.
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
    /// Returns whether a chunk with this summary may hold matching records.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let has_level = match &summary.levels {
            Some(present) => present.keys().any(|level| self.accepts_level(level)),
            None => true,
        };
        let service = self.service.as_ref();
        let may_be_of = |service: &Name| summary.may_hold(Term::Pair("service", service.as_str()));
        let trace = self.trace_id.as_deref().map(fingerprint);
        let words = self.words.as_ref();
        has_level
            && trace.is_none_or(|trace| summary.may_hold_trace(trace))
            && service.is_none_or(may_be_of)
            && self.attributes.may_match(summary)
            && words.is_none_or(|words| words.may_match(summary))
    }

    /// Returns whether the filter has no condition.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether a record meets all conditions.
    pub fn matches(&self, record: &LogRecord) -> bool {
        let trace = self.trace_id.as_deref();
        let service = self.service.as_ref();
        let words = self.words.as_ref();
        self.accepts_level(&record.level)
            && trace.is_none_or(|id| record.trace_id() == Some(id))
            && service.is_none_or(|service| record.service() == Some(service.as_str()))
            && self
                .attributes
                .match_all(&record.attributes, record.resource_scope.as_deref())
            && words.is_none_or(|words| words.occur_in(record.texts()))
    }

    fn accepts_level(&self, level: &str) -> bool {
        let levels = self.levels.as_ref();
        let least = self.min_level;
        levels.is_none_or(|levels| levels.contain(level))
            && least.is_none_or(|least| least.is_reached_by(level))
    }
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
            words: text.map(|text| text.parse().unwrap()),
            ..LogFilter::default()
        };
        assert!(LogFilter::default().matches(&record));
        assert!(filter(&["warn", "error"], Some("t"), Some("straße FAILED")).matches(&record));
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
