//! Who may sign in: everyone, or only the accounts, the members of organizations and teams, and
//! the owners of e-mail addresses that the operator lists.

use std::str::FromStr;

use thiserror::Error;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::UserId;

use crate::user::is_login;

/// Setting that says whether everyone may sign in.
pub const SIGN_IN: &str = "SIGN_IN";

/// Setting with accounts: `login` or `login:id`.
pub const ALLOWED_USERS: &str = "ALLOWED_GITHUB_USERS";

/// Setting with organizations and teams: `org` or `org/team`.
pub const ALLOWED_ORGANIZATIONS: &str = "ALLOWED_GITHUB_ORGANIZATIONS";

/// Setting with domains of e-mail addresses.
pub const ALLOWED_DOMAINS: &str = "ALLOWED_EMAIL_DOMAINS";

/// Maximum number of organizations and teams. A sign-in may ask GitHub about each of them.
pub const MAX_ORGANIZATIONS: usize = 10;

/// Who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInRule {
    /// Every account.
    Open,
    /// Only the accounts, members and owners of addresses on the list.
    Restricted(AllowList),
}

impl SignInRule {
    /// Reads `SIGN_IN` and the lists. If none of them is set, sign-in is open on this machine, and
    /// an error elsewhere.
    ///
    /// # Errors
    /// If a list has an invalid entry, if there is no list and `SIGN_IN` is not `open` (it may be
    /// unset on this machine), or if there is a list and `SIGN_IN` is `open`.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let list = AllowList::from_env(env)?;
        match (env.optional(SIGN_IN), list.is_empty()) {
            (Some("open"), true) => Ok(Self::Open),
            (None, true) if env.is_local() => Ok(Self::Open),
            (None | Some("restricted"), false) => Ok(Self::Restricted(list)),
            (Some("open"), false) => Err(ConfigError::new(
                SIGN_IN,
                format!("is open, but {} is set", list.settings().join(" and ")),
            )),
            (None | Some("restricted"), true) => Err(ConfigError::new(
                SIGN_IN,
                format!(
                    "must be open if everyone with a GitHub account may sign in; otherwise set \
                     {ALLOWED_USERS}, {ALLOWED_ORGANIZATIONS} or {ALLOWED_DOMAINS}"
                ),
            )),
            (Some(_), _) => Err(ConfigError::new(SIGN_IN, "must be open or restricted")),
        }
    }

    /// Returns the organizations and teams whose members may sign in. Empty if everyone may.
    pub fn organizations(&self) -> &[AllowedOrganization] {
        match self {
            Self::Open => &[],
            Self::Restricted(list) => &list.organizations,
        }
    }

    /// Returns whether an account may sign in by its own data. If not, it may still be a member of
    /// one of the [`Self::organizations`].
    pub fn admits(&self, account: &Account<'_>) -> bool {
        match self {
            Self::Open => true,
            Self::Restricted(list) => list.contains(account),
        }
    }
}

/// Accounts, organizations and domains that may sign in. One match is enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowList {
    users: Vec<AllowedUser>,
    organizations: Vec<AllowedOrganization>,
    domains: Vec<EmailDomain>,
}

impl AllowList {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let list = Self {
            users: entries(env, ALLOWED_USERS)?,
            organizations: entries(env, ALLOWED_ORGANIZATIONS)?,
            domains: entries(env, ALLOWED_DOMAINS)?,
        };
        if list.organizations.len() > MAX_ORGANIZATIONS {
            let problem = format!("must have at most {MAX_ORGANIZATIONS} entries");
            return Err(ConfigError::new(ALLOWED_ORGANIZATIONS, problem));
        }
        Ok(list)
    }

    fn is_empty(&self) -> bool {
        self.settings().is_empty()
    }

    /// Returns the names of the settings that have entries.
    fn settings(&self) -> Vec<&'static str> {
        let settings = [
            (ALLOWED_USERS, self.users.is_empty()),
            (ALLOWED_ORGANIZATIONS, self.organizations.is_empty()),
            (ALLOWED_DOMAINS, self.domains.is_empty()),
        ];
        let used = settings.into_iter().filter(|(_, is_empty)| !is_empty);
        used.map(|(name, _)| name).collect()
    }

    fn contains(&self, account: &Account<'_>) -> bool {
        let emails = &account.verified_emails;
        self.users.iter().any(|user| user.is(account))
            || self
                .domains
                .iter()
                .any(|domain| emails.iter().any(|email| domain.has(email)))
    }
}

/// Reads entries that are separated by commas. Skips empty ones.
fn entries<T>(env: &Env, name: &str) -> Result<Vec<T>, ConfigError>
where
    T: FromStr<Err = InvalidEntry>,
{
    let texts = env.optional(name).unwrap_or_default().split(',');
    let texts = texts.map(str::trim).filter(|text| !text.is_empty());
    texts
        .map(|text| {
            text.parse().map_err(|InvalidEntry(expected)| {
                let text = text.escape_default();
                ConfigError::new(name, format!("must be {expected}; \"{text}\" is not one"))
            })
        })
        .collect()
}

/// The data of a GitHub account that the allow list compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account<'a> {
    /// Numeric account id, which does not change.
    pub user_id: UserId,
    /// Account name, which can change, and which another account can take afterwards.
    pub login: &'a str,
    /// Addresses that GitHub has verified.
    pub verified_emails: Vec<&'a str>,
}

/// An entry is invalid. Contains a description of valid ones.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be {0}")]
pub struct InvalidEntry(&'static str);

/// An account that may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedUser {
    login: String,
    id: Option<UserId>,
}

impl AllowedUser {
    /// Returns whether this entry is the account. With an id, only the id counts and the login is a
    /// note for readers, because the account can be renamed and another one can take its name.
    fn is(&self, account: &Account<'_>) -> bool {
        match self.id {
            Some(id) => id == account.user_id,
            None => self.login.eq_ignore_ascii_case(account.login),
        }
    }
}

impl FromStr for AllowedUser {
    type Err = InvalidEntry;

    fn from_str(text: &str) -> Result<Self, InvalidEntry> {
        const EXPECTED: InvalidEntry =
            InvalidEntry("GitHub logins such as octocat, or octocat:583231 with the account's id");
        let (login, id) = match text.split_once(':') {
            None => (text, None),
            Some((login, id)) => (login, Some(id.parse().map_err(|_| EXPECTED)?)),
        };
        if !is_login(login) {
            return Err(EXPECTED);
        }
        Ok(Self {
            login: login.to_owned(),
            id,
        })
    }
}

/// An organization, or a team of it, whose members may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrganization {
    /// Name of the organization, as in its address at GitHub. GitHub ignores its case.
    pub organization: String,
    /// Slug of the team, as in its address at GitHub. `None` for all members.
    pub team: Option<String>,
}

impl AllowedOrganization {
    /// Maximum length of a team's slug, in bytes.
    const MAX_TEAM: usize = 100;
}

impl FromStr for AllowedOrganization {
    type Err = InvalidEntry;

    fn from_str(text: &str) -> Result<Self, InvalidEntry> {
        let (organization, team) = match text.split_once('/') {
            None => (text, None),
            Some((organization, team)) => (organization, Some(team)),
        };
        // Both become part of a path, so nothing else may be in them.
        let is_slug = |team: &str| {
            let is_of_slug = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            (1..=Self::MAX_TEAM).contains(&team.len()) && team.bytes().all(is_of_slug)
        };
        if !is_login(organization) || !team.is_none_or(is_slug) {
            return Err(InvalidEntry(
                "organizations such as example-org, or example-org/team with the team's name in \
                 its address",
            ));
        }
        Ok(Self {
            organization: organization.to_owned(),
            team: team.map(str::to_owned),
        })
    }
}

/// A domain whose e-mail addresses may sign in. Its subdomains are other domains.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EmailDomain(String);

impl EmailDomain {
    /// First labels of the domain in which a GitHub server gives every account an address.
    const OF_EVERYONE: &str = "users.noreply.";

    /// Returns whether an address is in this domain. Addresses in an unusual form are in no domain:
    /// with a second `@`, a dot at the end, or letters beyond ASCII.
    fn has(&self, address: &str) -> bool {
        let parts = address.split_once('@');
        parts.is_some_and(|(name, domain)| !name.is_empty() && domain.eq_ignore_ascii_case(&self.0))
    }
}

impl FromStr for EmailDomain {
    type Err = InvalidEntry;

    fn from_str(text: &str) -> Result<Self, InvalidEntry> {
        let domain = text.to_ascii_lowercase();
        let is_label = |label: &str| {
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(is_plain)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_domain =
            domain.len() <= 253 && domain.contains('.') && domain.split('.').all(is_label);
        if !is_domain {
            return Err(InvalidEntry(
                "domains such as example.com, in ASCII and without @ or a dot at the end",
            ));
        }
        if domain.starts_with(Self::OF_EVERYONE) {
            return Err(InvalidEntry(
                "domains in which not every GitHub account has an address",
            ));
        }
        Ok(Self(domain))
    }
}

/// GitHub's response about an account and one of the [`SignInRule::organizations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// A member, public or private.
    Active,
    /// Invited, but has not accepted.
    Pending,
    /// Not a member, or there is no such organization or team.
    NotAMember,
    /// The organization does not let the app see its members.
    Hidden,
    /// GitHub gave no usable response.
    Unclear,
}

/// Decision about an account, by its membership of the allowed organizations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The account is a member of one of them.
    Admitted,
    /// The account is a member of none.
    Refused,
    /// It is a member of none that shows its members to the app, and some do not.
    Hidden,
    /// It may be a member, but GitHub gave no usable response.
    Unclear,
}

impl Admission {
    /// Decides by GitHub's responses. One membership is enough; a missing response never counts as
    /// one.
    pub fn decide(standings: &[Standing]) -> Self {
        if standings.contains(&Standing::Active) {
            Self::Admitted
        } else if standings.contains(&Standing::Unclear) {
            Self::Unclear
        } else if standings.contains(&Standing::Hidden) {
            Self::Hidden
        } else {
            Self::Refused
        }
    }
}

#[cfg(test)]
mod tests;
