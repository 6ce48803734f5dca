//! A Bloom filter over the texts of a chunk, so that a search opens only chunks that may match.
//! Which texts it holds is fixed for each stored form; see `Terms`.

use foldhash::HashSet;
use twox_hash::XxHash3_64;

/// Longest value that the filter holds, in bytes.
const MAX_VALUE_BYTES: usize = 128;

/// Attributes that the filter leaves out, because their values differ in nearly every event.
const LEFT_OUT: [&str; 2] = ["url.full", "http.url"];

/// What the filter holds in place of the names of spans that have none. Their display names contain
/// URLs, which differ in nearly every span.
pub(crate) const UNNAMED: &str = "";

/// Size of the filter of a chunk with few terms, in bytes. With 80 terms it has 1.8 % false
/// positives.
const SMALL: usize = 128;

/// Maximum number of hash functions. More would not help.
const MAX_HASHES: f64 = 12.0;

/// A term to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term<'a> {
    /// An event has this attribute, or a field of this name, with this value.
    Pair(&'a str, &'a str),
    /// A failed event has this attribute or field with this value.
    FailedPair(&'a str, &'a str),
    /// The message, type or service of a log record contains this word; see [`words`].
    Word(&'a str),
}

/// Mixed into the hash, so that equal texts of different kinds differ.
const FAILED: u64 = 1;
const WORD: u64 = 2;

impl Term<'_> {
    /// Returns the hash of the term; `None` if the filter leaves it out.
    fn hash(self) -> Option<u64> {
        match self {
            Self::Pair(key, value) => pair(key, value),
            Self::FailedPair(key, value) => pair(key, value).map(|hash| hash ^ FAILED),
            Self::Word(word) => Some(XxHash3_64::oneshot(word.as_bytes()) ^ WORD),
        }
    }
}

fn pair(key: &str, value: &str) -> Option<u64> {
    let is_held = value.len() <= MAX_VALUE_BYTES && !LEFT_OUT.contains(&key);
    is_held.then(|| {
        let key = XxHash3_64::oneshot(key.as_bytes());
        key.rotate_left(5) ^ XxHash3_64::oneshot(value.as_bytes())
    })
}

/// Returns the words of a text, in lower case: letters and digits of any script. The division into words
/// is part of the stored form: changing it needs a new form.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Hashes of the terms of a chunk: attributes with a text or boolean, the fields that queries filter
/// by, and the words of log records. Other numbers are left out, and so are long values.
#[derive(Debug, Default)]
pub(super) struct Terms(HashSet<u64>);

impl Terms {
    /// Adds a term, unless it is one that the filter leaves out.
    pub(super) fn add(&mut self, term: Term<'_>) {
        self.0.extend(term.hash());
    }

    /// Number of distinct terms.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A Bloom filter over the hashes of terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Number of hash functions.
    pub(super) hashes: u8,
    pub(super) bits: Vec<u8>,
}

impl Filter {
    /// Builds a filter of these terms, of at most `most` bytes and at least [`SMALL`].
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped"
    )]
    pub(super) fn of(terms: &Terms, most: usize) -> Self {
        let bytes = terms
            .len()
            .next_power_of_two()
            .clamp(SMALL, most.max(SMALL));
        let optimum = (bytes * 8) as f64 / terms.len().max(1) as f64 * std::f64::consts::LN_2;
        let mut filter = Self {
            hashes: optimum.round().clamp(1.0, MAX_HASHES) as u8,
            bits: vec![0; bytes],
        };
        for hash in &terms.0 {
            for place in filter.places(*hash) {
                filter.bits[place / 8] |= 1 << (place % 8);
            }
        }
        filter
    }

    /// Returns whether some event of the chunk may have the term. `true` if the filter leaves such
    /// terms out.
    pub fn may_hold(&self, term: Term<'_>) -> bool {
        let is_set = |place: usize| self.bits[place / 8] >> (place % 8) & 1 == 1;
        let hash = term.hash();
        hash.is_none_or(|hash| self.places(hash).all(is_set))
    }

    /// Returns the bits of a hash (Kirsch and Mitzenmacher, "Less Hashing, Same Performance").
    fn places(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let bits = self.bits.len() as u64 * 8;
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (first, step) = (mixed & 0xffff_ffff, mixed >> 32 | 1);
        (0..u64::from(self.hashes)).map(move |number| {
            let at = first.wrapping_add(step.wrapping_mul(number)) & 0xffff_ffff;
            usize::try_from((at * bits) >> 32).unwrap_or_default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(count: usize) -> Terms {
        let mut terms = Terms::default();
        for number in 0..count {
            terms.add(Term::Pair("key", &format!("value {number}")));
        }
        terms
    }

    #[test]
    fn a_term_that_was_added_is_always_found() {
        for count in [0, 1, 80, 244, 5_000] {
            let filter = Filter::of(&terms(count), 256);
            for number in 0..count {
                let value = format!("value {number}");
                assert!(
                    filter.may_hold(Term::Pair("key", &value)),
                    "{count}: {value}"
                );
            }
        }
    }

    #[test]
    fn few_absent_terms_are_found() {
        for (count, bytes, percent) in [(20, 128, 0.1), (80, 128, 2.5), (244, 256, 2.5)] {
            let filter = Filter::of(&terms(count), 256);
            assert_eq!(filter.bits.len(), bytes);
            let absent = (0..20_000).map(|number| format!("absent {number}"));
            let found = absent.filter(|value| filter.may_hold(Term::Pair("key", value)));
            let found = found.count() as f64 / 200.0;
            assert!(found <= percent, "{count} terms: {found} %");
        }
    }

    #[test]
    fn terms_of_different_kinds_are_different() {
        let mut terms = Terms::default();
        terms.add(Term::Pair("name", "GET /"));
        let filter = Filter::of(&terms, 256);
        assert!(filter.may_hold(Term::Pair("name", "GET /")));
        for other in [
            Term::FailedPair("name", "GET /"),
            Term::Pair("GET /", "name"),
            Term::Word("name"),
        ] {
            assert!(!filter.may_hold(other), "{other:?}");
        }
    }

    #[test]
    fn the_filter_may_hold_every_term_that_it_leaves_out() {
        let filter = Filter::of(&Terms::default(), 256);
        assert!(!filter.may_hold(Term::Pair("a", "b")));
        assert!(filter.may_hold(Term::Pair("url.full", "https://shop.test/")));
        assert!(filter.may_hold(Term::Pair("a", &"b".repeat(129))));
    }

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        let found: Vec<String> = words("Zahlung über 12,50 € FAILED: order-7").collect();
        assert_eq!(
            found,
            ["zahlung", "über", "12", "50", "failed", "order", "7"]
        );
    }
}
