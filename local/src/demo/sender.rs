//! Sends what services tell, each through its own front door.

use std::fmt::{self, Display};
use std::time::Duration;

use anstream::println;
use serde_json::Value;
use shared::web::client::ClientError;

use super::api::{Api, in_words};
use super::failure::Failure;
use super::telemetry::Told;
use super::{native, otlp};

/// How long to wait before trying again; the server asks for as much.
const PAUSE: Duration = Duration::from_secs(2);

/// A server, the key for it, and what was sent.
pub(super) struct Sender<'a> {
    api: &'a Api,
    key: String,
    counts: Counts,
}

/// How much was sent, and how much of it refused.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    traces: usize,
    spans: usize,
    logs: usize,
    refused: i64,
}

impl<'a> Sender<'a> {
    /// Sends with this key.
    pub(super) fn new(api: &'a Api, key: String) -> Self {
        Self {
            api,
            key,
            counts: Counts::default(),
        }
    }

    /// Sends all of it. Does not give up while the server is away: what is sent
    /// twice is stored once.
    ///
    /// # Errors
    /// When the server does not want it.
    pub(super) async fn send(&mut self, slices: impl Iterator<Item = Told>) -> Result<(), Failure> {
        let mut told = Told::default();
        for slice in slices {
            told.spans.extend(slice.spans);
            told.logs.extend(slice.logs);
        }
        // The pages come last: whoever sees a trace finds all of it.
        let batches = [
            ("/v1/logs", otlp::logs(&told.logs)),
            ("/ingest/logs", native::logs(&told.logs)),
            ("/v1/traces", otlp::traces(&told.spans)),
            ("/ingest/traces", native::traces(&told.spans)),
        ];
        for (path, batch) in batches {
            if let Some(batch) = batch {
                self.deliver(path, &batch).await?;
            }
        }
        self.counts.add(&told);
        Ok(())
    }

    /// What was sent since the last time.
    pub(super) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    async fn deliver(&mut self, path: &str, batch: &Value) -> Result<(), Failure> {
        let mut is_waiting = false;
        loop {
            match self.api.send(path, &self.key, batch).await? {
                Ok(answer) => {
                    self.counts.refused += refused(&answer);
                    return Ok(());
                }
                Err(error) if is_waiting => tracing::debug!(%error, "no answer"),
                Err(error) => {
                    is_waiting = true;
                    tell_waiting(&error);
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Counts {
    fn add(&mut self, told: &Told) {
        self.traces += told
            .spans
            .iter()
            .filter(|span| span.parent.is_none())
            .count();
        self.spans += told.spans.len();
        self.logs += told.logs.len();
    }
}

impl Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            traces,
            spans,
            logs,
            refused,
        } = self;
        write!(f, "{traces} traces, {spans} spans, {logs} logs")?;
        if *refused > 0 {
            write!(f, "; {refused} refused")?;
        }
        Ok(())
    }
}

fn tell_waiting(error: &ClientError) {
    println!("  ({}; trying again until it works)", in_words(error));
}

/// What an answer says was refused, of either front door.
fn refused(answer: &Value) -> i64 {
    let partial = &answer["partialSuccess"];
    let counts = [
        &answer["rejected"],
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
    fn refusals_of_both_doors_are_counted() {
        assert_eq!(refused(&json!({"accepted": 1, "rejected": 2})), 2);
        assert_eq!(
            refused(&json!({"partialSuccess": {"rejectedSpans": "3"}})),
            3
        );
        assert_eq!(refused(&json!({})), 0);
    }

    #[test]
    fn refusals_are_told_only_when_there_are_some() {
        let mut counts = Counts {
            spans: 2,
            ..Counts::default()
        };
        assert_eq!(counts.to_string(), "0 traces, 2 spans, 0 logs");
        counts.refused = 1;
        assert_eq!(counts.to_string(), "0 traces, 2 spans, 0 logs; 1 refused");
    }
}
