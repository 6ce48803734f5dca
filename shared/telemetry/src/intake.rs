//! Turns the body of a request into the chunks to store, in two passes: the first locates and
//! counts the events, so that the request can be charged to a quota, and the second decodes and
//! packs them.

use std::io;

use upblit_base::ids::ApplicationId;

use crate::batch::{BatchId, Signal};
use crate::chunk::{self, PackedChunk};
use crate::decode::outline::{Content, Outline};
use crate::decode::{Decoded, EnvelopeError, Format, Reception, Report};
use crate::event::{LogRecord, Span};

/// A decompressed body of one signal.
#[derive(Debug)]
pub struct Batch<'a> {
    id: BatchId,
    signal: Signal,
    content: Content<'a>,
}

/// The events of a batch, located and counted but not decoded.
#[derive(Debug)]
pub struct LocatedEvents<'a> {
    id: BatchId,
    signal: Signal,
    outline: Outline<'a>,
}

impl<'a> Batch<'a> {
    /// Identifies the batch by its content.
    ///
    /// # Errors
    /// When the body takes too much memory.
    pub fn new(
        body: &'a [u8],
        signal: Signal,
        format: Format,
        application_id: ApplicationId,
    ) -> Result<Self, EnvelopeError> {
        Ok(Self {
            content: Content::new(body, format)?,
            id: BatchId::of(application_id, signal, body),
            signal,
        })
    }

    /// Locates the events.
    ///
    /// # Errors
    /// When the structure around the events cannot be read or exceeds a limit.
    pub fn locate(&self) -> Result<LocatedEvents<'_>, EnvelopeError> {
        Ok(LocatedEvents {
            id: self.id,
            signal: self.signal,
            outline: self.content.locate(self.signal)?,
        })
    }
}

impl LocatedEvents<'_> {
    /// Returns the number of events, well-formed or not.
    pub fn count(&self) -> usize {
        self.outline.events()
    }

    /// Decodes the events. The body is not needed afterwards.
    ///
    /// # Errors
    /// When the events exceed a limit. A malformed event is only reported.
    pub fn decode(self) -> Result<DecodedEvents, EnvelopeError> {
        let Self { id, outline, .. } = self;
        let events = match self.signal {
            Signal::Traces => Events::Spans(outline.spans()?),
            Signal::Logs => Events::LogRecords(outline.log_records()?),
        };
        Ok(DecodedEvents { id, events })
    }
}

/// The decoded events of a batch.
#[derive(Debug)]
pub struct DecodedEvents {
    id: BatchId,
    events: Events,
}

#[derive(Debug)]
enum Events {
    Spans(Decoded<Span>),
    LogRecords(Decoded<LogRecord>),
}

impl DecodedEvents {
    /// Removes credentials and card numbers. Without this call, events are packed as they were sent.
    #[must_use]
    pub fn scrubbed(mut self) -> Self {
        match &mut self.events {
            Events::Spans(spans) => spans.scrub(),
            Events::LogRecords(records) => records.scrub(),
        }
        self
    }

    /// Packs the events that are neither too old nor too far in the future. The report counts the
    /// others.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn pack(self, at: Reception) -> io::Result<(Vec<PackedChunk>, Report)> {
        match self.events {
            Events::Spans(spans) => chunk::pack(spans, self.id, at),
            Events::LogRecords(records) => chunk::pack(records, self.id, at),
        }
    }
}
