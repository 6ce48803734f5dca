//! Repeats one operation on a standard batch, for Callgrind to count its instructions:
//! `instructions OPERATION TIMES`. `benches/instructions/check.py` runs it.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use jiff::Timestamp;
use traffic::Traffic;
use upblit_base::clock;
use upblit_telemetry::batch::Signal;
use upblit_telemetry::chunk::PackedChunk;
use upblit_telemetry::chunk::codec::{self, Rows};
use upblit_telemetry::chunk::filter::Term;
use upblit_telemetry::chunk::summary::Summary;
use upblit_telemetry::decode::otlp::OtlpEncoding;
use upblit_telemetry::decode::{Format, Reception};
use upblit_telemetry::event::{Event, LogRecord, Span};
use upblit_telemetry::intake::Batch;

/// Events of a batch.
const EVENTS: usize = 100;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let operation = arguments.next().ok_or("no operation")?;
    let times = arguments.next().ok_or("no number of times")?.parse()?;
    match operation
        .split_once(' ')
        .ok_or("an operation has two words")?
    {
        ("write", batch) => write(&Standard::named(batch)?, times),
        ("read", "spans") => read::<Span>("otlp", Rows::All, times),
        ("read", "records") => read::<LogRecord>("records", Rows::All, times),
        ("read", "trace") => read_a_trace(times),
        ("read", "rows") => read_rows(times),
        ("read", "summary") => read_summary(times),
        ("filter", "summary") => filter(times),
        _ => Err("an unknown operation".into()),
    }
}

/// A standard batch, as an SDK sends it.
struct Standard {
    signal: Signal,
    format: Format,
    body: Vec<u8>,
    now: Timestamp,
}

impl Standard {
    fn named(name: &str) -> Result<Self, Failure> {
        let start: Timestamp = "2026-01-31T12:30:00Z".parse()?;
        let mut traffic = Traffic::of(100, start);
        let (signal, format, body) = match name {
            "spans" => (Signal::Traces, Format::Native, json(&traffic.spans(EVENTS))),
            "attributes" => {
                let spans = traffic.with_attributes().spans(EVENTS);
                (Signal::Traces, Format::Native, json(&spans))
            }
            "otlp" => {
                let format = Format::Otlp(OtlpEncoding::Protobuf);
                (Signal::Traces, format, traffic.otlp_spans(EVENTS))
            }
            "records" => (Signal::Logs, Format::Native, json(&traffic.records(EVENTS))),
            _ => return Err("an unknown batch".into()),
        };
        Ok(Self {
            signal,
            format,
            body,
            now: clock::after(start, Duration::from_secs(10)),
        })
    }

    fn pack(&self) -> Result<PackedChunk, Failure> {
        let application = "Labcdefghij".parse()?;
        let batch = Batch::new(&self.body, self.signal, self.format, application)?;
        let at = Reception {
            now: self.now,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
        };
        let (chunks, _) = batch.locate()?.decode()?.scrubbed().pack(at)?;
        Ok(chunks.into_iter().next().ok_or("no chunk")?)
    }
}

fn json(body: &impl ToString) -> Vec<u8> {
    body.to_string().into_bytes()
}

/// Decodes a body and packs it into a chunk and its summary.
fn write(batch: &Standard, times: usize) -> Result<(), Failure> {
    for _ in 0..times {
        black_box(batch.pack()?);
    }
    Ok(())
}

fn read<E: Event>(batch: &str, rows: Rows<'_>, times: usize) -> Result<(), Failure> {
    let chunk = Standard::named(batch)?.pack()?;
    for _ in 0..times {
        black_box(codec::decode::<E>(&chunk.events, rows)?);
    }
    Ok(())
}

/// Decodes the spans of one trace.
fn read_a_trace(times: usize) -> Result<(), Failure> {
    let chunk = Standard::named("otlp")?.pack()?;
    let spans = codec::decode::<Span>(&chunk.events, Rows::All)?;
    let trace = &spans.get(EVENTS / 2).ok_or("no span")?.trace_id;
    read::<Span>("otlp", Rows::OfTrace(trace), times)
}

/// Decodes the list rows of a chunk.
fn read_rows(times: usize) -> Result<(), Failure> {
    let chunk = Standard::named("otlp")?.pack()?;
    for _ in 0..times {
        black_box(codec::decode_entries(&chunk.events, usize::MAX)?);
    }
    Ok(())
}

fn read_summary(times: usize) -> Result<(), Failure> {
    let chunk = Standard::named("otlp")?.pack()?;
    for _ in 0..times {
        black_box(Summary::decode(&chunk.summary)?);
    }
    Ok(())
}

/// Asks a summary whether its chunk may hold a thousand texts, none of which it holds.
fn filter(times: usize) -> Result<(), Failure> {
    let summary = Summary::decode(&Standard::named("otlp")?.pack()?.summary)?;
    let texts: Vec<String> = (0..1_000)
        .map(|number| format!("absent-{number}"))
        .collect();
    for _ in 0..times {
        for text in &texts {
            black_box(summary.may_hold(black_box(Term::Pair("enduser.id", text))));
        }
    }
    Ok(())
}
