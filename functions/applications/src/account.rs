//! `DELETE /me`: deletes the account of the signed-in user.
//!
//! Each request does a part of the work and can be sent again, even after a failure: what is
//! deleted stays deleted, and the profile is deleted last.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use shared::base::clock;
use shared::identity::access_token::{InvalidAccessToken, Principal};
use shared::identity::session::{SIGN_IN_AGAIN_AFTER, Session};
use shared::store::account_deletion::{
    self, AccountDeletion, AccountState, DeletionStart, Progress, Step,
};
use shared::store::applications::Membership;
use shared::web::credentials::SignedIn;
use shared::web::error::{Error, OwnedApplication};
use shared::web::query::Query;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Time from the start of the request after which no step is begun. A step takes a few calls of at
/// most 1.8 s each, and the function's time limit is 10 s.
const TIME_FOR_STEPS: Duration = Duration::from_secs(5);

/// Query of `DELETE /me`. Refuses unknown parameters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeleteAccount {
    /// `delete` deletes the applications that have no other owner.
    #[param(inline)]
    applications: Option<SoleOwned>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum SoleOwned {
    Delete,
}

/// Deletes the account, or continues its deletion. A deletion in one request takes at least six
/// reads and three writes, and for each application a read and a transaction.
#[utoipa::path(
    delete, path = "/me", operation_id = "deleteAccount",
    summary = "Delete the account",
    description = "Deletes the user's profile, sessions, memberships and audit log. The session must have begun at most ten minutes ago. Applications that have no other owner are listed in a 409, unless `applications=delete` deletes them, too. All sessions end at once. If time runs out, returns 503: send the same request again to continue.",
    params(DeleteAccount),
    responses((status = 204, description = "The account is deleted."), (status = 400), (status = 401), (status = 403), (status = 409)),
    security(("bearer" = [])),
)]
pub(crate) async fn delete(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(query): Query<DeleteAccount>,
) -> Result<StatusCode, Error> {
    let database = &state.database;
    let end = clock::after(state.clock.now(), TIME_FOR_STEPS);
    let deletion = match database.account_state(principal).await? {
        AccountState::Deleting(deletion) => deletion,
        AccountState::Exists => begin(&state, principal, query.applications).await?,
        AccountState::Gone => {
            let log = database.delete_log(principal.user_id, (&state.clock, end));
            return match log.await? {
                Step::Complete => Ok(StatusCode::NO_CONTENT),
                Step::More => Err(unfinished()),
            };
        }
    };
    let sole_owned = match query.applications {
        Some(SoleOwned::Delete) => account_deletion::SoleOwned::Delete,
        None => account_deletion::SoleOwned::Keep,
    };
    let until = (&state.clock, end);
    match database
        .continue_deletion(&deletion, sole_owned, until)
        .await?
    {
        Progress::Complete => Ok(StatusCode::NO_CONTENT),
        Progress::SoleOwner(kept) => Err(sole_owner(kept)),
        Progress::OutOfTime => Err(unfinished()),
        // The user has signed in again, and keeps the account.
        Progress::SignedIn => Err(InvalidAccessToken.into()),
    }
}

/// Begins the deletion, which ends all sessions of the user. Returns an error if the caller has to
/// sign in again first, or to decide about applications.
async fn begin(
    state: &crate::State,
    principal: Principal,
    sole_owned: Option<SoleOwned>,
) -> Result<AccountDeletion, Error> {
    let database = &state.database;
    let now = state.clock.now();
    let oldest = clock::before(now, SIGN_IN_AGAIN_AFTER);
    let sessions = database.live_sessions(principal.user_id, now).await?;
    let may_delete =
        |session: &Session| session.id == principal.session_id && session.created_at > oldest;
    // Sole ownership is not a condition of the transaction, so it is checked first. Sessions that
    // may not delete the account are left to the transaction, which refuses them.
    if sole_owned.is_none() && sessions.iter().any(may_delete) {
        let owned = database.solely_owned(principal.user_id).await?;
        if !owned.is_empty() {
            return Err(sole_owner(owned));
        }
    }
    let begun = database.begin_deletion(principal, &sessions, (oldest, now));
    match begun.await? {
        DeletionStart::Begun => {}
        DeletionStart::SignInAgain => return Err(Error::SignInAgain),
    }
    match database.account_state(principal).await? {
        AccountState::Deleting(deletion) => Ok(deletion),
        AccountState::Exists | AccountState::Gone => Err(InvalidAccessToken.into()),
    }
}

fn sole_owner(owned: Vec<Membership>) -> Error {
    let applications = owned.into_iter().map(|membership| OwnedApplication {
        id: membership.application.id,
        name: membership.application.name.into(),
    });
    Error::SoleOwner(applications.collect())
}

fn unfinished() -> Error {
    let what = "the account is not deleted completely; send the request again";
    Error::Unfinished(what.to_owned())
}
