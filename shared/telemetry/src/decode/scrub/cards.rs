//! Numbers of payment cards: 14 to 16 digits that begin as a card network's and end with a check
//! digit (Luhn), in groups with spaces or hyphens or in one piece.
//!
//! The check digit alone fits one number in ten. Times such as 20261127195901 and decimal ids of 17
//! to 19 digits are no cards, because no network has both their beginning and their length.

use super::{Allowance, Replaced, SCRUBBED};

/// Fewest digits of a card.
const MIN_DIGITS: usize = 14;

/// Lengths of the groups in which cards are written.
const GROUPINGS: [&[usize]; 3] = [&[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];

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
pub(super) fn scrubbed(text: &str, allowance: &mut Allowance) -> Option<String> {
    let bytes = text.as_bytes();
    let mut replaced = Replaced::new(text, allowance);
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
    replaced.into_text()
}

/// Whether an integer is the number of a card.
pub(super) fn is_card(number: u64) -> bool {
    const OF_CARDS: std::ops::Range<u64> = 10_u64.pow(13)..10_u64.pow(16);
    if !OF_CARDS.contains(&number) {
        return false;
    }
    let digits = number.to_string();
    is_of_network(digits.as_bytes()) && has_check_digit(digits.as_bytes())
}

/// End of the card number that begins with the digits from `start` to `end`.
fn card(bytes: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_within_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"._".contains(byte);
    let before = start.checked_sub(1).and_then(|before| bytes.get(before));
    if before.is_some_and(is_within_word) {
        return None;
    }
    let is_card_until = |end: usize| {
        let after = bytes.get(end);
        let is_word = after.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let number = &bytes[start..end];
        (!is_word && is_of_network(number) && has_check_digit(number)).then_some(end)
    };
    if end - start >= MIN_DIGITS {
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

/// Whether the digits among these bytes begin as the cards of a network with as many digits do.
fn is_of_network(bytes: &[u8]) -> bool {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit());
    let number = |digit: &u8| u16::from(digit - b'0');
    let first = digits.clone().take(4).map(number);
    let first = first.fold(0, |first, digit| first * 10 + digit);
    match digits.count() {
        // Diners Club.
        14 => matches!(first, 3000..=3059 | 3600..=3699 | 3800..=3999),
        // American Express.
        15 => matches!(first, 3400..=3499 | 3700..=3799),
        // Mastercard, JCB, Visa, Discover and UnionPay.
        16 => matches!(
            first,
            2221..=2720 | 3528..=3589 | 4000..=4999 | 5100..=5599 | 6011 | 6200..=6299 | 6440..=6599
        ),
        _ => false,
    }
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
