//! Captures log lines. Every test runs on its own thread, so the lines of a thread are those
//! of its test.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use shared::base::clock::Clock;
use shared::lambda::log::json_lines;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Namespace of the metrics in [`Log::take`].
pub const NAMESPACE: &str = "Upblit/test";

/// The log of this thread.
pub struct Log(());

thread_local! {
    static CAPTURED: RefCell<Option<Captured>> = const { RefCell::new(None) };
}

/// The same events in three formats.
#[derive(Default)]
struct Captured {
    lambda: Vec<u8>,
    without_namespace: Vec<u8>,
    everything: Vec<u8>,
}

impl Log {
    /// Starts to capture the lines of this thread.
    pub fn capture() -> Self {
        // One subscriber for all threads: if each test installed its own, the events of
        // other tests would be enabled and disabled with it.
        static SUBSCRIBED: Once = Once::new();
        SUBSCRIBED.call_once(subscribe);
        CAPTURED.set(Some(Captured::default()));
        Self(())
    }

    /// Returns the lines that a function in Lambda would have written since the last `take`, or since
    /// `capture`.
    pub fn take(&self) -> Vec<String> {
        lines(&taken(|captured| &mut captured.lambda))
    }

    /// Returns the lines of a function without `METRICS_NAMESPACE`.
    pub fn take_without_namespace(&self) -> Vec<String> {
        lines(&taken(|captured| &mut captured.without_namespace))
    }

    /// Returns our events of all levels, and those of libraries from `INFO` up.
    pub fn take_everything(&self) -> String {
        taken(|captured| &mut captured.everything)
    }
}

fn subscribe() {
    let ours = [
        "shared",
        "oauth",
        "refresh",
        "applications",
        "apikey",
        "ingest",
        "telemetry",
        "local",
    ];
    let targets = Targets::new()
        .with_default(Level::INFO)
        .with_targets(ours.map(|name| (name, Level::TRACE)));
    let everything = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(|| Buffer(|captured| &mut captured.everything))
        .with_filter(targets);
    let lambda = || Buffer(|captured| &mut captured.lambda);
    let without_namespace = || Buffer(|captured| &mut captured.without_namespace);
    tracing_subscriber::registry()
        .with(everything)
        .with(json_lines(Some(NAMESPACE), Clock::system(), lambda))
        .with(json_lines(None, Clock::system(), without_namespace))
        .init();
}

fn taken(buffer: fn(&mut Captured) -> &mut Vec<u8>) -> String {
    let bytes = CAPTURED.with_borrow_mut(|captured| {
        let captured = captured
            .as_mut()
            .expect("capture() was called on this thread");
        std::mem::take(buffer(captured))
    });
    String::from_utf8(bytes).unwrap()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// Writes to a buffer of this thread. Discards the bytes if the thread captures nothing.
struct Buffer(fn(&mut Captured) -> &mut Vec<u8>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        CAPTURED.with_borrow_mut(|captured| {
            if let Some(captured) = captured {
                (self.0)(captured).extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
