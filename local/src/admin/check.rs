//! `upblit admin check`.

use std::io::{self, Write};
use std::process::ExitCode;

use shared::base::clock::Clock;
use shared::store::Database;
use shared::store::admin::{Checked, Finding};

use super::Failure;

/// Prints a line for each finding as it is found, then one with the totals.
pub(super) async fn run(
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let mut written = Ok(());
    let mut print = |finding: Finding| {
        let line = writeln!(out, "{finding}");
        written = std::mem::replace(&mut written, Ok(())).and(line);
    };
    let checked = database.check(clock.now(), &mut print).await?;
    written?;
    summary(out, checked)?;
    Ok(if checked.broken > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn summary(out: &mut (dyn Write + Send), checked: Checked) -> io::Result<()> {
    let Checked {
        items,
        broken,
        leftovers,
    } = checked;
    writeln!(
        out,
        "{items} items checked: {broken} broken, {leftovers} left over"
    )
}
