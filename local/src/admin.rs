//! `upblit admin`: commands for operators, on the tables of a deployment or of the data directory. The
//! work itself is in `shared::store::admin`; this module reads the command line and prints.

mod accounts;
mod check;
mod leaked;
mod restore;
mod users;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use shared::base::causes::WithCauses;
use shared::base::clock::Clock;
use shared::base::ids::UserId;
use shared::store::account_deletion::SoleOwned;
use shared::store::{Database, StorageError};
use thiserror::Error;

pub use leaked::revoke_leaked;

/// Checks and changes the tables of a deployment, or of the data directory.
#[derive(Debug, Args)]
pub struct Options {
    /// Which tables
    #[command(flatten)]
    pub target: Target,

    /// What to do with them
    #[command(subcommand)]
    pub command: Command,
}

/// The tables that a command works on.
#[derive(Debug, Args)]
pub struct Target {
    /// The tables of a stack, with the SDK's credentials and region (AWS_PROFILE, AWS_REGION)
    #[arg(long, value_name = "NAME", global = true, conflicts_with_all = ["environment", "data_dir"])]
    pub stack: Option<String>,

    /// The tables that the TABLE_… settings name, with the SDK's credentials and region
    #[arg(long, global = true, conflicts_with = "data_dir")]
    pub environment: bool,

    /// The tables of a data directory that is not in use
    #[arg(long, default_value = ".upblit", global = true)]
    pub data_dir: PathBuf,
}

/// An operator's command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Verifies that counters, copies and references agree, that everything acknowledged is listed and
    /// counted once, and that all temporary items expire. Prints a line for each finding. Exits with 1
    /// if something is broken, and with 2 if the check could not be completed
    Check,

    /// Makes tables consistent after items from an earlier time were copied into them: settings of
    /// applications and keys, and rollups. Prints a line for each change
    Restore {
        /// Print what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },

    /// Lists the users, a line for each
    Users {
        /// Only those whose login or e-mail address contains this, ignoring case
        text: Option<String>,
    },

    /// Prints a user's sessions, applications and number of keys, and when they were last used
    Usage {
        /// Numeric id of the GitHub account
        user: UserId,
    },

    /// Blocks a user: ends all sessions, and refuses sign-ins until the block ends
    Block {
        /// Numeric id of the GitHub account, which need not have signed in yet
        user: UserId,
    },

    /// Ends a block. Exits with 1 if there was none
    Unblock {
        /// Numeric id of the GitHub account
        user: UserId,
    },

    /// Ends all sessions of a user, who can sign in again
    SignOut {
        /// Numeric id of the GitHub account
        user: UserId,
    },

    /// Deletes the account of a user, as the user can. A block stays. Exits with 1, and changes
    /// nothing, if the user is the only owner of applications
    Delete {
        /// Numeric id of the GitHub account
        user: UserId,
        /// Also delete the applications that have no other owner
        #[arg(long, value_enum)]
        applications: Option<SoleOwnedOption>,
    },

    /// Revokes the API keys in a text, which is read from the standard input so that no key is in a command
    /// line: one key, a file, or all alerts of a scanner. Prints a line for each key, with its id
    RevokeLeaked,
}

/// What happens to applications of which the deleted user is the only owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SoleOwnedOption {
    /// They are deleted.
    Delete,
}

/// Why a command could not be completed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The tables cannot be read or written.
    #[error("{}", WithCauses(.0))]
    Storage(#[from] StorageError),
    /// The output cannot be written, or the input not read.
    #[error("cannot read the input or write the output: {0}")]
    Output(#[from] io::Error),
}

/// Exit code of a command that could not be completed.
pub const NOT_COMPLETED: u8 = 2;

/// Runs a command, and returns its exit code.
///
/// # Errors
/// When storage fails, the output cannot be written, or the input cannot be read.
pub async fn run(
    command: &Command,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    match command {
        Command::Check => check::run(database, clock, out).await,
        Command::Restore { dry_run } => restore::run(*dry_run, database, clock, out).await,
        Command::Users { text } => users::list(text.as_deref(), database, out).await,
        Command::Usage { user } => users::usage(*user, database, clock, out).await,
        Command::Block { user } => accounts::block(*user, database, clock, out).await,
        Command::Unblock { user } => accounts::unblock(*user, database, clock, out).await,
        Command::SignOut { user } => accounts::sign_out(*user, database, clock, out).await,
        Command::Delete { user, applications } => {
            let sole_owned = match applications {
                Some(SoleOwnedOption::Delete) => SoleOwned::Delete,
                None => SoleOwned::Keep,
            };
            accounts::delete(*user, sole_owned, database, clock, out).await
        }
        Command::RevokeLeaked => revoke_leaked(&leaked::read()?, database, clock, out).await,
    }
}

/// Prints that nothing is stored about a user.
fn unknown(user_id: UserId, out: &mut (dyn Write + Send)) -> Result<ExitCode, Failure> {
    writeln!(out, "there is no user {user_id}")?;
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// The command line after `upblit`.
    #[derive(Debug, Parser)]
    #[command(no_binary_name = true)]
    struct Line {
        #[command(subcommand)]
        command: Top,
    }

    #[derive(Debug, Subcommand)]
    enum Top {
        Admin(Options),
    }

    fn parse(line: &str) -> Result<Options, clap::Error> {
        let words = line.split_whitespace().map(|word| word.trim_matches('"'));
        let Top::Admin(options) = Line::try_parse_from(words)?.command;
        Ok(options)
    }

    #[test]
    fn every_command_in_the_operations_manual_can_be_parsed() {
        let manual = include_str!("../../docs/operations.md");
        let mut commands = 0;
        for line in manual.lines() {
            if let Some((_, line)) = line.split_once("cargo run --release -- admin ") {
                parse(&format!("admin {line}")).unwrap();
                commands += 1;
            }
        }
        assert!(commands > 0);
    }

    #[test]
    fn a_command_takes_one_target_before_or_after_its_name() {
        for (line, stack) in [
            ("admin check", None),
            ("admin check --stack upblit", Some("upblit")),
            ("admin --stack upblit check", Some("upblit")),
        ] {
            let target = parse(line).unwrap().target;
            assert_eq!(target.stack.as_deref(), stack, "{line}");
            assert_eq!(target.data_dir, PathBuf::from(".upblit"));
        }
        for line in [
            "admin",
            "admin chekc",
            "admin check --stack a --environment",
            "admin check --stack a --data-dir b",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
