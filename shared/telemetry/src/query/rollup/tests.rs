use super::*;
use crate::chunk::FormError;
use crate::event::Span;

fn at(text: &str) -> Timestamp {
    format!("2026-01-31T{text}Z").parse().unwrap()
}

fn later() -> Timestamp {
    clock::after(at("00:00:00"), 30 * DAY)
}

/// Events stored before an hour is sealed are no late arrivals: no reader has rolled the
/// hour up yet, even if its clock is somewhat ahead.
#[test]
fn no_hour_is_rolled_up_while_a_writer_may_consider_it_open() {
    let hour = at("11:00:00");
    assert!(!is_sealed(hour, at("12:09:59")));
    assert!(is_sealed(hour, at("12:10:00")));
    assert_eq!(open_since(at("12:10:59")), hour);
    assert_eq!(open_since(at("12:11:00")), at("12:00:00"));
    assert_eq!(open_since(at("12:30:00")), at("12:00:00"));
}

#[test]
fn a_day_is_final_when_its_last_event_is_too_old() {
    let last = clock::after(at("00:00:00"), DAY);
    assert!(!is_final(at("00:00:00"), clock::after(last, MAX_PAST)));
    assert!(is_final(
        at("00:00:00"),
        clock::after(last, MAX_PAST + HOUR)
    ));
}

fn summary(minute: i64, duration_ms: f64) -> Summary {
    Summary::of(&[&Span {
        start_ns: (at("11:00:00").as_second() + minute * 60) * 1_000_000_000,
        duration_ms: Some(duration_ms),
        ..Span::default()
    }])
}

fn example() -> Rollup {
    let mut hour = HourRollup::expiring(later());
    for (number, minute) in (1..).zip([0, 4, 5, 59]) {
        let summary = summary(minute, f64::from(number) * 10.0);
        hour.add([number; 16], &summary, later());
    }
    Rollup {
        read_at: at("12:30:00"),
        hours: [
            (at("10:00:00"), HourRollup::expiring(later())),
            (at("11:00:00"), hour),
        ]
        .into(),
        folded: [
            ((at("10:00:00"), [7; 16]), at("12:29:00")),
            ((at("11:00:00"), [7; 16]), at("12:30:00")),
        ]
        .into(),
    }
}

fn decoded(rollup: &Rollup) -> Result<Rollup, FormError> {
    Rollup::decode(&rollup.encode().unwrap().unwrap(), at("00:00:00"))
}

#[test]
fn a_rollup_is_decoded_as_it_was_encoded() {
    let rollup = example();
    let again = decoded(&rollup).unwrap();
    assert_eq!(again, rollup);
    let hour = &again.hours[&at("11:00:00")];
    assert_eq!((hour.chunks, hour.hashes), (4, [4; 16]));
    let counts = hour
        .buckets(at("11:00:00"))
        .map(|(at, bucket)| (at, bucket.all.count));
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [
            (at("11:00:00"), 2),
            (at("11:05:00"), 1),
            (at("11:55:00"), 1)
        ]
    );
}

#[test]
fn a_late_arrival_adds_what_its_chunk_does() {
    let late = encode_late([9; 16], &summary(7, 5.0)).unwrap();
    let mut merged = HourRollup::expiring(later());
    let expiry = clock::before(later(), HOUR);
    merged.merge(&decode_late(&late, expiry).unwrap());
    let mut added = HourRollup::expiring(later());
    added.add([9; 16], &summary(7, 5.0), expiry);
    assert_eq!(merged, added);
    assert_eq!(merged.expires_at, expiry);
}

#[test]
fn what_was_folded_is_listed_for_two_minutes() {
    let mut rollup = example();
    rollup.forget_folded(at("12:30:59"), None);
    assert_eq!(rollup, example());
    rollup.forget_folded(at("12:31:00"), Some((at("10:00:00"), [7; 16])));
    assert_eq!(rollup, example(), "it may exist");
    rollup.forget_folded(at("12:31:00"), Some((at("10:00:00"), [6; 16])));
    let left = [((at("11:00:00"), [7; 16]), at("12:30:00"))];
    assert_eq!(rollup.folded, left.into());
    assert!(LISTED_FOR >= READ_WITHIN + DELETED_WITHIN + Duration::from_secs(10));
}

#[test]
fn rollups_agree_if_they_count_the_same_whenever_they_expire() {
    let hour = example().hours[&at("11:00:00")].clone();
    let mut other = hour.clone();
    other.expires_at = at("00:00:00");
    assert!(hour.agrees_with(&other));
    other.add([9; 16], &summary(0, 1.0), later());
    assert!(!hour.agrees_with(&other));
}

#[test]
fn a_damaged_or_unknown_rollup_is_an_error() {
    let encoded = example().encode().unwrap().unwrap();
    let decode = |bytes: &[u8]| Rollup::decode(bytes, at("00:00:00"));
    assert_eq!(decode(&[7]), Err(FormError::Unknown(7)));
    for length in 0..encoded.len() {
        assert!(decode(&encoded[..length]).is_err(), "{length}");
    }
}

#[test]
fn a_rollup_that_contradicts_itself_or_its_key_is_an_error() {
    let changes: [fn(&mut Rollup); 5] = [
        |rollup| {
            let hour = rollup.hours.remove(&at("11:00:00")).unwrap();
            rollup.hours.insert(later(), hour);
        },
        |rollup| {
            let hour = rollup.hours.remove(&at("11:00:00")).unwrap();
            rollup.hours.insert(at("11:00:01"), hour);
        },
        |rollup| rollup.hours.get_mut(&at("11:00:00")).unwrap().chunks = 5,
        |rollup| rollup.hours.get_mut(&at("11:00:00")).unwrap().chunks = 0,
        |rollup| rollup.hours.get_mut(&at("10:00:00")).unwrap().hashes[0] = 1,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut rollup = example();
        change(&mut rollup);
        let error = FormError::Damaged("a rollup contradicts itself");
        assert_eq!(decoded(&rollup), Err(error), "{number}");
    }
}
