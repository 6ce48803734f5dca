//! Telemetry that takes the most memory when it is read. A key that may only write can store it, because
//! it is within the limits of a body and of an event.

use std::time::Duration;

use shared::base::clock::{self, rfc3339};

use super::super::bodies::Kind;
use crate::support::Sdk;

/// The telemetry of an application.
pub struct Store {
    pub name: &'static str,
    /// Number of shards of the application.
    pub shards: u8,
    /// Number of days over which the batches are spread.
    pub days: u64,
    pub batches: &'static [Batches],
}

/// Batches of one shape.
pub struct Batches {
    pub kind: Kind,
    pub count: usize,
    /// The batch with a number, as an SDK sends it.
    pub body: fn(&Sdk, usize) -> Vec<u8>,
}

use Kind::{NativeLogs, NativeTraces};

/// Name of the telemetry that the tests of paging read, and how many traces and log records it has.
pub const NESTED: (&str, usize, usize) = ("events of nested lists", 24 * 3 + 1, 24 * 6);

pub const STORES: &[Store] = &[
    Store {
        name: "spans with names of 64 KiB",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeTraces,
            count: 6,
            body: |sdk, batch| spans(sdk, batch, 900, &text("requestURL")),
        }],
    },
    Store {
        name: "spans of services with names of 64 KiB",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeTraces,
            count: 6,
            body: |sdk, batch| spans(sdk, batch, 900, &text("service.name")),
        }],
    },
    Store {
        name: "small batches of spans with names of 64 KiB",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeTraces,
            count: 60,
            body: |sdk, batch| spans(sdk, batch, 100, &text("requestURL")),
        }],
    },
    Store {
        name: "spans with texts of control characters",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeTraces,
            count: 3,
            body: |sdk, batch| spans(sdk, batch, 150, &control_characters()),
        }],
    },
    Store {
        name: NESTED.0,
        shards: 1,
        days: 1,
        batches: &[
            Batches {
                kind: NativeTraces,
                count: 24,
                body: |sdk, batch| spans(sdk, batch, 6, &nested("[", "]")),
            },
            Batches {
                kind: NativeLogs,
                count: 24,
                body: |sdk, batch| records(sdk, batch, 6, &nested("[", "]")),
            },
        ],
    },
    Store {
        name: "spans of nested objects",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeTraces,
            count: 24,
            body: |sdk, batch| spans(sdk, batch, 3, &nested("{\"\":", "}")),
        }],
    },
    Store {
        name: "events of short texts",
        shards: 1,
        days: 1,
        batches: &[
            Batches {
                kind: NativeTraces,
                count: 8,
                body: |sdk, batch| spans(sdk, batch, 90, &list("\"a\",")),
            },
            Batches {
                kind: NativeLogs,
                count: 8,
                body: |sdk, batch| records(sdk, batch, 90, &list("\"a\",")),
            },
        ],
    },
    Store {
        name: "spans of many attributes",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeTraces,
            count: 5,
            body: |sdk, batch| spans(sdk, batch, 60, &attributes()),
        }],
    },
    Store {
        name: "the smallest events",
        shards: 1,
        days: 1,
        batches: &[
            Batches {
                kind: NativeTraces,
                count: 4,
                body: |sdk, batch| spans(sdk, batch, 40_000, "\"x\":1"),
            },
            Batches {
                kind: NativeLogs,
                count: 4,
                body: |sdk, batch| records(sdk, batch, 40_000, "\"x\":1"),
            },
        ],
    },
    Store {
        name: "log records with messages of 64 KiB",
        shards: 1,
        days: 1,
        batches: &[Batches {
            kind: NativeLogs,
            count: 5,
            body: |sdk, batch| records(sdk, batch, 700, &text("message")),
        }],
    },
    Store {
        name: "16 shards of spans with names of 64 KiB",
        shards: 16,
        days: 1,
        batches: &[
            Batches {
                kind: NativeTraces,
                count: 64,
                body: |sdk, batch| spans(sdk, batch, 60, &text("requestURL")),
            },
            Batches {
                kind: NativeLogs,
                count: 64,
                body: |sdk, batch| records(sdk, batch, 60, &text("message")),
            },
        ],
    },
    Store {
        name: "30 days of events with texts of 64 KiB",
        shards: 1,
        days: 30,
        batches: &[
            Batches {
                kind: NativeTraces,
                count: 30,
                body: |sdk, batch| spans(sdk, batch, 30, &text("requestURL")),
            },
            Batches {
                kind: NativeLogs,
                count: 30,
                body: |sdk, batch| records(sdk, batch, 30, &text("message")),
            },
        ],
    },
];

/// Id of the trace of every second event.
pub const TRACE: &str = "zzz";

fn text(field: &str) -> String {
    format!("\"{field}\":\"{}\"", "word ".repeat((64 << 10) / 5))
}

/// A list of about the largest size that an event may have.
fn list(item: &str) -> String {
    format!("\"x\":[{}0]", item.repeat((120 << 10) / item.len()))
}

/// A list of values in 60 lists or objects each.
fn nested(open: &str, close: &str) -> String {
    list(&format!("{}0{},", open.repeat(60), close.repeat(60)))
}

fn control_characters() -> String {
    format!("\"x\":\"{}\"", "\\u0001".repeat(64 << 10))
}

fn attributes() -> String {
    let each = (0..12_000).map(|index| format!("\"{index:x}\":\"\""));
    each.collect::<Vec<_>>().join(",")
}

fn spans(sdk: &Sdk, batch: usize, count: usize, fields: &str) -> Vec<u8> {
    let each = (0..count).map(|index| {
        let trace = trace(batch, index);
        format!(r#"{{"traceId":"{trace}","spanId":"{batch:x}-{index:x}","k":"v",{fields}}}"#)
    });
    envelope(sdk, batch, "traces", each)
}

fn records(sdk: &Sdk, batch: usize, count: usize, fields: &str) -> Vec<u8> {
    let message = if fields.contains("\"message\"") {
        ""
    } else {
        "\"message\":\"word\","
    };
    let each = (0..count).map(|index| {
        let trace = trace(batch, index);
        format!(r#"{{"traceId":"{trace}","level":"info","k":"v","number":"{batch}.{index}",{message}{fields}}}"#)
    });
    envelope(sdk, batch, "logs", each)
}

fn trace(batch: usize, index: usize) -> String {
    match index % 2 {
        0 => TRACE.to_owned(),
        _ => format!("{batch:x}.{index:x}"),
    }
}

fn envelope(sdk: &Sdk, batch: usize, name: &str, events: impl Iterator<Item = String>) -> Vec<u8> {
    let age = Duration::from_secs(batch as u64);
    let at = rfc3339(clock::before(sdk.backend.clock.now(), age));
    let events = events.collect::<Vec<_>>().join(",");
    format!(r#"{{"timestamp":"{at}","{name}":[{events}]}}"#).into_bytes()
}
