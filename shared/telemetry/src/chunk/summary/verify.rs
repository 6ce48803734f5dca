//! Compares a summary with the events of its chunk.

use std::collections::BTreeMap;

use super::{Draft, Minute, Stats, Summary};
use crate::chunk::filter::Filter;
use crate::event::Event;

impl Summary {
    /// Returns whether the summary counts exactly these events, by minute, level and trace, and its
    /// filter, if any, holds their terms and no others. Compares neither sketches, nor list rows and
    /// operations, which are cut to size.
    pub fn counts<E: Event>(&self, events: &[E]) -> bool {
        let events: Vec<&E> = events.iter().collect();
        let draft = Draft::of(&events);
        let expected = &draft.summary;
        let has_its_terms =
            |filter: &Filter| Filter::of(&draft.terms, filter.bits.len()) == *filter;
        let minutes = |summary: &Self| {
            summary
                .minutes
                .iter()
                .map(counted)
                .collect::<BTreeMap<_, _>>()
        };
        minutes(self) == minutes(expected)
            && self.levels == expected.levels
            && self.traces == expected.traces
            && self.filter.as_ref().is_none_or(has_its_terms)
    }
}

/// Count, errors, and number and sum of durations.
type Counts = (u64, u64, Option<(u64, u128)>);

fn counted((minute, counted): (&u8, &Minute)) -> (u8, [Counts; 2]) {
    (
        *minute,
        [&counted.all, counted.requests()].map(Stats::counts),
    )
}

impl Stats {
    /// Returns everything but the extremes and the sketch of durations.
    fn counts(&self) -> Counts {
        let durations = self.durations.as_ref();
        let durations = durations.map(|durations| (durations.count, durations.sum));
        (self.count, self.errors, durations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    #[test]
    fn a_summary_counts_its_own_events_and_no_others() {
        let span = |trace: &str, status| Span {
            trace_id: trace.to_owned(),
            status: Some(status),
            duration_ms: Some(1.5),
            ..Span::default()
        };
        let events = [span("a", 200), span("b", 500)];
        let summary = Summary::of(&events.iter().collect::<Vec<_>>());
        assert!(summary.counts(&events));
        for other in [
            vec![events[0].clone()],
            vec![events[0].clone(), span("c", 500)],
            vec![events[0].clone(), span("b", 200)],
            vec![],
        ] {
            assert!(!summary.counts(&other), "{other:?}");
        }
    }

    #[test]
    fn a_filter_that_lacks_a_term_is_recognized() {
        let event = Span {
            name: Some("checkout".to_owned()),
            ..Span::default()
        };
        let draft = Draft::of(&[&event]);
        let mut summary = Summary {
            filter: Some(Filter::of(&draft.terms, 256)),
            ..draft.summary
        };
        assert!(summary.counts(std::slice::from_ref(&event)));
        let bits = &mut summary.filter.as_mut().unwrap().bits;
        bits.fill(0);
        assert!(!summary.counts(&[event]));
    }
}
