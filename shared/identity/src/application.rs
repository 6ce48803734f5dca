//! Applications, which API keys and telemetry belong to, and their settings.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use upblit_base::environment::{ConfigError, DAY, Env};
use upblit_base::ids::{ApplicationId, UserId};
use utoipa::ToSchema;

/// Maximum length of the name of an application or key, in characters.
pub const MAX_NAME_CHARS: usize = 80;

/// Maximum retention of telemetry, in days.
pub const MAX_RETENTION_DAYS: u8 = 90;

/// Maximum number of shards per application.
pub const MAX_SHARDS: u8 = 16;

/// An application, which API keys and telemetry belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Public id, which includes the environment.
    pub id: ApplicationId,
    /// Display name, chosen by the user.
    pub name: Name,
    /// User who created the application.
    pub created_by: UserId,
    /// Time when the application was created.
    pub created_at: Timestamp,
    /// Retention, sharding and scrubbing of the application's telemetry.
    pub telemetry: TelemetrySettings,
}

/// Retention, sharding and scrubbing of an application's telemetry. Each API key has a copy, so that
/// ingest needs to read the key only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// Retention of telemetry that arrives from now on. `None` for the deployment's default.
    pub retention: Option<RetentionDays>,
    /// Number of partitions that the telemetry is spread over.
    pub shards: Shards,
    /// Whether credentials and card numbers are removed from telemetry that arrives from now on.
    /// `None` means that they are.
    pub scrubbing: Option<Scrubbing>,
}

/// Whether credentials and card numbers are removed from telemetry before it is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scrubbing {
    /// Credentials and card numbers are removed.
    #[default]
    On,
    /// Telemetry is stored as it was sent.
    Off,
}

impl Scrubbing {
    /// Returns the name of the setting's value in the API and in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// Reads the default retention of telemetry from `TELEMETRY_RETENTION` (30 days if unset).
///
/// # Errors
/// If it is not a duration from 1 to [`MAX_RETENTION_DAYS`] days.
pub fn default_retention(env: &Env) -> Result<Duration, ConfigError> {
    let longest = DAY * u32::from(MAX_RETENTION_DAYS);
    env.duration("TELEMETRY_RETENTION", 30 * DAY, DAY..=longest)
}

impl TelemetrySettings {
    /// Returns the retention, or `default` if the application sets none.
    pub fn retention_or(&self, default: Duration) -> Duration {
        self.retention.map_or(default, RetentionDays::duration)
    }

    /// Returns [`Self::retention_or`] in days, rounded up.
    pub fn retention_days_or(&self, default: Duration) -> u64 {
        self.retention_or(default).as_secs().div_ceil(DAY.as_secs())
    }

    /// Returns whether telemetry is scrubbed.
    pub fn is_scrubbed(&self) -> bool {
        self.scrubbing.unwrap_or_default() == Scrubbing::On
    }

    /// Returns the settings after a change. Settings that are `None` keep their value.
    ///
    /// # Errors
    /// If the change lowers the number of shards, because queries would miss telemetry in the
    /// removed shards.
    pub fn changed(
        self,
        retention: Option<RetentionDays>,
        shards: Option<Shards>,
        scrubbing: Option<Scrubbing>,
    ) -> Result<Self, FewerShards> {
        let changed = Self {
            retention: retention.or(self.retention),
            shards: shards.unwrap_or(self.shards),
            scrubbing: scrubbing.or(self.scrubbing),
        };
        if changed.shards < self.shards {
            return Err(FewerShards(self.shards));
        }
        Ok(changed)
    }
}

/// Retention of telemetry, from 1 to [`MAX_RETENTION_DAYS`] days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "u8")]
#[schema(value_type = u8, minimum = 1, maximum = 90, example = 30)]
pub struct RetentionDays(u8);

impl RetentionDays {
    /// Returns the number of days.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Returns the retention as a duration of 24-hour days.
    pub fn duration(self) -> Duration {
        DAY * u32::from(self.0)
    }
}

/// The number of days is out of range.
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

/// Number of partitions that an application's telemetry is spread over, from 1 to
/// [`MAX_SHARDS`]. It can only grow, because queries read only the shards below this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "i64", into = "u8")]
#[schema(value_type = u8, minimum = 1, maximum = 16, example = 1)]
pub struct Shards(u8);

impl Shards {
    /// Returns the number of shards.
    pub fn get(self) -> u8 {
        self.0
    }

    /// Returns all smaller numbers, which the application may have had before.
    pub fn earlier(self) -> impl Iterator<Item = Self> {
        (1..self.0).map(Self)
    }

    /// Returns the shard for content with this hash. The same content has the same shard.
    pub fn of(self, hash: &[u8; 16]) -> u32 {
        u32::from(hash[0]) % u32::from(self.0)
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self(1)
    }
}

/// The number of shards is out of range.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {MAX_SHARDS}")]
pub struct InvalidShards;

/// The change would lower the number of shards. Contains the current number.
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

/// A display name of 1 to 80 characters, without control characters. White space around it is
/// removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(
    value_type = String, min_length = 1, example = "Shop",
    pattern = r"^\s*[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,78}[^\s\x00-\x1f\x7f-\x9f])?\s*$"
)]
pub struct Name(String);

/// The text is empty, too long, or has control characters.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a name has 1 to {MAX_NAME_CHARS} characters and no control characters")]
pub struct InvalidName;

impl Name {
    /// Returns the trimmed text.
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
            scrubbing: None,
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
    fn an_application_without_a_retention_uses_the_default_of_the_deployment() {
        let unset = TelemetrySettings::default();
        let default = 36 * Duration::from_secs(3_600);
        assert_eq!(unset.retention_or(default), default);
        assert_eq!(unset.retention_days_or(default), 2);
        assert_eq!(settings(7, 1).retention_days_or(default), 7);
    }

    #[test]
    fn a_change_keeps_omitted_settings_and_never_lowers_the_shards() {
        let seven = settings(7, 4);
        let four = Shards(4);
        assert_eq!(seven.changed(None, None, None), Ok(seven));
        assert_eq!(
            seven.changed(None, Some(Shards(5)), None),
            Ok(settings(7, 5))
        );
        assert_eq!(
            seven.changed(Some(RetentionDays(8)), Some(four), None),
            Ok(settings(8, 4))
        );
        let lowered = seven.changed(None, Some(Shards(3)), None);
        assert_eq!(lowered, Err(FewerShards(four)));
    }

    #[test]
    fn telemetry_is_scrubbed_unless_the_application_says_otherwise() {
        let unset = TelemetrySettings::default();
        assert!(unset.is_scrubbed());
        let off = unset.changed(None, None, Some(Scrubbing::Off)).unwrap();
        assert!(!off.is_scrubbed());
        assert_eq!(off.changed(None, None, None), Ok(off));
        let on = off.changed(None, None, Some(Scrubbing::On)).unwrap();
        assert!(on.is_scrubbed());
    }

    #[test]
    fn shards_fill_evenly() {
        for shards in 1..=MAX_SHARDS {
            let mut filled = vec![0_u32; shards.into()];
            for byte in 0..=u8::MAX {
                filled[Shards(shards).of(&[byte; 16]) as usize] += 1;
            }
            let least = filled.iter().min().unwrap();
            let most = filled.iter().max().unwrap();
            assert!(most - least <= 1, "{filled:?}");
        }
    }
}
