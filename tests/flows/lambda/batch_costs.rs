//! What a batch of 100 spans costs the whole process of ingest, over TLS, in each form in which SDKs
//! send it: CPU time, and instructions, which do not depend on the machine's load. Linux only.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::base::environment::Env;

use super::deployment::Deployment;
use super::function::{Function, binary};
use super::rotel::Rotel;
use crate::events::event;
use crate::otlp::exporter::{Encoding, Exporter};

const SPANS: usize = 100;

/// Batches of each form. The first ones are not counted: they read the key and take a lease.
const BATCHES: usize = 40;
const WARM_UP: usize = 5;

/// A form of a batch.
struct Form {
    name: &'static str,
    /// The event whose headers are sent.
    case: &'static str,
    body: fn(&Exporter, usize) -> Vec<u8>,
    /// Instructions that a batch takes, without hardware for SHA-256, which Callgrind lacks.
    instructions: u64,
}

const FORMS: [Form; 3] = [
    Form {
        name: "OTLP, protobuf",
        case: "ingest/otlp_traces",
        body: |exporter, batch| spans(exporter, Encoding::Protobuf, batch),
        instructions: 7_500_000,
    },
    Form {
        name: "OTLP, JSON",
        case: "ingest/otlp_traces_json",
        body: |exporter, batch| spans(exporter, Encoding::Json, batch),
        instructions: 14_400_000,
    },
    Form {
        name: "Upblit's JSON",
        case: "ingest/traces",
        body: native,
        instructions: 7_300_000,
    },
];

/// Ids of a batch differ from those of all others, as in traffic.
fn spans(exporter: &Exporter, encoding: Encoding, batch: usize) -> Vec<u8> {
    exporter.spans(encoding, SPANS, |index, span| {
        span.trace_id = id(batch, index / 10).to_vec();
        span.span_id = id(batch, index)[8..].to_vec();
        span.parent_span_id = match index % 10 {
            0 => Vec::new(),
            _ => id(batch, index - 1)[8..].to_vec(),
        };
    })
}

/// An id without a pattern that would compress.
fn id(batch: usize, index: usize) -> [u8; 16] {
    let seed = ((batch * SPANS + index) as u128 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    seed.to_be_bytes()
}

fn native(exporter: &Exporter, batch: usize) -> Vec<u8> {
    let hex = |index| id(batch, index).map(|byte| format!("{byte:02x}")).concat();
    let now = exporter.sdk.backend.clock.now().to_string();
    let spans: Value = (0..SPANS)
        .map(|index| {
            json!({
                "timestamp": now, "durationMs": 12.5, "requestMethod": "GET", "requestURL": "/cart",
                "responseStatus": 200, "traceId": hex(index / 10), "spanId": hex(index)[16..],
                "parentSpanId": (index % 10 > 0).then(|| hex(index - 1)[16..].to_owned()),
            })
        })
        .collect();
    json!({ "traces": spans }).to_string().into_bytes()
}

fn request(event: &Value, key: &str, body: Vec<u8>) -> Value {
    let mut event = event.clone();
    event["headers"]["x-api-key"] = key.into();
    if let Some(headers) = event["headers"].as_object_mut() {
        headers.remove("content-length");
    }
    if event["isBase64Encoded"] == true {
        event["body"] = STANDARD.encode(body).into();
    } else {
        event["body"] = String::from_utf8(body).unwrap().into();
    }
    event
}

/// CPU times of batches, sorted, without those of the first ones.
struct Times(Vec<Duration>);

impl Times {
    fn of(mut times: Vec<Duration>) -> Self {
        let mut counted = times.split_off(WARM_UP);
        counted.sort();
        Self(counted)
    }

    /// The least and the median, in milliseconds.
    fn text(&self) -> String {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
        let median = milliseconds(self.0[self.0.len() / 2]);
        format!("{:.2} | {median:.2}", milliseconds(self.0[0]))
    }
}

async fn measure(deployment: &Deployment, exporter: &Exporter, form: &Form) -> Times {
    let function = deployment.function("ingest").await;
    let mut spent = function.cpu();
    let mut times = Vec::new();
    for batch in 0..BATCHES {
        send(&function, exporter, form, batch).await;
        let now = function.cpu();
        times.push(now - spent);
        spent = now;
    }
    Times::of(times)
}

/// Sends a batch, and waits until the function asks for the next event.
async fn send(function: &Function, exporter: &Exporter, form: &Form, batch: usize) {
    let request = request(
        &event(form.case),
        &exporter.sdk.key,
        (form.body)(exporter, batch),
    );
    let answer = function.answer(&request).await;
    assert_eq!(answer.status, 200, "{}: {:?}", form.name, answer.body);
    function.api.polled().await;
}

/// Instructions of a process that has taken this many batches.
async fn count(
    deployment: &Deployment,
    exporter: &Exporter,
    form: &Form,
    valgrind: &str,
    batches: usize,
) -> u64 {
    let counts = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ingest.callgrind");
    let settings = deployment.settings("ingest");
    let function = Function::start_counted("ingest", &settings, valgrind, &counts).await;
    for batch in 0..batches {
        send(&function, exporter, form, batch).await;
    }
    function.counted(&counts).await
}

async fn measure_rotel(rotel: &Rotel, exporter: &Exporter, encoding: Encoding) -> Times {
    let mut spent = rotel.cpu();
    let mut times = Vec::new();
    for batch in 0..BATCHES {
        let body = spans(exporter, encoding, batch);
        assert!(rotel.post(encoding.media_type(), body).await);
        // Work on a batch after its response counts, too.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = rotel.cpu();
        times.push(now - spent);
        spent = now;
    }
    Times::of(times)
}

#[tokio::test]
#[ignore = "needs the release binary of ingest"]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn the_cpu_time_of_a_batch_is_printed_beside_that_of_rotel() {
    if !binary("ingest").exists() {
        return;
    }
    let deployment = Deployment::start().await;
    let ada = deployment.backend.sign_in("ada").await;
    let exporter = Exporter::new(ada.sdk().await);
    println!("| 100 spans as | Program | CPU ms, least | median |\n|---|---|--:|--:|");
    for form in &FORMS {
        let times = measure(&deployment, &exporter, form).await;
        println!("| {} | ingest | {} |", form.name, times.text());
    }
    // The path of rotel's program, `rotel/rotel-agent` in its Python package.
    let Some(path) = Env::process().optional("ROTEL").map(str::to_owned) else {
        return;
    };
    let rotel = Rotel::start(&path).await;
    for (name, encoding) in [
        ("OTLP, protobuf", Encoding::Protobuf),
        ("OTLP, JSON", Encoding::Json),
    ] {
        let times = measure_rotel(&rotel, &exporter, encoding).await;
        println!(
            "| {name} | rotel, which stores nothing | {} |",
            times.text()
        );
    }
}

#[tokio::test]
#[ignore = "needs the release binary of ingest, and Valgrind"]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn a_batch_takes_the_stated_number_of_instructions() {
    // The path of Valgrind's program.
    let Some(valgrind) = Env::process().optional("VALGRIND").map(str::to_owned) else {
        return;
    };
    let deployment = Deployment::start().await;
    let ada = deployment.backend.sign_in("ada").await;
    let exporter = Exporter::new(ada.sdk().await);
    println!("| 100 spans as | Million instructions |\n|---|--:|");
    let mut wrong = Vec::new();
    for form in &FORMS {
        let count = async |batches| count(&deployment, &exporter, form, &valgrind, batches).await;
        let (few, many) = (count(WARM_UP).await, count(BATCHES).await);
        let taken = many.saturating_sub(few) / (BATCHES - WARM_UP) as u64;
        println!("| {} | {:.2} |", form.name, taken as f64 / 1e6);
        // A start gathers entropy from jitter, which takes some 5 million instructions more or less.
        let difference = taken.abs_diff(form.instructions);
        if difference * 10 > form.instructions {
            wrong.push(format!("{}: {taken}", form.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
