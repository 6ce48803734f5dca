//! The events of a body, located and counted but not decoded, so that a request is charged to a
//! quota before it is processed.

use std::borrow::Cow;

use super::envelope::EnvelopeError;
use super::memory::Budget;
use super::otlp::{self, Group, OtlpEncoding, Raw};
use super::{Decoded, Format, native};
use crate::batch::Signal;
use crate::event::{LogRecord, Span};

/// A body in the form that is decoded: bytes, or text in which invalid UTF-8 has been replaced, so
/// that it affects only the characters concerned and not the batch.
#[derive(Debug)]
pub(crate) struct Content<'a> {
    bytes: &'a [u8],
    text: Option<Cow<'a, str>>,
    format: Format,
    /// Memory for the request that the body leaves.
    budget: Budget,
}

/// The events of a body, as slices of it.
#[derive(Debug)]
pub(crate) struct Outline<'a> {
    located: Located<'a>,
    budget: Budget,
}

#[derive(Debug)]
enum Located<'a> {
    Native(native::Batch<'a>),
    Otlp(Vec<Group<'a>>),
}

impl<'a> Content<'a> {
    /// Prepares a body to be decoded.
    ///
    /// # Errors
    /// When it takes too much memory, because invalid UTF-8 grows.
    pub(crate) fn new(bytes: &'a [u8], format: Format) -> Result<Self, EnvelopeError> {
        let mut budget = Budget::after(bytes.len())?;
        let is_text = format != Format::Otlp(OtlpEncoding::Protobuf);
        let text = if is_text {
            Some(lossy(bytes, &mut budget)?)
        } else {
            None
        };
        Ok(Self {
            bytes,
            text,
            format,
            budget,
        })
    }

    /// Returns what the body leaves of the memory for the request.
    pub(super) fn budget(&self) -> Budget {
        self.budget
    }

    /// Returns the body as an OTLP request.
    pub(super) fn otlp(&self) -> Raw<'_> {
        match &self.text {
            Some(text) => Raw::Json(text),
            None => Raw::Protobuf(self.bytes),
        }
    }

    /// Locates and counts the events.
    ///
    /// # Errors
    /// When the structure around the events cannot be read or exceeds a limit.
    pub(crate) fn locate(&self, signal: Signal) -> Result<Outline<'_>, EnvelopeError> {
        let mut budget = self.budget;
        let located = match (&self.text, self.format) {
            (Some(text), Format::Native) => {
                Located::Native(native::locate(text, signal, &mut budget)?)
            }
            _ => Located::Otlp(otlp::locate(self.otlp(), signal, &mut budget)?),
        };
        Ok(Outline { located, budget })
    }
}

impl Outline<'_> {
    /// Returns the number of events, well-formed or not.
    pub(crate) fn events(&self) -> usize {
        match &self.located {
            Located::Native(batch) => batch.items.len(),
            Located::Otlp(groups) => groups.iter().map(|group| group.events.len()).sum(),
        }
    }

    /// Decodes the events as spans.
    ///
    /// # Errors
    /// When they exceed a limit.
    pub(crate) fn spans(&self) -> Result<Decoded<Span>, EnvelopeError> {
        match &self.located {
            Located::Native(batch) => native::spans(batch, self.budget),
            Located::Otlp(groups) => otlp::spans(groups, self.budget),
        }
    }

    /// Decodes the events as log records.
    ///
    /// # Errors
    /// When they exceed a limit.
    pub(crate) fn log_records(&self) -> Result<Decoded<LogRecord>, EnvelopeError> {
        match &self.located {
            Located::Native(batch) => native::log_records(batch, self.budget),
            Located::Otlp(groups) => otlp::log_records(groups, self.budget),
        }
    }
}

/// Converts the body to text. Each invalid sequence of UTF-8 is replaced by three bytes.
///
/// # Errors
/// When it exceeds the budget.
fn lossy<'a>(bytes: &'a [u8], budget: &mut Budget) -> Result<Cow<'a, str>, EnvelopeError> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Ok(text.into());
    }
    let replaced = bytes.utf8_chunks().map(|chunk| {
        let replacement = if chunk.invalid().is_empty() { 0 } else { 3 };
        chunk.valid().len() + replacement
    });
    budget.take(replaced.sum())?;
    Ok(String::from_utf8_lossy(bytes))
}

/// Decodes a body in one step.
#[cfg(test)]
pub(crate) mod whole {
    use super::*;

    /// Decodes the spans of a body.
    pub(crate) fn spans(body: &[u8], format: Format) -> Result<Decoded<Span>, EnvelopeError> {
        Content::new(body, format)?.locate(Signal::Traces)?.spans()
    }

    /// Decodes the log records of a body.
    pub(crate) fn logs(body: &[u8], format: Format) -> Result<Decoded<LogRecord>, EnvelopeError> {
        Content::new(body, format)?
            .locate(Signal::Logs)?
            .log_records()
    }
}
