//! How well a value separates two groups of traces.

use std::cmp::Ordering;

use super::{Difference, MOST_VALUES};

/// Number of selected traces that must have a value. What a single trace has, such as an id, separates
/// it from all others and says nothing.
const LEAST: u64 = 2;

/// Standard deviations to either side of a share: 95 % of what it may be are within.
const DEVIATIONS: f64 = 1.96;

/// The traces with a value, and all that could have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Number of traces with the value.
    pub count: u64,
    /// Number of traces that could have it.
    pub of: u64,
}

impl Share {
    /// The smallest and the largest share that is likely (Wilson's interval). Wide if there are few
    /// traces.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a sample has fewer than 2^53 traces"
    )]
    fn likely(self) -> (f64, f64) {
        if self.of == 0 {
            return (0.0, 1.0);
        }
        let (count, of) = (self.count as f64, self.of as f64);
        let squared = DEVIATIONS * DEVIATIONS;
        let centre = (count + squared / 2.0) / (of + squared);
        let variance = count * (of - count) / of + squared / 4.0;
        let margin = DEVIATIONS / (of + squared) * variance.max(0.0).sqrt();
        (centre - margin, centre + margin)
    }
}

/// By how much the share of the selected traces is certainly larger than that of the others; 0 or
/// less if it may be chance.
fn separation(selected: Share, others: Share) -> f64 {
    if selected.count < LEAST {
        return 0.0;
    }
    let (least, _) = selected.likely();
    let (_, most) = others.likely();
    least - most
}

/// The values that separate best, best first. A value of an attribute that spans of several services
/// have appears once, at the service that separates best.
pub(super) fn ranked(differences: impl Iterator<Item = Difference>) -> Vec<Difference> {
    let scored = differences.map(|value| (separation(value.selected, value.others), value));
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
    fn values_are_ranked_by_how_certainly_they_separate() {
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
        let ranked = ranked(values.into_iter());
        assert_eq!(ranked.len(), MOST_VALUES);
        assert_eq!(ranked[0].service.as_deref(), Some("pay"));
        assert_eq!(ranked[1].value, "value 00", "equal ones by name");
    }
}
