use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::chunk::summary::{Summary, TraceCounts, fingerprint};
use crate::decode::outline::whole;
use crate::decode::{Format, Layout, MAX_HOURS, Report};
use crate::event::{Event, LogRecord, Note, Span};
use crate::reject_reason::RejectReason;
use upblit_base::ids::{ApplicationId, Environment};
use upblit_base::random;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;

/// Returns the time this many milliseconds after a full hour.
fn at(millis: i64) -> Timestamp {
    clock::from_millis(1_750_003_200_000 + millis)
}

/// Describes a batch received by an application that keeps telemetry for 30 days.
fn received(millis: i64) -> Reception {
    Reception {
        now: at(millis),
        retention: Duration::from_secs(30 * 24 * 60 * 60),
    }
}

fn application() -> ApplicationId {
    "Labcdefghij".parse().unwrap()
}

fn batch(body: &str) -> BatchId {
    BatchId::of(application(), Signal::Traces, body.as_bytes())
}

fn span(number: usize, start: i64) -> Span {
    Span {
        trace_id: format!("trace-{number}"),
        span_id: format!("span-{number}"),
        parent_span_id: None,
        start_ns: i64::try_from(at(start).as_nanosecond()).unwrap(),
        duration_ms: Some(10.0),
        method: Some("GET".to_owned()),
        url: Some("/cart".to_owned()),
        status: Some(200),
        ..Span::default()
    }
}

fn log(level: &str, message: String, start: i64) -> LogRecord {
    LogRecord {
        time_ns: span(0, start).start_ns,
        level: level.to_owned(),
        message,
        ..LogRecord::default()
    }
}

fn decoded<E: Event>(events: Vec<E>) -> Decoded<E> {
    let indexed = |(index, event)| Indexed { index, event };
    let mut layout = Layout::new("timestamp");
    layout.array(0, format!("/{}", E::SIGNAL.as_str()));
    Decoded {
        events: events.into_iter().enumerate().map(indexed).collect(),
        ..Decoded::new(layout)
    }
}

fn pack_at<E: Event>(now: i64, events: Vec<E>) -> (Vec<PackedChunk>, Report) {
    pack(decoded(events), batch("body"), received(now)).unwrap()
}

fn pack_all<E: Event>(events: Vec<E>) -> Vec<PackedChunk> {
    pack_at(HOUR - 1, events).0
}

fn opened<E: Event>(chunk: &PackedChunk) -> Vec<E> {
    let events: Vec<E> = codec::decode(&chunk.events, codec::Rows::All).unwrap();
    assert_eq!(events.len(), chunk.count);
    events
}

fn summary(chunk: &PackedChunk) -> Summary {
    Summary::decode(&chunk.summary).unwrap()
}

#[expect(clippy::unnecessary_wraps, reason = "as in a summary")]
fn counts(events: u32, errors: u32) -> Option<TraceCounts> {
    Some(TraceCounts { events, errors })
}

fn keys(chunks: &[PackedChunk]) -> Vec<(Timestamp, Timestamp, [u8; 16])> {
    chunks
        .iter()
        .map(|chunk| (chunk.hour, chunk.position.at, chunk.position.hash))
        .collect()
}

#[test]
fn a_batch_without_events_has_no_chunks() {
    let (chunks, report) = pack_at::<Span>(0, vec![]);
    assert_eq!((chunks, report), (vec![], Report::default()));
}

#[test]
fn the_events_of_an_hour_become_one_chunk_and_are_decoded_unchanged() {
    let spans = vec![span(1, 5 * SECOND), span(2, SECOND), span(3, HOUR - 1)];
    let chunks = pack_all(spans.clone());
    let [chunk] = &chunks[..] else {
        panic!("{chunks:?}")
    };
    assert_eq!(opened::<Span>(chunk), spans);
    assert_eq!(
        (chunk.hour, chunk.from, chunk.position.at),
        (at(0), at(SECOND), at(HOUR - 1))
    );
    assert_eq!((chunk.signal, chunk.count), (Signal::Traces, 3));
}

#[test]
fn events_are_divided_into_hours_by_their_start_to_the_millisecond() {
    let spans = vec![span(1, HOUR - 1), span(2, HOUR), span(3, -1), span(4, 0)];
    let (chunks, _) = pack_at(HOUR, spans.clone());
    let hours: Vec<_> = chunks
        .iter()
        .map(|chunk| (chunk.hour, opened(chunk)))
        .collect();
    let [one, two, three, four] = <[Span; 4]>::try_from(spans).unwrap();
    assert_eq!(
        hours,
        [
            (at(-HOUR), vec![three]),
            (at(0), vec![one, four]),
            (at(HOUR), vec![two])
        ]
    );
    let hashes: BTreeSet<_> = chunks.iter().map(|chunk| chunk.position.hash).collect();
    assert_eq!(hashes.len(), 3);
}

#[test]
fn age_is_judged_by_the_end_of_an_event_and_the_limits_are_exact() {
    let lasting = |millis: f64| Span {
        duration_ms: Some(millis),
        ..span(0, -WEEK)
    };
    for (span, now, reason) in [
        (lasting(0.0), 0, None),
        (lasting(0.0), 1, Some("older than 7 days")),
        (lasting(1.0), 1, None),
        (lasting(3_600_000.0), HOUR, None),
        (lasting(3_600_000.0), HOUR + 1, Some("older than 7 days")),
        (span(0, 5 * MINUTE), 0, None),
        (
            span(0, 5 * MINUTE),
            -1,
            Some("more than 5 minutes ahead of the server's clock"),
        ),
    ] {
        let shown = format!("{span:?} at {now}");
        let (chunks, report) = pack_at(now, vec![span]);
        let reasons: Vec<_> = report
            .errors
            .iter()
            .map(|e| e.error.reason.as_str())
            .collect();
        assert_eq!(reasons, Vec::from_iter(reason), "{shown}");
        assert_eq!(
            (report.accepted, report.rejected),
            (chunks.len(), reasons.len()),
            "{shown}"
        );
    }
    let (_, report) = pack_at(1, vec![log("info", String::new(), -WEEK)]);
    assert_eq!(report.errors[0].error.pointer, "/logs/0/timestamp");
}

#[test]
fn events_beyond_the_retention_of_their_application_are_rejected() {
    let received = Reception {
        retention: Duration::from_secs(24 * 60 * 60),
        ..received(DAY + HOUR - 1)
    };
    let spans = vec![span(0, 0), span(1, HOUR), span(2, -3 * DAY)];
    let (chunks, report) = pack(decoded(spans), batch("body"), received).unwrap();
    assert_eq!((chunks.len(), report.accepted, report.rejected), (1, 1, 2));
    let error = &report.errors[0].error;
    assert_eq!(error.reason, "older than the retention of the application");
}

#[test]
fn log_records_without_a_time_have_the_same_keys_within_the_hour_of_receipt() {
    let records = || {
        let timeless = LogRecord {
            notes: vec![Note::TimeOfReceipt],
            ..log("info", "a".to_owned(), 0)
        };
        vec![log("info", "b".to_owned(), MINUTE), timeless]
    };
    let first = pack_at(2 * MINUTE, records()).0;
    assert_eq!(first.len(), 2, "those with a time keep their own position");
    let of_receipt: Vec<LogRecord> = first.iter().flat_map(opened).collect();
    let times: Vec<_> = of_receipt.iter().map(Event::start).collect();
    assert_eq!(times, [at(2 * MINUTE), at(MINUTE)]);
    let retry = pack_at(HOUR - 1, records()).0;
    assert_eq!(keys(&retry), keys(&first));
    let next_hour = pack_at(HOUR, records()).0;
    assert_eq!(
        next_hour
            .iter()
            .filter(|chunk| keys(&first).contains(&keys(&[(*chunk).clone()])[0]))
            .count(),
        1
    );
}

#[test]
fn log_records_without_a_time_do_not_use_up_an_hour() {
    let records = || {
        let timeless = LogRecord {
            notes: vec![Note::TimeOfReceipt],
            ..log("info", "a".to_owned(), 0)
        };
        let timed = (0..25).map(|hour| log("info", "b".to_owned(), -hour * HOUR));
        timed.chain([timeless]).collect::<Vec<_>>()
    };
    let (first, report) = pack_at(HOUR, records());
    let (retry, report_of_retry) = pack_at(2 * HOUR, records());
    let expected = BTreeMap::from([(RejectReason::TooManyHours, 1)]);
    for report in [report, report_of_retry] {
        assert_eq!((report.accepted, report.rejected), (25, 1));
        assert_eq!(report.rejected_by, expected);
    }
    let timed = |chunks: &[PackedChunk]| keys(&chunks[..24]);
    assert_eq!(timed(&retry), timed(&first));
    assert_ne!(keys(&retry[24..]), keys(&first[24..]));
}

#[test]
fn the_same_bytes_have_the_same_keys_at_any_time() {
    let spans = || vec![span(1, -3 * HOUR), span(2, 0), span(3, MINUTE)];
    let first = pack_at(2 * MINUTE, spans()).0;
    assert_eq!(pack_at(2 * MINUTE, spans()).0, first);
    assert_eq!(pack_at(WEEK - 4 * HOUR, spans()).0, first);
    // All events of the first hour are too old.
    let (later, report) = pack_at(WEEK - 1, spans());
    assert_eq!(later, first[1..]);
    assert_eq!((report.accepted, report.rejected), (2, 1));
    // The first event of the second hour is too old as well.
    let (latest, report) = pack_at(WEEK + 30 * SECOND, spans());
    assert_eq!(keys(&latest), keys(&first[1..]));
    assert_eq!((report.accepted, report.rejected), (1, 2));
    assert_eq!(pack_at(WEEK + DAY, spans()).0, []);
}

#[test]
fn another_application_signal_or_body_has_different_keys() {
    let hash = |batch| {
        pack(decoded(vec![span(1, 0)]), batch, received(0))
            .unwrap()
            .0[0]
            .position
            .hash
    };
    let other = ApplicationId::generate(Environment::Production, &mut random::rng());
    let hashes = BTreeSet::from([
        hash(batch("body")),
        hash(batch("body ")),
        hash(batch("")),
        hash(BatchId::of(application(), Signal::Logs, b"body")),
        hash(BatchId::of(other, Signal::Traces, b"body")),
    ]);
    assert_eq!(hashes.len(), 5);
    assert_eq!(hash(batch("body")), hash(batch("body")));
}

#[test]
fn a_chunk_larger_than_an_item_is_split_without_loss() {
    let random = |_| random::base62(&mut random::rng(), 8 * 1024);
    let messages: Vec<String> = (0..200).map(random).collect();
    let record = |message: &String| log("info", message.clone(), 0);
    let (chunks, report) = pack_at(0, messages.iter().map(record).collect());
    assert!(chunks.len() > 3, "{}", chunks.len());
    assert_eq!(report.accepted, 200);
    for chunk in &chunks {
        assert!(chunk.events.len() <= MAX_CHUNK_BYTES);
        assert_eq!((chunk.hour, chunk.position.at), (at(0), at(0)));
    }
    let all: Vec<LogRecord> = chunks.iter().flat_map(opened).collect();
    assert!(
        all.iter().map(|record| &record.message).eq(&messages),
        "once, and in order"
    );
    let hashes: BTreeSet<_> = chunks.iter().map(|chunk| chunk.position.hash).collect();
    assert_eq!(hashes.len(), chunks.len());
    assert_eq!(pack_at(0, messages.iter().map(record).collect()).0, chunks);
}

#[test]
fn one_event_of_maximum_size_fits_an_item() {
    let text = |bytes| {
        let any = random::bytes::<65_536>(&mut random::rng());
        any.iter()
            .cycle()
            .map(|byte| char::from(byte & 0x7f))
            .take(bytes)
            .collect::<String>()
    };
    let mut event: serde_json::Map<_, _> =
        (0..128).map(|_| (text(2000), text(2048).into())).collect();
    event.extend(
        [
            ("level", text(128)),
            ("message", text(8192)),
            ("type", text(128)),
        ]
        .map(|(name, text)| (name.to_owned(), text.into())),
    );
    let body = serde_json::json!({ "timestamp": at(0).to_string(), "logs": [event] });
    let decoded = whole::logs(body.to_string().as_bytes(), Format::Native).unwrap();
    let (chunks, report) = pack(decoded, batch("body"), received(0)).unwrap();
    assert_eq!((report.accepted, report.truncated), (1, 1));
    assert!(
        chunks[0].events.len() <= MAX_CHUNK_BYTES,
        "{}",
        chunks[0].events.len()
    );
}

#[test]
fn a_summary_of_spans_holds_minutes_errors_durations_roots_and_traces() {
    let child = Span {
        span_id: "child".to_owned(),
        parent_span_id: Some("span-1".to_owned()),
        status: Some(500),
        duration_ms: None,
        ..span(1, MINUTE)
    };
    let spans = vec![
        Span {
            status: Some(499),
            duration_ms: Some(30.0),
            ..span(1, 0)
        },
        Span {
            status: None,
            ..span(2, MINUTE - 1)
        },
        child,
        Span {
            status: Some(599),
            ..span(3, HOUR - 1)
        },
    ];
    let summary = summary(&pack_all(spans)[0]);
    let minutes: Vec<_> = summary
        .minutes
        .iter()
        .map(|(m, s)| (*m, s.all.count, s.all.errors))
        .collect();
    assert_eq!(minutes, [(0, 2, 0), (1, 1, 1), (59, 1, 1)]);
    let durations = summary.minutes[&0].all.durations.as_ref().unwrap();
    assert_eq!((durations.count, durations.sum), (2, 40_000_000));
    assert_eq!((durations.min_ms(), durations.max_ms()), (10.0, 30.0));
    assert!((durations.sketch.quantile(1.0).unwrap() - 30.0).abs() < 0.6);
    assert_eq!(summary.minutes[&1].all.durations, None);
    assert_eq!(
        summary.minutes[&1].requests().count,
        0,
        "a child is not a request"
    );
    let roots: Vec<_> = summary.rows.iter().map(|row| &*row.trace_id).collect();
    assert_eq!(roots, ["trace-3", "trace-2", "trace-1"], "newest first");
    assert!(summary.rows_are_complete);
    let root = &summary.rows[2];
    assert_eq!(
        (&*root.name, root.start_ms),
        ("GET /cart", at(0).as_millisecond())
    );
    assert_eq!((root.duration_ms, root.status), (Some(30.0), Some(499)));
    let traces = [("trace-1", 2, 1), ("trace-2", 1, 0), ("trace-3", 1, 1)];
    let traces = traces.map(|(id, spans, errors)| (fingerprint(id), counts(spans, errors)));
    assert_eq!(summary.traces, Some(traces.into()));
}

#[test]
fn a_summary_of_log_records_holds_levels_and_traces() {
    let mut records =
        ["info", "error", "fatal", "info", "odd"].map(|level| log(level, String::new(), 0));
    records[0].trace_id = Some("t".to_owned());
    let summary = summary(&pack_all(records.into())[0]);
    let minute = &summary.minutes[&0].all;
    assert_eq!(
        (minute.count, minute.errors, &minute.durations),
        (5, 2, &None)
    );
    let levels = [("error", 1), ("fatal", 1), ("info", 2), ("odd", 1)];
    assert_eq!(
        summary.levels,
        Some(levels.map(|(l, n)| (l.to_owned(), n)).into())
    );
    assert_eq!(
        summary.traces,
        Some([(fingerprint("t"), counts(1, 0))].into())
    );
}

/// A span as a service sends it, with ids of OpenTelemetry's length.
fn realistic(number: usize, trace: &str) -> Span {
    let hex = || {
        format!(
            "{:016x}",
            u64::from_be_bytes(random::bytes(&mut random::rng()))
        )
    };
    let jitter = f64::from(random::bytes::<1>(&mut random::rng())[0]);
    Span {
        trace_id: trace.to_owned(),
        span_id: hex(),
        parent_span_id: (!number.is_multiple_of(10)).then(hex),
        duration_ms: Some(jitter * 1.37 + 0.25),
        url: Some(format!(
            "https://api.shop.test/v1/carts/{}/items",
            number % 7
        )),
        status: Some([200, 201, 404, 500][number % 4]),
        ..span(number, i64::try_from(number).unwrap() * 37)
    }
}

fn realistic_batch() -> Vec<Span> {
    let ids = |_| {
        format!(
            "{:032x}",
            u128::from_be_bytes(random::bytes(&mut random::rng()))
        )
    };
    let traces: Vec<String> = (0..10).map(ids).collect();
    (0..100)
        .map(|number| realistic(number, &traces[number / 10]))
        .collect()
}

#[test]
fn a_batch_of_a_hundred_realistic_spans_takes_at_most_eight_write_units() {
    let chunks = pack_all(realistic_batch());
    let [chunk] = &chunks[..] else {
        panic!("{} chunks", chunks.len())
    };
    assert!(chunk.summary.len() <= 895, "{}", chunk.summary.len());
    // Partition and sort key, names and numbers: less than 200 bytes an item.
    let units = |bytes: usize| (bytes + 200).div_ceil(1024);
    let cost = units(chunk.events.len()) + units(chunk.summary.len());
    assert!(cost <= 8, "{cost} units for {} bytes", chunk.events.len());
    assert_eq!(summary(chunk).traces.map(|traces| traces.len()), Some(10));
}

#[test]
fn a_summary_keeps_the_newest_rows_that_fit_and_all_traces() {
    let spans: Vec<Span> = (0..100)
        .map(|n| {
            realistic(
                n,
                &format!(
                    "{:032x}",
                    u128::from_be_bytes(random::bytes(&mut random::rng()))
                ),
            )
        })
        .collect();
    let chunks = pack_all(spans);
    let summary = summary(&chunks[0]);
    assert!(
        chunks[0].summary.len() <= 895,
        "{}",
        chunks[0].summary.len()
    );
    assert_eq!(summary.traces.map(|traces| traces.len()), Some(100));
    assert!(!summary.rows_are_complete);
    let starts: Vec<i64> = summary.rows.iter().map(|row| row.start_ms).collect();
    assert!(starts.is_sorted_by(|one, next| one > next), "{starts:?}");
}

#[test]
fn the_summaries_of_ten_thousand_traces_are_small_and_count_all() {
    let chunks = pack_all((0..10_000).map(|n| span(n, 0)).collect());
    let traces = chunks
        .iter()
        .map(|chunk| summary(chunk).traces.unwrap().len());
    // Some of ten thousand traces have the same fingerprint.
    assert!((9_950..=10_000).contains(&traces.sum::<usize>()));
    let bytes: usize = chunks.iter().map(|chunk| chunk.summary.len()).sum();
    assert!(bytes <= 24 * 1024, "{bytes}");
    let counted = chunks.iter().map(|c| summary(c).minutes[&0].all.count);
    assert_eq!(counted.sum::<u64>(), 10_000);
}

#[test]
fn too_many_levels_are_left_out_of_a_summary() {
    let level = || random::base62(&mut random::rng(), 128).to_lowercase();
    let chunks = pack_all(
        (0..10_000)
            .map(|_| log(&level(), String::new(), 0))
            .collect(),
    );
    for chunk in &chunks {
        assert!(chunk.summary.len() <= 16 * 1024, "{}", chunk.summary.len());
        assert_eq!(summary(chunk).levels, None);
    }
}

/// Equal records compress to almost nothing, and a reader opens several chunks at once.
#[test]
fn repetitive_events_are_divided_by_the_memory_they_take() {
    let records: Vec<LogRecord> = (0..100_000)
        .map(|_| log("info", "x".repeat(200), 0))
        .collect();
    let chunks = pack_all(records);
    assert!(chunks.len() > 3, "{}", chunks.len());
    for chunk in &chunks {
        assert!(Extent::of(&chunk.summary).unwrap().memory <= MAX_CHUNK_MEMORY);
    }
    assert_eq!(
        chunks.iter().map(|chunk| chunk.count).sum::<usize>(),
        100_000
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_accepted_event_is_in_exactly_one_chunk_of_its_hour(
        starts in prop::collection::vec(-WEEK - DAY..HOUR, 0..100),
    ) {
        let spans: Vec<Span> = starts.iter().enumerate().map(|(n, at)| span(n, *at)).collect();
        let (chunks, report) = pack_at(0, spans.clone());
        let mut stored = Vec::new();
        for chunk in &chunks {
            let events: Vec<Span> = opened(chunk);
            for event in &events {
                prop_assert_eq!(hour_of(event), chunk.hour);
                prop_assert!((chunk.from..=chunk.position.at).contains(&event.start()));
            }
            let counted: u64 = summary(chunk).minutes.values().map(|minute| minute.all.count).sum();
            prop_assert_eq!(counted as usize, chunk.count);
            stored.extend(events);
        }
        stored.sort_by_key(|event| event.span_id.clone());
        let hours: BTreeSet<_> = spans.iter().map(hour_of).filter(|hour| *hour <= at(0)).collect();
        let newest: Vec<_> = hours.into_iter().rev().take(MAX_HOURS).collect();
        let mut accepted: Vec<Span> = spans
            .into_iter()
            .filter(|span| span.end() >= at(-WEEK) && span.start() <= at(5 * MINUTE))
            .filter(|span| newest.contains(&hour_of(span)))
            .collect();
        accepted.sort_by_key(|event| event.span_id.clone());
        prop_assert_eq!(report.accepted, accepted.len());
        prop_assert_eq!(stored, accepted);
        let hours: BTreeSet<_> = chunks.iter().map(|chunk| chunk.hour).collect();
        prop_assert_eq!(hours.len(), chunks.len());
    }

    #[test]
    fn a_retry_at_any_time_has_keys_of_the_first_attempt(
        starts in prop::collection::vec(-WEEK..0, 1..50), later in 0..2 * WEEK,
    ) {
        let spans = || starts.iter().enumerate().map(|(n, at)| span(n, *at)).collect::<Vec<_>>();
        let first = keys(&pack_at(0, spans()).0);
        for key in keys(&pack_at(later, spans()).0) {
            prop_assert!(first.contains(&key));
        }
    }
}
