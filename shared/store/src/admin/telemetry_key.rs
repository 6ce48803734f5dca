//! What the keys of the Telemetry table say.

use jiff::Timestamp;

use crate::attribute::{self, Item};
use crate::keys::{self, PK, RollupSortKey, SK};
use crate::telemetry::RollupsOf;
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::Shards;
use upblit_telemetry::batch::{DAY, HOUR, Signal};
use upblit_telemetry::chunk::Position;

/// What the key of an item says.
pub(super) enum Kind {
    /// A rollup or late arrival.
    Rollup(Rollup),
    /// A chunk, or its summary.
    Chunk(Chunk),
}

/// Where a chunk or its summary is.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    pub(super) application_id: ApplicationId,
    pub(super) signal: Signal,
    pub(super) shard: u32,
    pub(super) position: Position,
    pub(super) is_summary: bool,
}

/// The day of a rollup or late arrival.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rollup {
    pub(super) of: RollupsOf,
    pub(super) day: Timestamp,
}

impl Kind {
    pub(super) fn application_id(&self) -> ApplicationId {
        match self {
            Self::Rollup(rollup) => rollup.of.application_id,
            Self::Chunk(chunk) => chunk.application_id,
        }
    }
}

impl Chunk {
    /// Returns whether the hash of the chunk belongs in this shard for some number of shards.
    pub(super) fn may_be_in_its_shard(&self) -> bool {
        let shards = (1..=16).filter_map(|shards| Shards::try_from(shards).ok());
        shards
            .into_iter()
            .any(|shards| shards.of(&self.position.hash) == self.shard)
    }

    fn partition(&self, is_summary: bool) -> String {
        let Self {
            application_id,
            signal,
            shard,
            position,
            ..
        } = *self;
        if is_summary {
            keys::summary_partition(application_id, signal, position.at, shard)
        } else {
            let hour = clock::floor(position.at, HOUR);
            keys::chunk_partition(application_id, signal, hour, shard)
        }
    }

    pub(super) fn summary_key(&self) -> Item {
        attribute::key([
            (PK, &self.partition(true)),
            (SK, &keys::chunk(self.position)),
        ])
    }

    pub(super) fn key(&self) -> Item {
        attribute::key([
            (PK, &self.partition(self.is_summary)),
            (SK, &keys::chunk(self.position)),
        ])
    }
}

/// Parses the key of an item. Returns `None` if the product writes no such key.
pub(super) fn kind_of(item: &Item) -> Option<Kind> {
    let text = |name| Some(item.get(name)?.as_s().ok()?.as_str());
    let (pk, sk) = (text(PK)?, text(SK)?);
    if let Some(rest) = pk.strip_prefix("rollup#") {
        let (id, signal) = rest.split_once('#')?;
        let of = RollupsOf {
            application_id: id.parse().ok()?,
            signal: signal_of(signal)?,
        };
        let (RollupSortKey::Day(at) | RollupSortKey::Late { hour: at, .. }) =
            keys::parse_rollup(sk)?;
        let day = clock::floor(at, DAY);
        return Some(Kind::Rollup(Rollup { of, day }));
    }
    let mut parts = pk.split('#');
    let application_id = parts.next()?.parse().ok()?;
    let signal = signal_of(parts.next()?)?;
    let time = parts.next()?;
    let chunk = Chunk {
        application_id,
        signal,
        shard: parts.next()?.parse().ok()?,
        position: keys::parse_chunk(sk)?,
        is_summary: !time.contains('T'),
    };
    // The sort key also determines the day or hour in the partition key.
    let fits = chunk.partition(chunk.is_summary) == pk && keys::chunk(chunk.position) == sk;
    fits.then_some(Kind::Chunk(chunk))
}

fn signal_of(text: &str) -> Option<Signal> {
    let mut signals = super::days::SIGNALS.into_iter();
    signals.find(|signal| signal.as_str() == text)
}
