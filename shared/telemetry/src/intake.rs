//! Turns the body of a request into the chunks to store, in two passes: the first locates and
//! counts the events, so that the request can be charged to a quota, and the second decodes and
//! packs them.

use std::io;

use thiserror::Error;
use upblit_base::ids::ApplicationId;

use crate::batch::{BatchId, Signal};
use crate::chunk::{self, PackedChunk};
use crate::decode::outline::{Content, Outline};
use crate::decode::{EnvelopeError, Format, Reception, Report};

/// Why a whole batch is refused.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// The envelope around the events is malformed or exceeds a limit.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Compression failed. No input can cause this.
    #[error("the events could not be compressed")]
    Compression(#[from] io::Error),
}

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
    pub fn new(
        body: &'a [u8],
        signal: Signal,
        format: Format,
        application_id: ApplicationId,
    ) -> Self {
        Self {
            id: BatchId::of(application_id, signal, body),
            signal,
            content: Content::new(body, format),
        }
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
    /// Number of events, well-formed or not.
    pub fn count(&self) -> usize {
        self.outline.events()
    }

    /// Decodes the events, and packs those that are neither too old nor too far in the future.
    /// The report counts the others.
    ///
    /// # Errors
    /// When the events exceed a limit. A malformed event is only reported.
    pub fn pack(self, at: Reception) -> Result<(Vec<PackedChunk>, Report), IntakeError> {
        let Self {
            id,
            signal,
            outline,
        } = self;
        let packed = match signal {
            Signal::Traces => chunk::pack(outline.spans()?, id, at),
            Signal::Logs => chunk::pack(outline.log_records()?, id, at),
        };
        Ok(packed?)
    }
}
