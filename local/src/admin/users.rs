//! `upblit admin users` and `usage`: what is stored about users.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use jiff::Timestamp;
use shared::base::clock::{Clock, rfc3339};
use shared::base::ids::UserId;
use shared::store::Database;
use shared::store::admin::users::{Account, ApplicationUsage, Usage, User};

use super::{Failure, unknown};

/// Prints a line for each user, or for each whose login or e-mail address contains a text, ignoring
/// case.
pub(super) async fn list(
    text: Option<&str>,
    database: &Database,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let text = text.unwrap_or_default().to_lowercase();
    let mut count = 0;
    let mut written = Ok(());
    let mut print = |user: User| {
        if !contains(&user, &text) {
            return;
        }
        count += 1;
        let line = writeln!(out, "{}", Line(&user));
        written = std::mem::replace(&mut written, Ok(())).and(line);
    };
    database.each_user(&mut print).await?;
    written?;
    writeln!(out, "{count} users")?;
    Ok(ExitCode::SUCCESS)
}

fn contains(user: &User, text: &str) -> bool {
    let Some(account) = &user.account else {
        return text.is_empty();
    };
    let mut texts = [&account.login, &account.email].into_iter();
    texts.any(|field| field.to_lowercase().contains(text))
}

/// Prints a user's sessions, applications and number of keys, and when they were last used.
pub(super) async fn usage(
    user_id: UserId,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let Some(usage) = database.usage_of(user_id, clock.now()).await? else {
        return unknown(user_id, out);
    };
    print(&usage, out)?;
    Ok(ExitCode::SUCCESS)
}

fn print(usage: &Usage, out: &mut (dyn Write + Send)) -> io::Result<()> {
    writeln!(out, "{}", Line(&usage.user))?;
    for session in &usage.sessions {
        let created_at = rfc3339(session.created_at);
        let used_at = rfc3339(session.last_used_at);
        let client = Escaped(&session.user_agent);
        writeln!(
            out,
            "session {}: since {created_at}, last used {used_at}, {client}",
            session.id
        )?;
    }
    for one in &usage.applications {
        let ApplicationUsage {
            membership,
            keys,
            last_used_at,
        } = one;
        let application = &membership.application;
        let name = String::from(application.name.clone());
        writeln!(
            out,
            "application {} {:?}: {}, {keys} keys, last used {}",
            application.id,
            name,
            membership.role.as_str(),
            last_used_at.map_or_else(|| "never".to_owned(), rfc3339),
        )?;
    }
    let sessions = usage.sessions.len();
    let applications = usage.applications.len();
    writeln!(out, "{sessions} sessions, {applications} applications")
}

/// A user in one line.
struct Line<'a>(&'a User);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(user) = self;
        match &user.account {
            None => write!(f, "user {}: no account", user.id)?,
            Some(account) => {
                let Account {
                    login,
                    email,
                    created_at,
                    last_sign_in_at,
                    applications,
                    ..
                } = account;
                let (login, email) = (Escaped(login), Escaped(email));
                let at = |at: &Timestamp| rfc3339(*at);
                write!(
                    f,
                    "user {} {login} <{email}>: since {}, last sign-in {}, created {applications} applications",
                    user.id,
                    at(created_at),
                    at(last_sign_in_at),
                )?;
            }
        }
        if user
            .account
            .as_ref()
            .is_some_and(|account| account.is_being_deleted)
        {
            f.write_str(", being deleted")?;
        }
        match user.blocked_at {
            Some(at) => write!(f, ", blocked since {}", rfc3339(at)),
            None => Ok(()),
        }
    }
}

/// Displays a text with its control characters escaped, because a terminal would interpret them.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                write!(f, "{character}")?;
            }
        }
        Ok(())
    }
}
