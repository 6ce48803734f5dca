//! What the shop's services tell of a request.

use serde_json::{Map, Value};

/// A program of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// What browsers talk to; sends Upblit's own JSON.
    Web,
    /// Baskets, in a cache.
    Cart,
    /// Orders.
    Checkout,
    /// Charges cards, by way of a bank.
    Payments,
    /// Products and stock.
    Inventory,
    /// Sends receipts when orders come in.
    Mailer,
}

/// A span's role in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Within one service.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Hands a message to a queue.
    Producer,
    /// Takes a message from a queue.
    Consumer,
}

/// An HTTP request, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Http {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) status: u16,
}

/// One operation.
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
    pub(super) end_ns: i64,
    pub(super) http: Option<Http>,
    pub(super) attributes: Map<String, Value>,
    pub(super) outcome: Outcome,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Fine,
    /// Something in it failed.
    Failed,
    /// It failed itself, for this reason.
    Broke(&'static str),
}

/// One log line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Log {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) service: Service,
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) at_ns: i64,
    pub(super) attributes: Map<String, Value>,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Everything that is told of one or more requests.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Told {
    pub(super) spans: Vec<Span>,
    pub(super) logs: Vec<Log>,
}

impl Service {
    /// Every service.
    pub(super) const ALL: [Self; 6] = [
        Self::Web,
        Self::Cart,
        Self::Checkout,
        Self::Payments,
        Self::Inventory,
        Self::Mailer,
    ];

    /// `service.name`.
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
    /// Its name, as most loggers write it.
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
    /// How long it took.
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
