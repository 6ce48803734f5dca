//! Prompts for language models: instructions that repeat, and text that does not.

use crate::Dice;

/// Length of a prompt, in bytes.
const LENGTH: usize = 20 * 1024;

/// How many of a thousand sentences are chosen from [`SENTENCES`] and so occur in other prompts too.
const REPEATED: usize = 593;

/// Number of different sentences that repeat.
const SENTENCES: usize = 40;
/// Number of different words.
const WORDS: usize = 4_000;

/// Returns a prompt of [`LENGTH`].
pub(crate) fn prompt(dice: &mut Dice) -> String {
    let mut text = String::with_capacity(LENGTH + 200);
    while text.len() < LENGTH {
        if dice.below(1_000) < REPEATED {
            let number = dice.below(SENTENCES);
            sentence(&mut Dice(number as u64), &mut text);
        } else {
            sentence(dice, &mut text);
        }
    }
    text.truncate(LENGTH);
    text
}

fn sentence(dice: &mut Dice, text: &mut String) {
    for _ in 0..8 + dice.below(12) {
        word(dice.below(WORDS), text);
        text.push(' ');
    }
    text.push_str(". ");
}

/// A word of two to four syllables.
fn word(number: usize, text: &mut String) {
    let mut dice = Dice(number as u64 + 1_000_000);
    for _ in 0..2 + dice.below(3) {
        text.push(char::from(dice.of(b"bcdfghklmnprstvw")));
        text.push(char::from(dice.of(b"aeiou")));
    }
}
