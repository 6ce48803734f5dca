//! Severity of log records (OpenTelemetry logs data model, "Severity Fields" and appendix B).

use serde::Deserialize;
use utoipa::ToSchema;

/// Names of the ranges of severity numbers, the lowest first, each four numbers wide.
const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

/// A level of OpenTelemetry, from the lowest to the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Finest detail.
    Trace,
    /// Details for debugging the program.
    Debug,
    /// Something happened as it should.
    Info,
    /// Something is unusual, but no failure.
    Warn,
    /// Something failed.
    Error,
    /// The program cannot continue.
    Fatal,
}

impl Level {
    /// Returns whether a text stands for this level or a higher one. `false` if no known library writes
    /// the text.
    pub(crate) fn is_reached_by(self, text: &str) -> bool {
        of_text(text).is_some_and(|number| number > self as u8 * WIDTH)
    }
}

/// Width of a range of severity numbers.
const WIDTH: u8 = 4;

/// Highest severity number.
const MOST: u8 = 24;

/// Lowest severity number of a failure.
const ERROR: u8 = 17;

/// Texts that logging libraries write for a severity, in lower case, and its number.
const TEXTS: [(&str, u8); 47] = [
    ("trace", 1),
    ("trc", 1),
    ("t", 1),
    ("verbose", 1),
    ("verb", 1),
    ("vrb", 1),
    ("v", 1),
    ("finest", 1),
    ("silly", 1),
    ("all", 1),
    ("debug", 5),
    ("dbg", 5),
    ("dbug", 5),
    ("d", 5),
    ("finer", 5),
    ("fine", 6),
    ("config", 7),
    ("info", 9),
    ("inf", 9),
    ("i", 9),
    ("information", 9),
    ("informational", 9),
    ("log", 9),
    ("notice", 10),
    ("success", 10),
    ("warn", 13),
    ("warning", 13),
    ("wrn", 13),
    ("w", 13),
    ("error", 17),
    ("err", 17),
    ("eror", 17),
    ("e", 17),
    ("fail", 17),
    ("failure", 17),
    ("severe", 17),
    ("exception", 17),
    ("dpanic", 18),
    ("alert", 19),
    ("fatal", 21),
    ("ftl", 21),
    ("f", 21),
    ("panic", 21),
    ("critical", 21),
    ("crit", 21),
    ("emergency", 21),
    ("emerg", 21),
];

/// Returns the severity number; `None` if it is not from 1 to 24.
pub(crate) fn of_number(number: i32) -> Option<u8> {
    let number = u8::try_from(number).ok();
    number.filter(|number| (1..=MOST).contains(number))
}

/// Returns the severity number for the text that a logging library writes, ignoring case and blanks
/// around it; `None` for a text that no known library writes. Also reads the short names of
/// OpenTelemetry, such as `INFO2`.
pub(crate) fn of_text(text: &str) -> Option<u8> {
    let text = text.trim();
    let known = |text: &str| {
        let mut texts = TEXTS.iter();
        let (_, number) = texts.find(|(name, _)| name.eq_ignore_ascii_case(text))?;
        Some(*number)
    };
    known(text).or_else(|| {
        let (name, digit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let digit = digit
            .parse()
            .ok()
            .filter(|digit| (1..=WIDTH).contains(digit))?;
        let is_range = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(name));
        known(name)
            .filter(|_| is_range)
            .map(|first| first + digit - 1)
    })
}

/// Returns the level of a severity number, such as `error` for 17 to 20.
pub(crate) fn level(number: u8) -> &'static str {
    let range = usize::from(number.saturating_sub(1) / WIDTH);
    LEVELS[range.min(LEVELS.len() - 1)]
}

/// Returns the level that a text stands for: `warn` for `Warning`. A text that no known library writes is
/// its own level, in lower case.
pub(crate) fn level_of_text(text: &str) -> String {
    of_text(text).map_or_else(
        || text.trim().to_lowercase(),
        |number| level(number).to_owned(),
    )
}

/// Returns whether a severity number is that of a failure.
pub(crate) fn is_error(number: u8) -> bool {
    number >= ERROR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_logging_libraries_have_the_number_of_their_severity() {
        for (texts, number) in [
            (&["trace", "TRACE1", "Verbose", "FINEST", " t "][..], 1),
            (&["DEBUG", "dbg", "Debug1"], 5),
            (&["info", "INFO", "Information", "I", "\tinfo\n"], 9),
            (&["INFO2", "notice"], 10),
            (&["Warning", "WARN", "W", "wrn"], 13),
            (&["ERROR", "err", "E", "SEVERE"], 17),
            (&["error4"], 20),
            (&["FATAL", "panic", "CRITICAL", "emerg"], 21),
            (&["fatal4"], 24),
        ] {
            for text in texts {
                assert_eq!(of_text(text), Some(number), "{text:?}");
            }
        }
        for text in [
            "", " ", "2", "info0", "info5", "info 2", "e2", "audit", "é", "ınfo",
        ] {
            assert_eq!(of_text(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_text_is_listed_once_and_in_lower_case() {
        let mut texts: Vec<&str> = TEXTS.iter().map(|(text, _)| *text).collect();
        assert!(texts.iter().all(|text| *text == text.to_lowercase()));
        assert!(TEXTS.is_sorted_by_key(|(_, number)| number));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), TEXTS.len());
    }

    #[test]
    fn four_numbers_have_the_same_level_and_errors_begin_at_17() {
        for (first, name) in [1, 5, 9, 13, 17, 21].into_iter().zip(LEVELS) {
            for number in first..first + WIDTH {
                assert_eq!((level(number), is_error(number)), (name, number >= 17));
            }
        }
        assert_eq!(
            [0, 1, 24, 25, -1, 273].map(of_number),
            [None, Some(1), Some(24), None, None, None]
        );
    }

    #[test]
    fn a_level_is_reached_by_itself_and_by_higher_ones() {
        let levels = ["trace", "debug", "info", "warn", "error", "fatal"];
        let all = [
            Level::Trace,
            Level::Debug,
            Level::Info,
            Level::Warn,
            Level::Error,
            Level::Fatal,
        ];
        for (least, level) in all.into_iter().enumerate() {
            for (at, text) in levels.into_iter().enumerate() {
                assert_eq!(level.is_reached_by(text), at >= least, "{level:?} {text}");
            }
            assert!(!level.is_reached_by("audit"));
        }
        assert!(Level::Warn.is_reached_by("Warning"));
    }

    #[test]
    fn an_unknown_text_is_its_own_level() {
        assert_eq!(level_of_text(" Audit "), "audit");
        assert_eq!(level_of_text("Warning"), "warn");
    }
}
