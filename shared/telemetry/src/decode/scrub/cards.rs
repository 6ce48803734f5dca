//! Numbers of payment cards: 13 to 19 digits of which the last is a check digit (Luhn), in groups
//! with spaces or hyphens or in one piece.
//!
//! The first digit is that of a card network, 2 to 6. Times in milliseconds and nanoseconds begin
//! with 1 for the next years.

use super::{Replaced, SCRUBBED};

/// Fewest digits of a card.
const MIN_DIGITS: usize = 13;

/// Most digits of a card.
const MAX_DIGITS: usize = 19;

/// Lengths of the groups in which cards are written.
const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4], &[4, 4, 4, 4, 3]];

/// Whether there are enough digits with nothing but spaces and hyphens between them. Of so many
/// characters in a row, one is at a multiple of [`MIN_DIGITS`], so the others need not be looked at.
pub(super) fn may_have(bytes: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b" -".contains(byte);
    let mut at = MIN_DIGITS - 1;
    while at < bytes.len() {
        if is_part(&bytes[at]) {
            let before = bytes[..at].iter().rev().take_while(|byte| is_part(byte));
            let after = bytes[at..].iter().take_while(|byte| is_part(byte));
            let length = after.clone().count();
            let digits = before.chain(after).filter(|byte| byte.is_ascii_digit());
            if digits.count() >= MIN_DIGITS {
                return true;
            }
            at += length;
        }
        at += MIN_DIGITS;
    }
    false
}

/// Replaces all card numbers.
pub(super) fn scrubbed(text: &str) -> Replaced<'_> {
    let bytes = text.as_bytes();
    let mut replaced = Replaced::new(text);
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = at + digits(&bytes[at..]);
        at = match card(bytes, at, end) {
            Some(card_end) => {
                replaced.replace(at, card_end, SCRUBBED);
                card_end
            }
            None => end,
        };
    }
    replaced
}

/// End of the card number that begins with the digits from `start` to `end`.
fn card(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_within_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._".contains(byte);
    let before = start.checked_sub(1).and_then(|before| bytes.get(before));
    if before.is_some_and(is_within_word) || !(b'2'..=b'6').contains(&bytes[start]) {
        return None;
    }
    let is_card_until = |end: usize| {
        let after = bytes.get(end);
        let is_word = after.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        (!is_word && has_check_digit(&bytes[start..end])).then_some(end)
    };
    if (MIN_DIGITS..=MAX_DIGITS).contains(&(end - start)) {
        return is_card_until(end);
    }
    let separator = *bytes.get(end).filter(|byte| b" -".contains(byte))?;
    // The longest grouping first, of which another may be the beginning.
    let groupings = GROUPINGS.iter().rev();
    let mut ends = groupings.filter_map(|groups| grouped(&bytes[start..], groups, separator));
    ends.find_map(|length| is_card_until(start + length))
}

/// Length of digits in these groups.
fn grouped(bytes: &[u8], groups: &[usize], separator: u8) -> Option<usize> {
    let mut at = 0;
    for (index, length) in groups.iter().enumerate() {
        if index > 0 {
            at += usize::from(bytes.get(at) == Some(&separator));
        }
        if digits(bytes.get(at..)?) != *length {
            return None;
        }
        at += length;
    }
    Some(at)
}

fn digits(bytes: &[u8]) -> usize {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    bytes.iter().take_while(is_digit).count()
}

/// Luhn's check (ISO/IEC 7812-1, annex B) of the digits among these bytes.
fn has_check_digit(bytes: &[u8]) -> bool {
    let digits = bytes.iter().rev().filter(|byte| byte.is_ascii_digit());
    let sum: u32 = digits
        .zip([false, true].into_iter().cycle())
        .map(|(byte, is_doubled)| {
            let digit = u32::from(byte - b'0');
            match (is_doubled, digit) {
                (true, 5..) => digit * 2 - 9,
                (true, _) => digit * 2,
                (false, _) => digit,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}
