//! Time and cost of a request by the memory of its function, from measured CPU time. Lambda gives a
//! function CPU in proportion to its memory.

use std::fmt::Write;

use super::assert_documented;
use super::prices::{LAMBDA_GB_SECOND, LAMBDA_REQUEST};
use crate::template::{functions, template};

/// Sizes to compare, in MB.
const SIZES: [u64; 5] = [128, 256, 512, 1024, 1769];

/// Memory that gives one CPU, in MB.
const WHOLE_CPU_MB: f64 = 1_769.0;

/// Assumed time of a DynamoDB call, in seconds.
const CALL: f64 = 0.005;

const MILLION: f64 = 1e6;

/// Bytes of JSON of a batch of 100 spans, as in docs/costs.md.
const BATCH_BYTES: f64 = 28_419.0;

/// What a request of a function takes.
struct Work {
    function: &'static str,
    request: &'static str,
    /// CPU time with a whole CPU, in seconds: the medians of benches/README.md.
    cpu: f64,
    /// DynamoDB calls that wait for each other.
    calls: f64,
}

const BATCH: Work = Work {
    function: "ingest",
    request: "a batch of 100 spans",
    cpu: 0.000_90,
    calls: 2.0,
};

const REQUESTS: [Work; 5] = [
    BATCH,
    Work {
        function: "refresh",
        request: "a new access token",
        cpu: 0.000_46,
        calls: 2.0,
    },
    Work {
        function: "applications",
        request: "a list of applications",
        cpu: 0.000_47,
        calls: 2.0,
    },
    Work {
        function: "apikey",
        request: "a new key",
        cpu: 0.000_66,
        calls: 2.0,
    },
    Work {
        function: "telemetry",
        request: "a list of traces",
        cpu: 0.000_87,
        calls: 3.0,
    },
];

impl Work {
    /// Duration with this much memory, in seconds.
    fn seconds(&self, mb: u64) -> f64 {
        let cpus = (mb as f64 / WHOLE_CPU_MB).min(1.0);
        self.calls * CALL + self.cpu / cpus
    }

    /// Dollars with this much memory.
    fn dollars(&self, mb: u64) -> f64 {
        LAMBDA_REQUEST + self.seconds(mb) * mb as f64 / 1024.0 * LAMBDA_GB_SECOND
    }
}

/// Dollars for a batch with the memory that template.yaml gives to ingest.
pub(super) fn of_a_batch() -> f64 {
    BATCH.dollars(memory_of(BATCH.function))
}

/// Dollars for the CPU time of ingest for a byte of an ordinary batch. CPU time costs the same with
/// any memory below that of a whole CPU.
pub(super) fn of_a_byte() -> f64 {
    BATCH.cpu * WHOLE_CPU_MB / 1024.0 * LAMBDA_GB_SECOND / BATCH_BYTES
}

/// `MemorySize` of a function, in MB.
fn memory_of(function: &str) -> u64 {
    let template = template();
    let functions = functions(&template);
    let (_, found) = functions
        .iter()
        .find(|(name, _)| *name == function)
        .unwrap();
    let own = found["Properties"]["MemorySize"].as_u64();
    let common = || template["Globals"]["Function"]["MemorySize"].as_u64();
    own.or_else(common).unwrap()
}

#[test]
fn the_docs_state_what_more_memory_costs_and_saves() {
    let mut table = String::from("| ms, and $ for a million requests |");
    for mb in SIZES {
        write!(table, " {mb} MB |").unwrap();
    }
    table += "\n|---|--:|--:|--:|--:|--:|\n";
    for work in REQUESTS {
        write!(table, "| {}: {} |", work.function, work.request).unwrap();
        let chosen = memory_of(work.function);
        assert!(SIZES.contains(&chosen), "{} has {chosen} MB", work.function);
        for mb in SIZES {
            let milliseconds = work.seconds(mb) * 1_000.0;
            let dollars = work.dollars(mb) * MILLION;
            let bold = if mb == chosen { "**" } else { "" };
            write!(table, " {bold}{milliseconds:.1}, {dollars:.2}{bold} |").unwrap();
        }
        table += "\n";
    }
    assert_documented(&[("memory", table)]);
}
