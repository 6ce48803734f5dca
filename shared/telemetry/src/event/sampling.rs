//! Consistent probability sampling: how many spans a sampled span stands for
//! (OpenTelemetry, "TraceState: Probability Sampling", `ot=th:…`).

/// Largest weight that is accepted. A sampler that keeps one span in four billion is a mistake.
const MOST: f64 = u32::MAX as f64;

/// Returns the number of spans that a span with this trace state represents: 1 unless it states a
/// threshold.
///
/// A weight that is not a whole number is rounded up or down by the span's id, so that the sum
/// over many spans is right.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 1 and MOST"
)]
pub(super) fn weight(trace_state: &str, span_id: &str) -> u64 {
    let Some(exact) = threshold(trace_state).map(|share| (1.0 / share).min(MOST)) else {
        return 1;
    };
    let nearest = exact.round();
    // Thresholds have few digits: 10 % is stated as 9.9994 %.
    if (exact - nearest).abs() <= exact * 0.01 {
        return nearest as u64;
    }
    let rounds_up = fraction_of(span_id) < exact.fract();
    exact as u64 + u64::from(rounds_up)
}

/// Returns the share of spans that the sampler keeps, more than 0 and at most 1.
fn threshold(trace_state: &str) -> Option<f64> {
    let members = trace_state.split(',');
    let mut ours = members.filter_map(|member| member.trim().strip_prefix("ot="));
    let digits = ours
        .next()?
        .split(';')
        .find_map(|part| part.strip_prefix("th:"))?;
    let is_valid =
        (1..=14).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let rejected = u64::from_str_radix(digits, 16).ok().filter(|_| is_valid)?;
    let all = 16_u64.pow(u32::try_from(digits.len()).ok()?);
    #[expect(
        clippy::cast_precision_loss,
        reason = "at most 56 bits, of which 53 suffice"
    )]
    let share = (all - rejected) as f64 / all as f64;
    Some(share)
}

/// Returns a number from 0 to less than 1 that depends only on the id.
fn fraction_of(span_id: &str) -> f64 {
    let hash = twox_hash::XxHash3_64::oneshot(span_id.as_bytes());
    f64::from(u16::try_from(hash >> 48).unwrap_or_default()) / 65_536.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_without_a_valid_threshold_counts_once() {
        for trace_state in [
            "",
            "ot=",
            "ot=th:",
            "ot=th:xyz",
            "ot=rv:e666",
            "other=th:8",
            "ot=th:+8",
            "ot=th:000000000000000",
            "ot=th:0",
        ] {
            assert_eq!(weight(trace_state, "a"), 1, "{trace_state}");
        }
    }

    #[test]
    fn a_threshold_is_the_share_of_spans_that_are_dropped() {
        for (trace_state, expected) in [
            ("ot=th:8", 2),
            ("ot=th:c", 4),
            ("ot=th:e666", 10),
            ("ot=th:e6666666666668", 10),
            ("ot=th:fd70a", 100),
            ("vendor=x, ot=rv:123456789abcde;th:c", 4),
            ("ot=th:ffffffffffffff", u64::from(u32::MAX)),
        ] {
            assert_eq!(weight(trace_state, "a"), expected, "{trace_state}");
        }
    }

    #[test]
    fn weights_that_are_no_whole_numbers_are_right_on_average() {
        // 1 in 1.6.
        let sum: u64 = (0..10_000)
            .map(|id| weight("ot=th:6", &id.to_string()))
            .sum();
        assert!((15_800..16_200).contains(&sum), "{sum}");
    }
}
