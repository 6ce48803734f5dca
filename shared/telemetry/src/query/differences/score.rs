//! How well a value separates two groups of traces.

use std::cmp::Ordering;

use super::{Difference, MOST_VALUES};

/// Minimum number of selected traces that must have a value. A value of a single trace, such as an id,
/// separates it from all others and explains nothing.
const LEAST: u64 = 2;

/// Chance that any of the shares is above its probable range, and chance that any is below it.
const ERROR: f64 = 0.025;

/// The traces with a value, and all that could have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Number of traces with the value.
    pub count: u64,
    /// Number of traces that could have it.
    pub of: u64,
}

impl Share {
    /// Returns the smallest and the largest probable share: those that are at most this many standard
    /// deviations away (Wilson's interval). They are far apart if there are few traces.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample has fewer than 2^53 traces"
    )]
    fn probable(self, deviations: f64) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let (count, of) = (self.count as f64, self.of as f64);
        let squared = deviations * deviations;
        let centre = (count + squared / 2.0) / (of + squared);
        let variance = count * (of - count) / of + squared / 4.0;
        let margin = deviations / (of + squared) * variance.max(0.0).sqrt();
        (centre - margin, centre + margin)
    }
}

/// Returns whether a value of this many traces is compared. One of a single trace, such as an id,
/// never separates.
pub(super) fn is_compared(traces: u64) -> bool {
    traces >= LEAST
}

/// Returns the standard deviations to either side of a share if this many values are compared: of many
/// values, some are far from their share by chance (Bonferroni's correction). 1.96 for one value, 4.9 for
/// 50,000.
#[expect(
    clippy::cast_precision_loss,
    reason = "a sample has fewer than 2^53 values"
)]
fn deviations(compared: usize) -> f64 {
    // The quantile of the normal distribution by Abramowitz and Stegun, 26.2.23, within 0.0005.
    let chance = ERROR / compared.max(1) as f64;
    let t = (-2.0 * chance.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    t - above / below
}

/// Returns by how much the share of the selected traces is probably larger than that of the others; 0 or
/// less if it may be larger by chance.
fn separation(selected: Share, others: Share, deviations: f64) -> f64 {
    if selected.count < LEAST {
        return 0.0;
    }
    let (least, _) = selected.probable(deviations);
    let (_, most) = others.probable(deviations);
    least - most
}

/// Returns the values that separate best of the `compared` ones, best first. A value that spans of
/// several services have appears once, at the service that separates best.
pub(super) fn ranked(
    differences: impl Iterator<Item = Difference>,
    compared: usize,
) -> Vec<Difference> {
    let deviations = deviations(compared);
    let score = |value: &Difference| separation(value.selected, value.others, deviations);
    let scored = differences.map(|value| (score(&value), value));
    let mut scored: Vec<_> = scored.filter(|(score, _)| *score > 0.0).collect();
    scored.sort_by(|(score, a), (other, b)| other.total_cmp(score).then_with(|| by_text(a, b)));
    let mut ranked = Vec::<Difference>::new();
    for (_, value) in scored {
        let is_same = |known: &Difference| known.field == value.field && known.value == value.value;
        if ranked.len() < MOST_VALUES && !ranked.iter().any(is_same) {
            ranked.push(value);
        }
    }
    ranked
}

fn by_text(a: &Difference, b: &Difference) -> Ordering {
    (&a.field, &a.value, &a.service).cmp(&(&b.field, &b.value, &b.service))
}

#[cfg(test)]
mod tests {
    use super::super::Field;
    use super::*;

    fn share(count: u64, of: u64) -> Share {
        Share { count, of }
    }

    fn attribute(value: &str, service: &str, selected: Share, others: Share) -> Difference {
        Difference {
            field: Field::Attribute("key".to_owned()),
            value: value.to_owned(),
            service: Some(service.to_owned()),
            selected,
            others,
        }
    }

    #[test]
    fn values_are_ranked_by_how_probably_they_separate() {
        let ranked = ranked(
            [
                ("in one of two", share(50, 100), share(100, 1000)),
                ("in nearly all selected", share(9, 10), share(1, 1000)),
                ("in all of both", share(10, 10), share(1000, 1000)),
                ("in most of both", share(100, 100), share(800, 1000)),
                ("in three of three", share(3, 3), share(0, 1000)),
                ("in three of three, few others", share(3, 3), share(0, 3)),
                ("an id", share(1, 10), share(0, 1000)),
                ("an id of the only trace", share(1, 1), share(0, 1000)),
                ("of the others", share(0, 10), share(900, 1000)),
                ("without others", share(10, 10), share(0, 0)),
            ]
            .map(|(value, selected, others)| attribute(value, "shop", selected, others))
            .into_iter(),
            10,
        );
        let values: Vec<&str> = ranked.iter().map(|ranked| &*ranked.value).collect();
        assert_eq!(
            values,
            [
                "in nearly all selected",
                "in three of three",
                "in one of two",
                "in most of both",
            ]
        );
    }

    #[test]
    fn a_value_of_several_services_appears_once_and_values_are_limited() {
        let mut values = vec![
            attribute("a", "shop", share(9, 10), share(1, 1000)),
            attribute("a", "pay", share(10, 10), share(1, 1000)),
        ];
        values.extend((0..30).map(|n| {
            let value = format!("value {n:02}");
            attribute(&value, "shop", share(5, 10), share(1, 1000))
        }));
        let ranked = ranked(values.into_iter(), 32);
        assert_eq!(ranked.len(), MOST_VALUES);
        assert_eq!(ranked[0].service.as_deref(), Some("pay"));
        assert_eq!(ranked[1].value, "value 00", "equal ones by name");
    }

    #[test]
    fn deviations_grow_with_the_number_of_compared_values() {
        for (compared, expected) in [(1, 1.960), (10, 2.807), (1_000, 4.056), (50_000, 4.892)] {
            let difference = deviations(compared) - expected;
            assert!(difference.abs() < 0.001, "{compared}: {difference}");
        }
    }

    #[test]
    fn values_that_may_separate_by_chance_among_many_are_left_out() {
        let values = [
            ("in nearly all selected", share(9, 10), share(1, 1_000)),
            ("in three of three", share(3, 3), share(0, 1_000)),
            ("in few of both", share(3, 20), share(6, 1_000)),
        ];
        let values = values.map(|(value, of, others)| attribute(value, "shop", of, others));
        for (compared, found) in [(1, 3), (50_000, 2)] {
            let ranked = ranked(values.clone().into_iter(), compared);
            let ranked: Vec<&str> = ranked.iter().map(|ranked| &*ranked.value).collect();
            let names = [
                "in nearly all selected",
                "in three of three",
                "in few of both",
            ];
            assert_eq!(ranked, names[..found]);
        }
    }
}
