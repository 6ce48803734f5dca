//! The tables, and their names in a deployment.

use upblit_base::environment::{ConfigError, Env};

/// A DynamoDB table of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Users: profile as of the last sign-in, and block.
    Users,
    /// Sessions, with the counters of their refresh tokens.
    RefreshTokens,
    /// Applications, members, invites, and the audit logs of applications and accounts.
    Applications,
    /// API keys, stored as hashes.
    ApiKeys,
    /// Chunks, chunk summaries, rollups and late arrivals.
    Telemetry,
    /// Quota counters, usage, key health, and idempotency keys.
    ShortLived,
}

/// The names of the tables in this deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// Name of [`Table::Users`], from `TABLE_USERS`.
    pub users: String,
    /// Name of [`Table::RefreshTokens`], from `TABLE_REFRESH_TOKENS`.
    pub refresh_tokens: String,
    /// Name of [`Table::Applications`], from `TABLE_APPLICATIONS`.
    pub applications: String,
    /// Name of [`Table::ApiKeys`], from `TABLE_API_KEYS`.
    pub api_keys: String,
    /// Name of [`Table::Telemetry`], from `TABLE_TELEMETRY`.
    pub telemetry: String,
    /// Name of [`Table::ShortLived`], from `TABLE_SHORT_LIVED`.
    pub short_lived: String,
}

impl Table {
    /// Every table, in the order of [`TableNames`].
    pub const ALL: [Self; 6] = [
        Self::Users,
        Self::RefreshTokens,
        Self::Applications,
        Self::ApiKeys,
        Self::Telemetry,
        Self::ShortLived,
    ];

    /// The setting that names the table.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Users => "TABLE_USERS",
            Self::RefreshTokens => "TABLE_REFRESH_TOKENS",
            Self::Applications => "TABLE_APPLICATIONS",
            Self::ApiKeys => "TABLE_API_KEYS",
            Self::Telemetry => "TABLE_TELEMETRY",
            Self::ShortLived => "TABLE_SHORT_LIVED",
        }
    }

    /// Logical name in `template.yaml`.
    pub(crate) fn logical_name(self) -> String {
        format!("{self:?}Table")
    }

    /// Default name in the local engine.
    fn local_name(self) -> &'static str {
        match self {
            Self::Users => "upblit-users",
            Self::RefreshTokens => "upblit-refresh-tokens",
            Self::Applications => "upblit-applications",
            Self::ApiKeys => "upblit-api-keys",
            Self::Telemetry => "upblit-telemetry",
            Self::ShortLived => "upblit-short-lived",
        }
    }
}

impl TableNames {
    /// Reads the names from `TABLE_…`. A table without the setting has an empty name.
    pub fn from_env(env: &Env) -> Self {
        Self::from_fn(|table| env.optional(table.setting()).unwrap_or_default())
    }

    /// Reads the names from `TABLE_…`, or uses `upblit-…`, for the local engine.
    pub fn local(env: &Env) -> Self {
        let name = |table: Table| env.optional(table.setting());
        Self::from_fn(|table| name(table).unwrap_or(table.local_name()))
    }

    /// Returns the name of a table, which is empty if it is not set.
    pub fn name(&self, table: Table) -> &str {
        match table {
            Table::Users => &self.users,
            Table::RefreshTokens => &self.refresh_tokens,
            Table::Applications => &self.applications,
            Table::ApiKeys => &self.api_keys,
            Table::Telemetry => &self.telemetry,
            Table::ShortLived => &self.short_lived,
        }
    }

    /// Keeps the names of these tables. The others get a name that no table has, so that a
    /// call to one of them fails and the log shows which it is.
    ///
    /// # Errors
    /// When one of them has no name.
    pub(crate) fn only(&self, tables: &[Table]) -> Result<Self, ConfigError> {
        let nameless = tables.iter().find(|table| self.name(**table).is_empty());
        if let Some(table) = nameless {
            return Err(ConfigError::new(table.setting(), "is not set"));
        }
        Ok(Self::from_fn(|table| {
            if tables.contains(&table) {
                self.name(table).to_owned()
            } else {
                format!("{}-is-not-declared", table.setting())
            }
        }))
    }

    /// Builds the names by calling `name` for each table.
    pub(crate) fn from_fn<Name: Into<String>>(name: impl Fn(Table) -> Name) -> Self {
        Self {
            users: name(Table::Users).into(),
            refresh_tokens: name(Table::RefreshTokens).into(),
            applications: name(Table::Applications).into(),
            api_keys: name(Table::ApiKeys).into(),
            telemetry: name(Table::Telemetry).into(),
            short_lived: name(Table::ShortLived).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_table_has_its_own_setting_and_local_name() {
        let settings = Table::ALL.map(|table| (table.setting(), format!("of {table:?}")));
        let names = TableNames::from_env(&Env::from_pairs(settings));
        let local = TableNames::local(&Env::default());
        let mut local_names = HashSet::new();
        for table in Table::ALL {
            assert_eq!(names.name(table), format!("of {table:?}"));
            assert!(local_names.insert(local.name(table)), "{table:?}");
        }
    }

    #[test]
    fn used_tables_need_a_name_and_the_others_get_a_placeholder() {
        let names = TableNames::from_env(&Env::from_pairs([
            ("TABLE_USERS", "stack-users"),
            ("TABLE_TELEMETRY", "stack-telemetry"),
        ]));
        let only = names.only(&[Table::Users]).unwrap();
        assert_eq!(only.users, "stack-users");
        assert_eq!(only.telemetry, "TABLE_TELEMETRY-is-not-declared");
        let error = names.only(&[Table::Users, Table::ApiKeys]).unwrap_err();
        assert_eq!(error.to_string(), "setting TABLE_API_KEYS is not set");
    }
}
