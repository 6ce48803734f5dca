//! Dollars: the prices of docs/costs.md, November 2026, us-east-1, and what a
//! million events come to.

use super::Stored;

/// DynamoDB, on demand.
pub const WRITE_UNIT: f64 = 0.625 / MILLION;
pub const READ_UNIT: f64 = 0.125 / MILLION;
const DYNAMODB_GB_MONTH: f64 = 0.25;
/// Point-in-time recovery, which template.yaml turns on.
const RECOVERY_GB_MONTH: f64 = 0.20;

/// HTTP API: requests up to 512 KB.
const GATEWAY_REQUEST: f64 = 1.0 / MILLION;

/// Lambda on arm64, with the memory that template.yaml gives to ingest.
const LAMBDA_REQUEST: f64 = 0.20 / MILLION;
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
const INGEST_GB: f64 = 0.5;
/// Assumed: two writes, one after the other, and the packing.
const INGEST_SECONDS: f64 = 0.025;

const LOGGED_GB: f64 = 0.50;
/// Assumed: our line, and the three that Lambda writes.
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

/// Bytes that DynamoDB keeps beside an item, and bills as storage alone.
const ITEM_OVERHEAD: usize = 100;

/// What a batch costs, divided by its events.
type Price = fn(&Stored) -> f64;

/// A way of keeping a million events.
pub type Row = (&'static str, Price);

/// Our own way, by parts; the first is the write.
pub const PARTS: [Row; 7] = [
    ("DynamoDB: chunk and summary", |batch| {
        batch.write_units() as f64 * WRITE_UNIT
    }),
    ("DynamoDB: key, limits, health", |batch| batch.beside),
    ("API Gateway", |_| GATEWAY_REQUEST),
    ("Lambda", |_| {
        LAMBDA_REQUEST + INGEST_SECONDS * INGEST_GB * LAMBDA_GB_SECOND
    }),
    ("CloudWatch Logs", |_| LOG_LINES / GB * LOGGED_GB),
    ("DynamoDB: 30 days of storage", |batch| {
        kept(batch) * DYNAMODB_GB_MONTH
    }),
    ("DynamoDB: 30 days of point-in-time recovery", |batch| {
        kept(batch) * RECOVERY_GB_MONTH
    }),
];

/// Writing, and keeping for 30 days, without the way there.
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
        let head = (batch.head + ITEM_OVERHEAD) as f64 / GB;
        let head = super::write_units(batch.head) as f64 * WRITE_UNIT + head * DYNAMODB_GB_MONTH;
        S3_PUT + in_s3(batch) + head
    }),
    ("Chunk in S3 only", |batch| S3_PUT + in_s3(batch)),
    ("Firehose to S3, one record per span", |batch| {
        let taken = batch.events * FIREHOSE_STEP;
        taken as f64 / GIB * FIREHOSE_GB + in_s3(batch)
    }),
    ("Firehose to S3, one record per chunk", |batch| {
        let taken = batch.blob.next_multiple_of(FIREHOSE_STEP);
        taken as f64 / GIB * FIREHOSE_GB + in_s3(batch)
    }),
];

/// All of it, from the request to the 30th day.
pub const PRODUCTS: [Row; 3] = [
    ("This design", |batch| {
        PARTS.iter().map(|(_, price)| price(batch)).sum()
    }),
    ("Grafana Cloud Traces", |batch| {
        batch.sent as f64 / GB * GRAFANA_GB
    }),
    ("New Relic", |batch| batch.sent as f64 / GB * NEW_RELIC_GB),
];

/// GB in DynamoDB.
fn kept(batch: &Stored) -> f64 {
    (batch.blob + batch.head + 2 * ITEM_OVERHEAD) as f64 / GB
}

/// The blob for 30 days in S3.
fn in_s3(batch: &Stored) -> f64 {
    batch.blob as f64 / GB * S3_GB_MONTH
}

/// Dollars for a million events.
pub fn of_a_million(price: Price, batch: &Stored) -> f64 {
    price(batch) * MILLION / batch.events as f64
}
