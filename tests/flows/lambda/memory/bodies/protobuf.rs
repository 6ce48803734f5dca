//! Bodies as protocol buffers.

use shared::telemetry::inflate::MAX_INFLATED_BYTES;

use super::json::nanos;

pub(super) fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push((value & 127) as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A length-delimited field of a message.
pub(super) fn field(number: usize, content: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 2), &varint(content.len()), content].concat()
}

pub(super) fn any(number: usize, content: &[u8]) -> Vec<u8> {
    match number {
        3 => vec![3 << 3, 1],
        _ => field(number, content),
    }
}

pub(super) fn pair(key: &[u8], value: &[u8]) -> Vec<u8> {
    [field(1, key), field(2, value)].concat()
}

pub(super) fn nested(number: usize, levels: usize) -> Vec<u8> {
    (0..levels).fold(vec![3 << 3, 1], |inner, _| {
        let item = match number {
            5 => field(1, &inner),
            _ => field(1, &pair(b"", &inner)),
        };
        any(number, &item)
    })
}

/// The ids and the time of a span.
pub(super) fn span() -> Vec<u8> {
    let time = [&[7 << 3 | 1][..], &nanos().to_le_bytes()].concat();
    [field(1, &[1; 16]), field(2, &[1; 8]), time].concat()
}

pub(super) fn link() -> Vec<u8> {
    [field(1, &[1; 16]), field(2, &[1; 8])].concat()
}

/// Messages nested in these fields, of which the innermost repeats a field.
pub(super) fn message(outer: &[usize], number: &[usize], content: &[u8]) -> Vec<u8> {
    let unit = field(number[0], content);
    let inner = unit.repeat((MAX_INFLATED_BYTES - 64) / unit.len());
    outer
        .iter()
        .rev()
        .fold(inner, |inner, number| field(*number, &inner))
}

pub(super) fn of_one_span(number: usize, content: &[u8]) -> Vec<u8> {
    let unit = field(number, content);
    let values = unit.repeat((MAX_INFLATED_BYTES - 200) / unit.len());
    let span = [span(), values].concat();
    field(1, &field(2, &field(2, &span)))
}

pub(super) fn fill_within(
    outer: &[usize],
    head: &[u8],
    number: usize,
    within: &[usize],
    unit: &[u8],
) -> Vec<u8> {
    let values = unit.repeat((MAX_INFLATED_BYTES - 200) / unit.len());
    let inner = within
        .iter()
        .rev()
        .fold(values, |inner, number| field(*number, &inner));
    let message = [head, &field(number, &inner)].concat();
    outer
        .iter()
        .rev()
        .fold(message, |inner, number| field(*number, &inner))
}

pub(super) fn of_spans(number: usize, content: &[u8]) -> Vec<u8> {
    let unit = field(number, content);
    let values = unit.repeat((250 << 10) / unit.len());
    message(&[1, 2], &[2], &[span(), values].concat())
}
