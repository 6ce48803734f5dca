//! Spans and log records of the simulated shop, before they are encoded.

use serde_json::{Map, Value};

/// A service of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// Serves browsers. Sends telemetry in Upblit's own JSON; the others send OTLP.
    Web,
    /// Keeps shopping carts in a cache.
    Cart,
    /// Takes and stores orders.
    Checkout,
    /// Charges cards through a bank.
    Payments,
    /// Keeps products and stock in a database.
    Inventory,
    /// Sends a receipt for each order, asynchronously.
    Mailer,
}

/// Span kind, as OpenTelemetry defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// An HTTP request and the status of its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Http {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) status: u16,
}

/// An operation of a service, with start and end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) parent: Option<u64>,
    pub(super) service: Service,
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    /// Nanoseconds since the Unix epoch.
    pub(super) start_ns: i64,
    /// Nanoseconds since the Unix epoch.
    pub(super) end_ns: i64,
    pub(super) http: Option<Http>,
    pub(super) attributes: Map<String, Value>,
    pub(super) outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// The operation failed because an operation below it did.
    ChildFailed,
    /// The operation itself failed, with this error message.
    Failed(&'static str),
}

/// A log record, which belongs to a span.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Log {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) service: Service,
    pub(super) level: Level,
    pub(super) message: String,
    /// Nanoseconds since the Unix epoch.
    pub(super) at_ns: i64,
    pub(super) attributes: Map<String, Value>,
}

/// Severity of a log record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Spans and log records of one or more requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Events {
    pub(super) spans: Vec<Span>,
    pub(super) logs: Vec<Log>,
}

impl Events {
    /// Adds those of another request.
    pub(super) fn extend(&mut self, others: Self) {
        self.spans.extend(others.spans);
        self.logs.extend(others.logs);
    }
}

impl Service {
    pub(super) const ALL: [Self; 6] = [
        Self::Web,
        Self::Cart,
        Self::Checkout,
        Self::Payments,
        Self::Inventory,
        Self::Mailer,
    ];

    /// Value of the resource attribute `service.name`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Cart => "cart",
            Self::Checkout => "checkout",
            Self::Payments => "payments",
            Self::Inventory => "inventory",
            Self::Mailer => "mailer",
        }
    }
}

impl Level {
    /// Name in capital letters, as most loggers write it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

impl Span {
    /// Duration from start to end, in milliseconds.
    pub(super) fn duration_ms(&self) -> f64 {
        millis(self.end_ns - self.start_ns)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "durations are far below 2^52 ns"
)]
fn millis(nanos: i64) -> f64 {
    nanos as f64 / 1e6
}
