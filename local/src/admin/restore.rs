//! `upblit admin restore`.

use std::io::Write;
use std::process::ExitCode;

use shared::base::clock::Clock;
use shared::store::Database;
use shared::store::admin::restore::{Change, Mode};

use super::Failure;

/// Prints a line for each change, and one with their number.
pub(super) async fn run(
    dry_run: bool,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let mode = if dry_run { Mode::DryRun } else { Mode::Apply };
    let mut changes = 0;
    let mut written = Ok(());
    let mut print = |change: Change| {
        changes += 1;
        let line = writeln!(out, "{change}");
        written = std::mem::replace(&mut written, Ok(())).and(line);
    };
    database.restore(mode, clock.now(), &mut print).await?;
    written?;
    let made = if dry_run { "to make" } else { "made" };
    writeln!(out, "{changes} changes {made}")?;
    Ok(ExitCode::SUCCESS)
}
