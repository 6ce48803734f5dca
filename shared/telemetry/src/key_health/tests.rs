use super::*;
use upblit_base::field_error::FieldError;

const NOON: &str = "2026-01-31T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

fn seconds_after_noon(seconds: u64) -> Timestamp {
    clock::after(noon(), Duration::from_secs(seconds))
}

fn error(reason: &str) -> FieldError {
    FieldError {
        pointer: "/traces/0".to_owned(),
        reason: reason.to_owned(),
    }
}

fn accepted(count: usize, at: Timestamp) -> KeyHealth {
    let report = Report {
        accepted: count,
        ..Report::default()
    };
    KeyHealth::of_batch(&report, at)
}

fn refused(reason: RejectReason, at: Timestamp) -> KeyHealth {
    KeyHealth::of_refusal(reason, "refused", at)
}

/// Takes the totals that are due and reports them as written. Returns their sum.
fn write(pending: &mut Pending, now: Timestamp) -> Option<KeyHealth> {
    let due = pending.due(now);
    for (day, sum) in &due {
        pending.written(*day, sum);
    }
    due.into_values().reduce(KeyHealth::plus)
}

#[test]
fn a_batch_counts_its_events_and_a_refused_request_counts_as_one() {
    let mut report = Report {
        accepted: 3,
        ..Report::default()
    };
    report.reject(1, || error("must be a number"));
    report.reject(4, || error("is missing"));
    let batch = KeyHealth::of_batch(&report, noon());
    assert_eq!(batch.rejected_by[&RejectReason::Malformed], 2);
    let last_error = batch.last_error.as_ref().unwrap();
    assert_eq!(last_error.detail, "/traces/0: is missing");

    let sum = batch.plus(refused(RejectReason::KeyRevoked, seconds_after_noon(1)));
    assert_eq!((sum.accepted, sum.rejected()), (3, 3));
    let last_error = sum.last_error.unwrap();
    assert_eq!(last_error.reason, RejectReason::KeyRevoked);
    assert_eq!(
        (sum.since, sum.last_seen_at),
        (noon(), seconds_after_noon(1))
    );
}

#[test]
fn error_details_are_truncated_and_contain_no_line_breaks() {
    let long = format!("a\nb{}", "é".repeat(500));
    let health = KeyHealth::of_refusal(RejectReason::MalformedRequest, &long, noon());
    let detail = health.last_error.unwrap().detail;
    assert_eq!(detail.chars().count(), MAX_DETAIL_CHARS);
    assert!(detail.starts_with("abé"));
}

#[test]
fn a_total_does_not_depend_on_the_order_of_requests() {
    let skewed = KeyHealth {
        clock_skew_ms: Some(5),
        ..accepted(1, noon())
    };
    let later = KeyHealth {
        clock_skew_ms: Some(7),
        ..refused(RejectReason::KeyDisabled, seconds_after_noon(1))
    };
    let last = refused(RejectReason::KeyExpired, seconds_after_noon(2));
    let sum = skewed.clone().plus(later.clone()).plus(last.clone());
    assert_eq!(sum, last.plus(later).plus(skewed));
    assert_eq!(sum.clock_skew_ms, Some(7), "the latest estimate");
}

#[test]
fn clock_skew_comes_from_the_envelope_or_from_an_event_that_ends_in_the_future() {
    let skew = |sent: Option<u64>, end: Option<u64>| {
        let report = Report {
            sent_at: sent.map(seconds_after_noon),
            latest_end: end.map(seconds_after_noon),
            ..Report::default()
        };
        KeyHealth::of_batch(&report, seconds_after_noon(100)).clock_skew_ms
    };
    assert_eq!(skew(Some(40), Some(130)), Some(-60_000));
    assert_eq!(skew(Some(130), None), Some(30_000));
    assert_eq!(skew(None, Some(130)), Some(30_000));
    assert_eq!(
        skew(None, Some(99)),
        None,
        "an old event says nothing about the clock"
    );
    assert_eq!(skew(None, None), None);
}

#[test]
fn the_first_request_is_written_at_once_and_then_a_total_every_minute() {
    let mut pending = Pending::default();
    let mut written = Vec::new();
    for second in 0..=120 {
        let now = seconds_after_noon(second);
        pending.record(accepted(1, now));
        if let Some(sum) = write(&mut pending, now) {
            written.push((second, sum.accepted));
        }
    }
    assert_eq!(written, [(0, 1), (60, 60), (120, 60)]);
}

#[test]
fn an_error_for_a_new_reason_is_written_once_within_five_seconds() {
    let mut pending = Pending::default();
    pending.record(accepted(1, noon()));
    write(&mut pending, noon()).unwrap();
    let mut written = Vec::new();
    for second in 1..60 {
        let now = seconds_after_noon(second);
        let refusal = match second {
            1..30 => RejectReason::KeyDisabled,
            _ if second % 2 == 0 => RejectReason::KeyExpired,
            _ => RejectReason::KeyDisabled,
        };
        pending.record(refused(refusal, now));
        if let Some(sum) = write(&mut pending, now) {
            written.push((second, sum.rejected()));
        }
    }
    assert_eq!(written, [(5, 5), (30, 25)], "alternating is no news");
}

#[test]
fn a_total_that_could_not_be_written_is_kept_and_retried_later() {
    let mut pending = Pending::default();
    pending.record(accepted(2, noon()));
    for (day, sum) in pending.due(noon()) {
        pending.not_written(day, sum);
    }
    pending.record(accepted(3, seconds_after_noon(4)));
    assert_eq!(write(&mut pending, seconds_after_noon(4)), None);
    let sum = write(&mut pending, seconds_after_noon(5)).unwrap();
    assert_eq!((sum.accepted, sum.since), (5, noon()));
    assert_eq!(
        write(&mut pending, seconds_after_noon(500)),
        None,
        "nothing is left"
    );
}

#[test]
fn a_reverted_request_does_not_count_whether_it_was_written_or_not() {
    let mut pending = Pending::default();
    let first = accepted(5, noon());
    pending.record(first.clone());
    let mut total = write(&mut pending, noon()).unwrap();
    pending.revert(&first);
    let mut report = Report::default();
    report.reject(0, || error("is missing"));
    let second = KeyHealth::of_batch(&report, seconds_after_noon(30));
    pending.record(second.clone());
    pending.revert(&second);
    total = total.plus(write(&mut pending, seconds_after_noon(60)).unwrap());
    assert_eq!((total.accepted, total.rejected()), (0, 0));
}

#[test]
fn totals_are_kept_by_day_and_days_no_longer_shown_are_dropped() {
    let day = Duration::from_secs(24 * 60 * 60);
    let mut pending = Pending::default();
    for at in [noon(), seconds_after_noon(1)] {
        pending.record(accepted(1, at));
        write(&mut pending, at);
    }
    let tomorrow = clock::after(noon(), day);
    pending.record(accepted(10, tomorrow));
    let due = pending.due(tomorrow);
    let totals: Vec<_> = due
        .iter()
        .map(|(day, sum)| (day.day(), sum.accepted))
        .collect();
    assert_eq!(totals, [(31, 1), (1, 10)]);
    for (day, sum) in due {
        pending.not_written(day, sum);
    }
    let due = pending.due(clock::after(tomorrow, day));
    let totals: Vec<_> = due.values().map(|total| total.accepted).collect();
    assert_eq!(totals, [10]);
}

#[test]
fn a_clock_that_goes_back_does_not_delay_writes() {
    let mut pending = Pending::default();
    pending.record(accepted(1, seconds_after_noon(3_600)));
    write(&mut pending, seconds_after_noon(3_600)).unwrap();
    pending.record(accepted(1, noon()));
    assert!(write(&mut pending, noon()).is_some());
    pending.record(accepted(1, noon()));
    assert!(write(&mut pending, noon()).is_none());
}
