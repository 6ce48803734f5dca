//! Tests of whole flows, through the real routers and the real AWS SDK against an embedded DynamoDB
//! engine. One module per flow. Tests do not share an engine, except those that use the record of all
//! events.

#![allow(missing_docs, reason = "tests are named, not documented")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]
#![allow(unreachable_pub, reason = "one binary")]

mod support;

mod account_deletion;
mod account_export;
mod accounts;
mod admin;
mod alarms;
mod allow_list;
mod api_keys;
mod applications;
mod authorization_code;
mod boundaries;
mod bounds;
mod check;
mod costs;
mod dashboard;
mod day_limits;
mod deleted_applications;
mod deploy_script;
mod documents;
mod emulator;
mod events;
mod front_door;
mod github_enterprise;
mod github_trouble;
mod health;
mod idempotency;
mod ingest;
mod ingest_trouble;
mod key_rotation;
mod lambda;
mod large_batches;
mod leaked_keys;
mod log_lines;
mod openapi;
mod otlp;
mod pages;
mod policies;
mod public_reports;
mod queries;
mod rate_limits;
mod read_limits;
mod reading;
mod refresh;
mod rotation;
mod routes;
mod scale;
mod scrubbing;
mod second_engine;
mod secrecy;
mod sessions;
mod sign_in;
mod slashes;
mod storage_errors;
mod storage_trouble;
mod stored_forms;
mod team;
mod telemetry;
mod template;
mod usage;
