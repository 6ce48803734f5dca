//! The events of a body, located and counted but not decoded, so that a request is charged to a
//! quota before its work.

use std::borrow::Cow;

use super::envelope::EnvelopeError;
use super::otlp::{self, Group, OtlpEncoding, Raw};
use super::{Decoded, Format, native};
use crate::batch::Signal;
use crate::event::{LogRecord, Span};

/// A body as it is decoded: bytes, or text in which invalid UTF-8 has been replaced, which affects
/// only the characters concerned and not the batch.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    bytes: &'a [u8],
    text: Option<Cow<'a, str>>,
    format: Format,
}

/// The events of a body, as slices of it.
#[derive(Debug)]
pub(crate) struct Outline<'a>(Located<'a>);

#[derive(Debug)]
enum Located<'a> {
    Native(native::Batch<'a>),
    Otlp(Vec<Group<'a>>),
}

impl<'a> Content<'a> {
    pub(crate) fn new(bytes: &'a [u8], format: Format) -> Self {
        let is_text = format != Format::Otlp(OtlpEncoding::Protobuf);
        Self {
            bytes,
            text: is_text.then(|| String::from_utf8_lossy(bytes)),
            format,
        }
    }

    /// Locates and counts the events.
    ///
    /// # Errors
    /// When the structure around the events cannot be read or exceeds a limit.
    pub(crate) fn locate(&self, signal: Signal) -> Result<Outline<'_>, EnvelopeError> {
        let request = match (&self.text, self.format) {
            (Some(text), Format::Native) => {
                return native::locate(text, signal).map(|batch| Outline(Located::Native(batch)));
            }
            (Some(text), Format::Otlp(_)) => Raw::Json(text),
            (None, _) => Raw::Protobuf(self.bytes),
        };
        otlp::locate(request, signal).map(|groups| Outline(Located::Otlp(groups)))
    }
}

impl Outline<'_> {
    /// Number of events, well-formed or not.
    pub(crate) fn events(&self) -> usize {
        match &self.0 {
            Located::Native(batch) => batch.items.len(),
            Located::Otlp(groups) => groups.iter().map(|group| group.events.len()).sum(),
        }
    }

    /// Decodes the events as spans.
    ///
    /// # Errors
    /// When they exceed a limit.
    pub(crate) fn spans(&self) -> Result<Decoded<Span>, EnvelopeError> {
        match &self.0 {
            Located::Native(batch) => Ok(native::spans(batch)),
            Located::Otlp(groups) => otlp::spans(groups),
        }
    }

    /// Decodes the events as log records.
    ///
    /// # Errors
    /// When they exceed a limit.
    pub(crate) fn log_records(&self) -> Result<Decoded<LogRecord>, EnvelopeError> {
        match &self.0 {
            Located::Native(batch) => Ok(native::log_records(batch)),
            Located::Otlp(groups) => otlp::log_records(groups),
        }
    }
}

/// Decodes a body in one step.
#[cfg(test)]
pub(crate) mod whole {
    use super::*;

    /// Decodes the spans of a body.
    pub(crate) fn spans(body: &[u8], format: Format) -> Result<Decoded<Span>, EnvelopeError> {
        Content::new(body, format).locate(Signal::Traces)?.spans()
    }

    /// Decodes the log records of a body.
    pub(crate) fn logs(body: &[u8], format: Format) -> Result<Decoded<LogRecord>, EnvelopeError> {
        Content::new(body, format)
            .locate(Signal::Logs)?
            .log_records()
    }
}
