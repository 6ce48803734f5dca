//! The list of log records: which of them are asked for.

use crate::chunk::head::{Summary, fingerprint};
use crate::event::{Event, LogRecord};

use super::listing::holds;
use super::window::Window;

/// What a record must be like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// One of these levels, in lower case; any, when empty.
    pub levels: Vec<String>,
    /// Of this trace.
    pub trace_id: Option<String>,
    /// This text in message, type or service, in any case; in lower case here.
    pub text: Option<String>,
}

impl LogFilter {
    /// Whether a blob with this summary may hold such records.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let level = summary.levels.as_ref().is_none_or(|levels| {
            self.levels.is_empty() || self.levels.iter().any(|level| levels.contains_key(level))
        });
        let trace = self.trace_id.as_deref().map(fingerprint);
        level && trace.is_none_or(|trace| summary.may_hold(trace))
    }

    /// Whether nothing is asked for but the time.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a record is asked for.
    pub fn matches(&self, record: &LogRecord) -> bool {
        let level = self.levels.is_empty() || self.levels.contains(&record.level);
        let trace = self
            .trace_id
            .as_deref()
            .is_none_or(|id| record.trace_id() == Some(id));
        level && trace && self.text.as_deref().is_none_or(|text| says(record, text))
    }
}

/// Records within the window that are asked for, newest first.
pub fn select(records: Vec<LogRecord>, window: Window, filter: &LogFilter) -> Vec<LogRecord> {
    let wanted = |record: &LogRecord| window.contains(record.start()) && filter.matches(record);
    let mut selected: Vec<LogRecord> = records.into_iter().filter(wanted).collect();
    // Stable: of records written in the same nanosecond, the last is the newest.
    selected.reverse();
    selected.sort_by_key(|record| std::cmp::Reverse(record.time_ns));
    selected
}

fn says(record: &LogRecord, text: &str) -> bool {
    let kind = record.kind.as_deref().unwrap_or_default();
    let service = record.service().unwrap_or_default();
    [&record.message, kind, service]
        .iter()
        .any(|part| holds(part, text))
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
    fn a_record_must_be_all_that_is_asked_for() {
        let record = record("error", "Payment FAILED: Straße", 0);
        let filter = |levels: &[&str], trace: Option<&str>, text: Option<&str>| LogFilter {
            levels: levels.iter().map(|&level| level.to_owned()).collect(),
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
        assert!(!filter(&["warn"], None, None).may_match(&summary));
        assert!(!filter(&[], Some("other"), None).may_match(&summary));
        assert!(
            filter(&["warn"], Some("other"), None).may_match(&Summary::default()),
            "untold"
        );
    }

    #[test]
    fn the_newest_come_first_and_the_window_is_half_open() {
        let window = Window {
            from: "1970-01-01T00:00:00Z".parse().unwrap(),
            to: "1970-01-01T00:00:00.000000003Z".parse().unwrap(),
        };
        let records = [("a", 0), ("b", 2), ("c", 2), ("d", 3), ("e", -1)];
        let records = records
            .map(|(message, at)| record("info", message, at))
            .into();
        let selected = select(records, window, &LogFilter::default());
        let messages: Vec<_> = selected.iter().map(|r| r.message.as_str()).collect();
        assert_eq!(messages, ["c", "b", "a"]);
    }
}
