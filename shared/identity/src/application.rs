//! Applications: what a team observes, and who may see it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use upblit_base::environment::{ConfigError, DAY, Env};
use upblit_base::ids::{ApplicationId, UserId};
use utoipa::ToSchema;

/// Most applications one user may own.
pub const MAX_APPLICATIONS_PER_USER: u32 = 100;

/// Longest name of an application or a key, in characters.
pub const MAX_NAME_CHARS: usize = 80;

/// Longest time telemetry is kept, in days.
pub const MAX_RETENTION_DAYS: u8 = 90;

/// Most shards of one application.
pub const MAX_SHARDS: u8 = 16;

/// Something that is observed and that API keys belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Public id; tells the environment.
    pub id: ApplicationId,
    /// Chosen by the user.
    pub name: Name,
    /// Who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// How its telemetry is kept.
    pub telemetry: TelemetrySettings,
}

/// How an application's telemetry is kept. Each of its keys carries a copy, so
/// that ingest knows it from the key alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// How long what arrives from now on is kept; `None` for as long as the deployment says.
    pub retention: Option<RetentionDays>,
    /// Over how many partitions it is spread.
    pub shards: Shards,
}

/// How long telemetry is kept where an application does not say it: `TELEMETRY_RETENTION` (30 d).
///
/// # Errors
/// When it is set and not a duration of 1 to [`MAX_RETENTION_DAYS`] days.
pub fn default_retention(env: &Env) -> Result<Duration, ConfigError> {
    let longest = DAY * u32::from(MAX_RETENTION_DAYS);
    env.duration("TELEMETRY_RETENTION", 30 * DAY, DAY..=longest)
}

impl TelemetrySettings {
    /// How long telemetry is kept, in a deployment that keeps it for `default`.
    pub fn retention_or(&self, default: Duration) -> Duration {
        self.retention.map_or(default, RetentionDays::duration)
    }

    /// [`Self::retention_or`] in days; a part of a day counts as one.
    pub fn retention_days_or(&self, default: Duration) -> u64 {
        self.retention_or(default).as_secs().div_ceil(DAY.as_secs())
    }

    /// These settings after a change: what is `None` stays as it is.
    ///
    /// # Errors
    /// When there would be fewer shards: readers would miss what the others hold.
    pub fn changed(
        self,
        retention: Option<RetentionDays>,
        shards: Option<Shards>,
    ) -> Result<Self, FewerShards> {
        let changed = Self {
            retention: retention.or(self.retention),
            shards: shards.unwrap_or(self.shards),
        };
        if changed.shards < self.shards {
            return Err(FewerShards(self.shards));
        }
        Ok(changed)
    }
}

/// A time that telemetry is kept: 1 to [`MAX_RETENTION_DAYS`] days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "u8")]
#[schema(value_type = u8, minimum = 1, maximum = 90, example = 30)]
pub struct RetentionDays(u8);

impl RetentionDays {
    /// The number of days.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The same as a duration.
    pub fn duration(self) -> Duration {
        DAY * u32::from(self.0)
    }
}

/// The number is no [`RetentionDays`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {MAX_RETENTION_DAYS}")]
pub struct InvalidRetention;

impl TryFrom<i64> for RetentionDays {
    type Error = InvalidRetention;

    fn try_from(days: i64) -> Result<Self, InvalidRetention> {
        within(days, MAX_RETENTION_DAYS)
            .map(Self)
            .ok_or(InvalidRetention)
    }
}

impl From<RetentionDays> for u8 {
    fn from(days: RetentionDays) -> Self {
        days.0
    }
}

/// Partitions that an application's telemetry is spread over at any time, 1 to
/// [`MAX_SHARDS`]. Readers look at all of them, so it only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "u8")]
#[schema(value_type = u8, minimum = 1, maximum = 16, example = 1)]
pub struct Shards(u8);

impl Shards {
    /// The number of shards.
    pub fn get(self) -> u8 {
        self.0
    }

    /// The shard of what has this hash: the same for the same content.
    pub fn of(self, hash: &[u8; 16]) -> u32 {
        u32::from(hash[0]) % u32::from(self.0)
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self(1)
    }
}

/// The number is no [`Shards`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {MAX_SHARDS}")]
pub struct InvalidShards;

/// There would be fewer shards than now.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("can only be raised; it is {} now", .0.get())]
pub struct FewerShards(Shards);

impl TryFrom<i64> for Shards {
    type Error = InvalidShards;

    fn try_from(count: i64) -> Result<Self, InvalidShards> {
        within(count, MAX_SHARDS).map(Self).ok_or(InvalidShards)
    }
}

impl From<Shards> for u8 {
    fn from(shards: Shards) -> Self {
        shards.0
    }
}

fn within(number: i64, max: u8) -> Option<u8> {
    u8::try_from(number)
        .ok()
        .filter(|number| (1..=max).contains(number))
}

/// What a member may do. One role for now; stored, so that a second needs no migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Owner,
}

/// A name that people see: trimmed, 1 to [`MAX_NAME_CHARS`] characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 80, example = "Shop")]
pub struct Name(String);

/// The text cannot be a name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a name has 1 to {MAX_NAME_CHARS} characters and no control characters")]
pub struct InvalidName;

impl Name {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let text = text.trim();
        let fits = (1..=MAX_NAME_CHARS).contains(&text.chars().count());
        let plain = !text.chars().any(char::is_control);
        if fits && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName)
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        let name = |text: &str| Name::try_from(text.to_owned()).map(String::from);
        assert_eq!(name("  Checkout 🛒 "), Ok("Checkout 🛒".into()));
        assert_eq!(name(&"é".repeat(80)), Ok("é".repeat(80)));
        for text in ["", "   ", "a\nb", "a\u{0}b", &"é".repeat(81)] {
            assert_eq!(name(text), Err(InvalidName), "{text:?}");
        }
    }

    fn settings(retention_days: i64, shards: i64) -> TelemetrySettings {
        TelemetrySettings {
            retention: Some(retention_days.try_into().unwrap()),
            shards: shards.try_into().unwrap(),
        }
    }

    #[test]
    fn retention_is_1_to_90_days_and_shards_are_1_to_16() {
        for days in [i64::MIN, -1, 0, 91, 257, i64::MAX] {
            assert_eq!(RetentionDays::try_from(days), Err(InvalidRetention));
        }
        for count in [i64::MIN, 0, 17, 257] {
            assert_eq!(Shards::try_from(count), Err(InvalidShards));
        }
        assert_eq!(settings(90, 16).retention_or(DAY), 90 * DAY);
        assert_eq!(Shards::default().get(), 1);
    }

    #[test]
    fn the_deployment_says_how_long_where_the_application_does_not() {
        let unset = TelemetrySettings::default();
        let default = 36 * Duration::from_secs(3_600);
        assert_eq!(unset.retention_or(default), default);
        assert_eq!(unset.retention_days_or(default), 2);
        assert_eq!(settings(7, 1).retention_days_or(default), 7);
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name_and_never_lowers_shards() {
        let (seven, four) = (settings(7, 4), Shards(4));
        assert_eq!(seven.changed(None, None), Ok(seven));
        assert_eq!(seven.changed(None, Some(Shards(5))), Ok(settings(7, 5)));
        assert_eq!(
            seven.changed(Some(RetentionDays(8)), Some(four)),
            Ok(settings(8, 4))
        );
        let lowered = seven.changed(None, Some(Shards(3)));
        assert_eq!(lowered, Err(FewerShards(four)));
    }

    #[test]
    fn content_has_one_shard_and_shards_fill_evenly() {
        for shards in 1..=MAX_SHARDS {
            let mut filled = vec![0_u32; shards.into()];
            for byte in 0..=u8::MAX {
                filled[Shards(shards).of(&[byte; 16]) as usize] += 1;
            }
            let (least, most) = (filled.iter().min(), filled.iter().max());
            assert!(most.unwrap() - least.unwrap() <= 1, "{filled:?}");
        }
    }
}
