//! Sends events to ingest: those of the web service in Upblit's own JSON, the others in OTLP.

use std::fmt::{self, Display};
use std::time::Duration;

use anstream::println;
use serde_json::Value;

use super::api::{Api, describe};
use super::failure::Failure;
use super::telemetry::Events;
use super::{native, otlp};

/// Pause before a retry. As long as the `Retry-After` of a 503 from the server.
const PAUSE: Duration = Duration::from_secs(2);

/// Sends events with one API key, and counts them.
pub(super) struct Sender<'a> {
    api: &'a Api,
    key: String,
    counts: Counts,
}

/// Events sent, and how many of them the server rejected.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    traces: usize,
    spans: usize,
    logs: usize,
    rejected: i64,
}

impl<'a> Sender<'a> {
    /// Creates a sender with all counts at zero.
    pub(super) fn new(api: &'a Api, key: String) -> Self {
        Self {
            api,
            key,
            counts: Counts::default(),
        }
    }

    /// Sends all slices together. Retries for as long as the server does not respond, or responds with
    /// 429 or 5xx. This is safe: ingest stores a batch that is sent twice only once.
    ///
    /// # Errors
    /// When the server refuses a batch.
    pub(super) async fn send(
        &mut self,
        slices: impl Iterator<Item = Events>,
    ) -> Result<(), Failure> {
        let mut events = Events::default();
        for slice in slices {
            events.spans.extend(slice.spans);
            events.logs.extend(slice.logs);
        }
        // The root spans, which the web service sends, come last: a trace is complete once listed.
        let batches = [
            ("/v1/logs", otlp::logs(&events.logs)),
            ("/ingest/logs", native::logs(&events.logs)),
            ("/v1/traces", otlp::traces(&events.spans)),
            ("/ingest/traces", native::traces(&events.spans)),
        ];
        for (path, batch) in batches {
            if let Some(batch) = batch {
                self.deliver(path, &batch).await?;
            }
        }
        self.counts.add(&events);
        Ok(())
    }

    /// Returns the counts since the last call, and resets them.
    pub(super) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    async fn deliver(&mut self, path: &str, batch: &Value) -> Result<(), Failure> {
        let mut is_retry = false;
        loop {
            match self.api.send(path, &self.key, batch).await? {
                Ok(response) => {
                    self.counts.rejected += rejected(&response);
                    return Ok(());
                }
                Err(error) if is_retry => tracing::debug!(%error, "no response"),
                Err(error) => {
                    is_retry = true;
                    println!(
                        "  ({}; retrying until the server responds)",
                        describe(&error)
                    );
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Counts {
    fn add(&mut self, events: &Events) {
        self.traces += events
            .spans
            .iter()
            .filter(|span| span.parent.is_none())
            .count();
        self.spans += events.spans.len();
        self.logs += events.logs.len();
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            traces,
            spans,
            logs,
            rejected,
        } = self;
        write!(f, "{traces} traces, {spans} spans, {logs} logs")?;
        if *rejected > 0 {
            write!(f, "; {rejected} rejected")?;
        }
        Ok(())
    }
}

/// The number of rejected events in a response to either encoding.
fn rejected(response: &Value) -> i64 {
    let partial = &response["partialSuccess"];
    let counts = [
        &response["rejected"],
        &partial["rejectedSpans"],
        &partial["rejectedLogRecords"],
    ];
    let number = |count: &Value| count.as_i64().or_else(|| count.as_str()?.parse().ok());
    counts.into_iter().filter_map(number).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rejected_events_are_counted_in_both_encodings() {
        assert_eq!(rejected(&json!({"accepted": 1, "rejected": 2})), 2);
        assert_eq!(
            rejected(&json!({"partialSuccess": {"rejectedSpans": "3"}})),
            3
        );
        assert_eq!(rejected(&json!({})), 0);
    }

    #[test]
    fn rejected_events_are_shown_only_if_there_are_any() {
        let mut counts = Counts {
            spans: 2,
            ..Counts::default()
        };
        assert_eq!(counts.to_string(), "0 traces, 2 spans, 0 logs");
        counts.rejected = 1;
        assert_eq!(counts.to_string(), "0 traces, 2 spans, 0 logs; 1 rejected");
    }
}
