//! Queries: filters, time windows, and what is computed from the stored events. Lists
//! read chunk summaries, newest first, and then only the chunks that may have matching events.

pub mod attributes;
pub mod bucket;
pub mod by_trace;
pub mod cursor;
pub mod differences;
pub mod fields;
pub mod groups;
pub mod listing;
pub mod logs;
pub mod metrics;
pub mod rollup;
pub mod sample;
pub mod spans;
pub mod texts;
pub mod trace;
pub mod window;
