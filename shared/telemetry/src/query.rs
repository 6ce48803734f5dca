//! Reading telemetry: what is asked for, and what becomes of the events that
//! storage returns. Lists walk heads newest first and open only blobs that may
//! hold what is asked for.

pub mod bucket;
pub mod cursor;
pub mod listing;
pub mod logs;
pub mod metrics;
pub mod rollup;
pub mod trace;
pub mod window;
