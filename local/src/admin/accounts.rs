//! `upblit admin block`, `unblock`, `sign-out` and `delete`: changes to one user.

use std::io::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use shared::base::clock::Clock;
use shared::base::ids::UserId;
use shared::store::account_deletion::{AccountDeletion, Progress, SoleOwned};
use shared::store::admin::{BlockOutcome, UnblockOutcome};
use shared::store::applications::Membership;
use shared::store::{ChangeError, Database};

use super::{Failure, unknown};

/// Blocks a user, then ends the user's sessions. In this order, because then sessions from before the
/// block are ended, and none can begin after it.
pub(super) async fn block(
    user_id: UserId,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let blocked = match database.block_user(user_id, clock.now()).await? {
        BlockOutcome::Blocked => "is blocked",
        BlockOutcome::BlockedBefore => "was blocked before",
    };
    writeln!(out, "user {user_id} {blocked}")?;
    sign_out(user_id, database, clock, out).await
}

pub(super) async fn unblock(
    user_id: UserId,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let (state, code) = match database.unblock_user(user_id, clock.now()).await? {
        UnblockOutcome::Unblocked => ("is not blocked any more", ExitCode::SUCCESS),
        UnblockOutcome::NotBlocked => ("was not blocked", ExitCode::FAILURE),
    };
    writeln!(out, "user {user_id} {state}")?;
    Ok(code)
}

pub(super) async fn sign_out(
    user_id: UserId,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let ended = database.sign_out_user(user_id, clock.now()).await?;
    writeln!(out, "user {user_id}: {ended} sessions ended")?;
    Ok(ExitCode::SUCCESS)
}

/// Deletes a user's account. Refuses if the user is the only owner of applications that `sole_owned`
/// keeps. A block stays.
pub(super) async fn delete(
    user_id: UserId,
    sole_owned: SoleOwned,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    if sole_owned == SoleOwned::Keep {
        let owned = database.solely_owned(user_id).await?;
        if !owned.is_empty() {
            return sole_owner(user_id, &owned, out);
        }
    }
    let Some(deletion) = database.begin_deletion_by_operator(user_id).await? else {
        // Remove what a deletion that was interrupted at its last step left behind.
        database
            .delete_log(user_id, (clock, Timestamp::MAX))
            .await?;
        return unknown(user_id, out);
    };
    run_deletion(user_id, &deletion, sole_owned, database, clock, out).await
}

async fn run_deletion(
    user_id: UserId,
    deletion: &AccountDeletion,
    sole_owned: SoleOwned,
    database: &Database,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    let until = (clock, Timestamp::MAX);
    let progress = match database
        .continue_deletion(deletion, sole_owned, until)
        .await
    {
        Ok(progress) => progress,
        // The account has changed since the deletion began, so a step's condition failed.
        Err(ChangeError::SessionOver | ChangeError::NotAllowed) => Progress::SignedIn,
        Err(ChangeError::Storage(error)) => return Err(error.into()),
    };
    match progress {
        Progress::Complete => {
            writeln!(out, "user {user_id}: the account is deleted")?;
            Ok(ExitCode::SUCCESS)
        }
        Progress::SoleOwner(owned) => sole_owner(user_id, &owned, out),
        Progress::SignedIn => {
            writeln!(
                out,
                "user {user_id} has signed in meanwhile: block the user first"
            )?;
            Ok(ExitCode::FAILURE)
        }
        Progress::OutOfTime => {
            writeln!(
                out,
                "user {user_id}: the deletion is not complete, repeat it"
            )?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints the applications that would be left without an owner.
fn sole_owner(
    user_id: UserId,
    owned: &[Membership],
    out: &mut (dyn Write + Send),
) -> Result<ExitCode, Failure> {
    for Membership { application, .. } in owned {
        let name = String::from(application.name.clone());
        writeln!(out, "application {} {name:?}", application.id)?;
    }
    writeln!(
        out,
        "user {user_id} is the only owner of these applications: their members can make another \
         owner, or --applications=delete deletes them"
    )?;
    Ok(ExitCode::FAILURE)
}
