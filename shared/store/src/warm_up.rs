//! Opens connections before the first event of an instance. The first call of a connection pays
//! for TLS, and the first call of a process for what the SDK builds when it is first used.

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::{Database, StorageError, Table};
use upblit_base::ids::{ApplicationId, Environment, KeyId, PublicKeyId, UserId};
use upblit_base::random::{self, CryptoRng};

/// How a function opens its connections.
#[derive(Debug, Clone, Copy)]
pub struct WarmUp {
    /// The read that each connection begins with.
    pub read: ColdRead,
    /// Number of connections: as many as the first requests of the function use at once.
    pub connections: usize,
}

/// A read of items that do not exist, which costs one or two read units. The role of a function must
/// allow the read that the function uses.
#[derive(Debug, Clone, Copy)]
pub enum ColdRead {
    /// An API key, by a `GetItem`.
    ApiKey,
    /// A membership, by a `BatchGetItem`.
    Membership,
    /// The sessions of a user, by a `Query`.
    Sessions,
}

impl ColdRead {
    fn table(self) -> Table {
        match self {
            Self::ApiKey => Table::ApiKeys,
            Self::Membership => Table::Applications,
            Self::Sessions => Table::RefreshTokens,
        }
    }
}

impl Database {
    /// Opens connections, each with its own read. All reads begin at once, so none reuses the
    /// connection of another. Opens none if the table has no name, because a function does not
    /// start without one.
    ///
    /// # Errors
    /// When a read fails. The connections of the others stay open.
    pub async fn warm_up(&self, warm_up: WarmUp) -> Result<(), StorageError> {
        if self.tables.name(warm_up.read.table()).is_empty() {
            return Ok(());
        }
        let reads = (0..warm_up.connections).map(|_| self.cold_read(warm_up.read));
        join_all(reads).await.into_iter().collect()
    }

    async fn cold_read(&self, read: ColdRead) -> Result<(), StorageError> {
        let key = unused_key(&mut random::rng());
        let nobody = UserId::NOBODY;
        match read {
            ColdRead::ApiKey => self.api_key(key).await.map(drop),
            ColdRead::Membership => self
                .application_of(nobody, key.application_id)
                .await
                .map(drop),
            ColdRead::Sessions => self
                .live_sessions(nobody, Timestamp::UNIX_EPOCH)
                .await
                .map(drop),
        }
    }
}

/// Returns a random id, so that instances that start together do not read from the same partition.
fn unused_key(rng: &mut impl CryptoRng) -> PublicKeyId {
    PublicKeyId {
        application_id: ApplicationId::generate(Environment::Test, rng),
        key_id: KeyId::generate(rng),
    }
}
