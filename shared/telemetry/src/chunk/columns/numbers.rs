//! Columns of numbers: integers, optional integers, and durations in milliseconds.

use crate::chunk::bytes::{FormError, Reader, put, put_signed};

/// Factors that all times of a column may have in common: milliseconds or microseconds, in
/// nanoseconds.
const SCALES: [i64; 2] = [1_000_000, 1_000];

fn scale_of(numbers: impl Iterator<Item = i64> + Clone) -> i64 {
    let common = |scale: &i64| numbers.clone().all(|number| number % scale == 0);
    SCALES.into_iter().find(common).unwrap_or(1)
}

/// Appends numbers as the differences between adjacent ones, divided by a common factor.
pub(crate) fn put_numbers(out: &mut Vec<u8>, numbers: &[i64]) {
    let scale = scale_of(numbers.iter().copied());
    put_signed(out, scale);
    let mut last = 0_i64;
    for number in numbers {
        let number = number / scale;
        put_signed(out, number.wrapping_sub(last));
        last = number;
    }
}

/// Reads what [`put_numbers`] wrote.
pub(crate) fn numbers(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<i64>, FormError> {
    let scale = reader.signed()?;
    let mut last = 0_i64;
    let mut read = Vec::with_capacity(rows);
    for _ in 0..rows {
        last = last.wrapping_add(reader.signed()?);
        read.push(last.wrapping_mul(scale));
    }
    Ok(read)
}

/// Appends numbers that not all rows have.
pub(crate) fn put_optional(out: &mut Vec<u8>, numbers: impl Iterator<Item = Option<u32>>) {
    for number in numbers {
        put(out, number.map_or(0, |number| u64::from(number) + 1));
    }
}

/// Reads what [`put_optional`] wrote.
pub(crate) fn optional(
    reader: &mut Reader<'_>,
    rows: usize,
) -> Result<Vec<Option<u32>>, FormError> {
    let most = u64::from(u32::MAX) + 1;
    (0..rows)
        .map(|_| {
            let number: u64 = reader.small(most)?;
            Ok(number
                .checked_sub(1)
                .and_then(|number| number.try_into().ok()))
        })
        .collect()
}

/// The row has no duration.
const NO_DURATION: u64 = 0;
/// The duration is not a whole number of nanoseconds; its eight bytes are in a list at the end.
const FRACTION: u64 = 1;
/// Smallest code of a duration in nanoseconds.
const WHOLE: u64 = 2;

/// Appends durations in milliseconds. Whole nanoseconds take a few bytes, other values nine.
pub(crate) fn put_durations(out: &mut Vec<u8>, durations: &[Option<f64>]) {
    let whole: Vec<Option<i64>> = durations
        .iter()
        .map(|duration| duration.and_then(nanoseconds))
        .collect();
    let scale = scale_of(whole.iter().copied().flatten());
    put_signed(out, scale);
    let mut fractions = Vec::new();
    for (duration, whole) in durations.iter().zip(whole) {
        match (duration, whole) {
            (None, _) => put(out, NO_DURATION),
            (Some(_), Some(whole)) => put(out, (whole / scale).unsigned_abs() + WHOLE),
            (Some(duration), None) => {
                put(out, FRACTION);
                fractions.extend_from_slice(&duration.to_le_bytes());
            }
        }
    }
    out.extend_from_slice(&fractions);
}

/// Converts milliseconds to nanoseconds, if they are a whole number of them.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked by the reverse conversion"
)]
fn nanoseconds(milliseconds: f64) -> Option<i64> {
    let whole = (milliseconds * 1e6).round();
    let is_exact = (0.0..=2_f64.powi(53)).contains(&whole)
        && milliseconds_of(whole as i64).to_bits() == milliseconds.to_bits();
    is_exact.then_some(whole as i64)
}

#[expect(clippy::cast_precision_loss, reason = "at most 53 bits")]
fn milliseconds_of(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1e6
}

/// Durations in milliseconds, by row.
pub(crate) struct Durations(Vec<Option<f64>>);

impl Durations {
    /// Reads what [`put_durations`] wrote.
    pub(crate) fn read(reader: &mut Reader<'_>, rows: usize) -> Result<Self, FormError> {
        let scale = reader.signed()?.unsigned_abs();
        let codes: Vec<u64> = (0..rows)
            .map(|_| reader.number())
            .collect::<Result<_, _>>()?;
        let mut durations = Vec::with_capacity(rows);
        for code in codes {
            durations.push(match code {
                NO_DURATION => None,
                FRACTION => {
                    let mut bytes = [0; 8];
                    bytes.copy_from_slice(reader.bytes(8)?);
                    Some(f64::from_le_bytes(bytes)).filter(|duration| duration.is_finite())
                }
                whole => {
                    let nanoseconds = (whole - WHOLE).saturating_mul(scale);
                    let nanoseconds = i64::try_from(nanoseconds).unwrap_or(i64::MAX);
                    Some(milliseconds_of(nanoseconds))
                }
            });
        }
        Ok(Self(durations))
    }

    /// Returns the duration of a row.
    pub(crate) fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).copied().flatten()
    }
}
