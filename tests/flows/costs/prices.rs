//! The prices in docs/costs.md in dollars (us-east-1, November 2026), and the cost of a million events.

use super::{Stored, memory_sizes};

/// DynamoDB, on demand.
pub const WRITE_UNIT: f64 = 0.625 / MILLION;
pub const READ_UNIT: f64 = 0.125 / MILLION;
const DYNAMODB_GB_MONTH: f64 = 0.25;
/// Point-in-time recovery, which template.yaml turns on.
const RECOVERY_GB_MONTH: f64 = 0.20;

/// HTTP API: requests up to 512 KB.
const GATEWAY_REQUEST: f64 = 1.0 / MILLION;

/// Lambda on arm64.
pub const LAMBDA_REQUEST: f64 = 0.20 / MILLION;
pub const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;

/// Data that leaves AWS.
const SENT_GB: f64 = 0.09;

const LOGGED_GB: f64 = 0.50;
/// Assumed size of our log line and the three lines of Lambda, in bytes.
const LOG_LINES: f64 = 1_000.0;

const S3_PUT: f64 = 5.0 / MILLION;
const S3_GB_MONTH: f64 = 0.023;

const FIREHOSE_GB: f64 = 0.029;
const FIREHOSE_STEP: usize = 5 * 1024;

/// Grafana Cloud Traces: processed and written.
const GRAFANA_GB: f64 = 0.05 + 0.40;
const NEW_RELIC_GB: f64 = 0.40;

const MILLION: f64 = 1e6;
const GB: f64 = 1e9;
const GIB: f64 = (1_u64 << 30) as f64;

/// Overhead of an item in bytes, which DynamoDB bills for storage only.
const ITEM_OVERHEAD: usize = 100;

/// Dollars for one batch.
type Price = fn(&Stored) -> f64;

/// A row of a table: what is paid for, and its price.
pub type Row = (&'static str, Price);

/// The parts of our own cost. The first is the write.
pub const PARTS: [Row; 7] = [
    ("DynamoDB: chunk and summary", |batch| {
        batch.write_units() as f64 * WRITE_UNIT
    }),
    ("DynamoDB: key, limits, health", |batch| batch.beside),
    ("API Gateway", |_| GATEWAY_REQUEST),
    ("Lambda", |_| memory_sizes::of_a_batch()),
    ("CloudWatch Logs", |_| LOG_LINES / GB * LOGGED_GB),
    ("DynamoDB: 30 days of storage", |batch| {
        kept(batch) * DYNAMODB_GB_MONTH
    }),
    ("DynamoDB: 30 days of point-in-time recovery", |batch| {
        kept(batch) * RECOVERY_GB_MONTH
    }),
];

/// Alternatives: the write and 30 days of storage, without the request.
pub const WAYS: [Row; 6] = [
    ("This design: chunk and summary in DynamoDB", |batch| {
        batch.write_units() as f64 * WRITE_UNIT + kept(batch) * DYNAMODB_GB_MONTH
    }),
    ("One DynamoDB item per span", |batch| {
        let items = batch.as_items;
        let kept = (items.bytes + ITEM_OVERHEAD * batch.events) as f64 / GB;
        items.write_units as f64 * WRITE_UNIT + kept * DYNAMODB_GB_MONTH
    }),
    ("Chunk in S3, summary in DynamoDB", |batch| {
        let kept = (batch.summary + ITEM_OVERHEAD) as f64 / GB;
        let writes = super::write_units(batch.summary) as f64 * WRITE_UNIT;
        S3_PUT + in_s3(batch) + writes + kept * DYNAMODB_GB_MONTH
    }),
    ("Chunk in S3 only", |batch| S3_PUT + in_s3(batch)),
    ("Firehose to S3, one record per span", |batch| {
        let taken = batch.events * FIREHOSE_STEP;
        taken as f64 / GIB * FIREHOSE_GB + in_s3(batch)
    }),
    ("Firehose to S3, one record per chunk", |batch| {
        let taken = batch.chunk.next_multiple_of(FIREHOSE_STEP);
        taken as f64 / GIB * FIREHOSE_GB + in_s3(batch)
    }),
];

/// The total from the request to the 30th day.
pub const PRODUCTS: [Row; 3] = [
    ("This design", |batch| {
        PARTS.iter().map(|(_, price)| price(batch)).sum()
    }),
    ("Grafana Cloud Traces", |batch| {
        batch.sent as f64 / GB * GRAFANA_GB
    }),
    ("New Relic", |batch| batch.sent as f64 / GB * NEW_RELIC_GB),
];

/// Dollars for a request of an ordinary batch, without DynamoDB.
pub fn of_a_request() -> f64 {
    GATEWAY_REQUEST + memory_sizes::of_a_batch() + LOG_LINES / GB * LOGGED_GB
}

/// Dollars for a request without the time of its function and without DynamoDB.
pub fn of_an_empty_request() -> f64 {
    GATEWAY_REQUEST + LAMBDA_REQUEST + LOG_LINES / GB * LOGGED_GB
}

/// Dollars for a byte of a response, of which API Gateway counts 512 KB as a request.
pub fn of_a_sent_byte() -> f64 {
    SENT_GB / GB + GATEWAY_REQUEST / (512.0 * 1024.0)
}

/// Dollars for a month of an item of one write unit, with recovery.
pub fn of_a_unit_for_a_month() -> f64 {
    (1024 + ITEM_OVERHEAD) as f64 / GB * (DYNAMODB_GB_MONTH + RECOVERY_GB_MONTH)
}

/// GB that a batch takes in DynamoDB.
fn kept(batch: &Stored) -> f64 {
    (batch.chunk + batch.summary + 2 * ITEM_OVERHEAD) as f64 / GB
}

/// Dollars for 30 days of the chunk in S3.
fn in_s3(batch: &Stored) -> f64 {
    batch.chunk as f64 / GB * S3_GB_MONTH
}

/// Dollars for a million events.
pub fn of_a_million(price: Price, batch: &Stored) -> f64 {
    price(batch) * MILLION / batch.events as f64
}
