//! Logging to stderr, one human-readable line for each event.

use shared::base::environment::{ConfigError, Env};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const OURS: [&str; 8] = [
    "upblit",
    "shared",
    "oauth",
    "refresh",
    "applications",
    "apikey",
    "ingest",
    "telemetry",
];

/// The engine logs a warning for every 400, but failed conditions are part of normal operation.
const ENGINE: (&str, LevelFilter) = ("dynoxide", LevelFilter::ERROR);

/// Starts logging at the levels in `RUST_LOG`. Default: `info` for crates whose names start with one of
/// [`OURS`], `error` for the engine, `warn` for others.
///
/// # Errors
/// When `RUST_LOG` is not a list of `target=level`.
pub(crate) fn start(env: &Env) -> Result<(), ConfigError> {
    let ours = OURS.map(|target| (target, LevelFilter::INFO));
    let default = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets(ours)
        .with_targets([ENGINE]);
    let targets = env.parsed("RUST_LOG", default)?;
    let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .init();
    Ok(())
}
