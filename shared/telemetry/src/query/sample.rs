//! Samples that are spread evenly.

/// Returns at most `most` indexes below `len` at equal distances: all if there are few; otherwise with
/// the first and, unless `most` is 1, the last.
pub fn spread(len: usize, most: usize) -> impl Iterator<Item = usize> {
    let taken = most.min(len);
    let last = len.saturating_sub(1);
    (0..taken).map(move |number| number * last / taken.saturating_sub(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_at_equal_distances_and_each_is_taken_once() {
        for (len, most, places) in [
            (0, 3, vec![]),
            (2, 3, vec![0, 1]),
            (5, 0, vec![]),
            (5, 1, vec![0]),
            (5, 3, vec![0, 2, 4]),
            (100, 4, vec![0, 33, 66, 99]),
        ] {
            assert_eq!(spread(len, most).collect::<Vec<_>>(), places);
        }
    }
}
