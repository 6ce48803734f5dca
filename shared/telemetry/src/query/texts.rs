//! Texts to search for.

use std::str::FromStr;

use foldhash::HashSet;
use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::chunk::filter::{Term, words};
use crate::chunk::summary::Summary;

/// Longest text to search for, in characters.
const MAX_CHARS: usize = 1000;

/// The text has more than 1,000 characters.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must have at most {MAX_CHARS} characters")]
pub struct TooLong;

fn bounded(text: &str) -> Result<&str, TooLong> {
    if text.chars().count() > MAX_CHARS {
        return Err(TooLong);
    }
    Ok(text)
}

fn schema() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(MAX_CHARS))
        .into()
}

/// Name of a service or an operation, compared exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        bounded(text).map(|text| Self(text.to_owned()))
    }
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        schema()
    }
}

impl ToSchema for Name {}

/// Words that must all occur, in any order and ignoring case. Without a word nothing matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(HashSet<String>);

impl FromStr for Words {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        bounded(text).map(|text| Self(words(text).collect()))
    }
}

impl Words {
    /// Returns whether each of the words occurs in one of these texts.
    pub(super) fn occur_in<'a>(&self, texts: impl Iterator<Item = &'a str> + Clone) -> bool {
        // Each word takes at least two bytes with its separator, so a shorter record cannot have them all.
        let bytes: usize = texts.clone().map(|text| text.len() + 1).sum();
        if bytes < 2 * self.0.len() {
            return false;
        }
        let mut missing: HashSet<&str> = self.0.iter().map(String::as_str).collect();
        for word in texts.flat_map(words) {
            missing.remove(word.as_str());
        }
        missing.is_empty() && !self.0.is_empty()
    }

    /// Returns whether a chunk with this summary may hold a record in which they occur.
    pub(super) fn may_match(&self, summary: &Summary) -> bool {
        let may_hold = |word: &String| summary.may_hold(Term::Word(word));
        !self.0.is_empty() && self.0.iter().all(may_hold)
    }
}

impl PartialSchema for Words {
    fn schema() -> RefOr<Schema> {
        schema()
    }
}

impl ToSchema for Words {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_words_must_occur_whole_in_any_of_the_texts_and_in_any_order() {
        for (asked, occur) in [
            ("payment", true),
            ("FAILED payment", true),
            ("order-7", true),
            ("order 7 shop", true),
            ("pay", false),
            ("payment refused", false),
            ("ÜBERWEISUNG", true),
            ("!?", false),
        ] {
            let asked_words: Words = asked.parse().unwrap();
            let texts = ["Payment failed: order-7, Überweisung", "shop"];
            assert_eq!(asked_words.occur_in(texts.into_iter()), occur, "{asked}");
        }
    }

    #[test]
    fn texts_are_bounded_in_characters() {
        let long = |chars| "é".repeat(chars);
        assert!(long(MAX_CHARS).parse::<Words>().is_ok());
        assert_eq!(long(MAX_CHARS + 1).parse::<Words>(), Err(TooLong));
        assert_eq!(long(MAX_CHARS + 1).parse::<Name>(), Err(TooLong));
    }
}
