//! `DELETE /me`: deletes the account of the signed-in user.
//!
//! Each request does a part of the work and can be sent again, also after a failure in between: what
//! is deleted stays deleted, and the profile is deleted last.

use axum::extract::State;
use futures_util::{StreamExt, TryStreamExt, stream};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::identity::access_token::{InvalidAccessToken, Principal};
use shared::identity::session::{SIGN_IN_AGAIN_AFTER, Session};
use shared::identity::team::{Role, has_owner_after};
use shared::store::account_deletion::{AccountDeletion, AccountState, DeletionStart, Step};
use shared::store::applications::Membership;
use shared::store::applications_with_keys::DeleteOutcome;
use shared::store::team::MemberOutcome;
use shared::web::credentials::SignedIn;
use shared::web::error::{Error, OwnedApplication};
use shared::web::query::Query;
use std::time::Duration;
use utoipa::{IntoParams, ToSchema};

/// Time from the start of the request in which a step begins. A step takes at most a few calls of 1.8 s,
/// and the function's time limit is 10 s.
const TIME_FOR_STEPS: Duration = Duration::from_secs(5);

/// Number of applications whose members are read concurrently.
const CONCURRENCY: usize = 16;

/// Maximum number of attempts of a change that conflicts with others.
const MAX_ATTEMPTS: usize = 5;

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

/// Deletes the account. At least six reads and three writes; for each application a read and a transaction.
#[utoipa::path(
    delete, path = "/me", operation_id = "deleteAccount",
    summary = "Delete the account",
    description = "Deletes the user's profile, sessions, memberships and audit log. The session must have begun at most ten minutes ago. Applications that have no other owner are listed in a 409, unless `applications=delete` deletes them, too. All sessions end at once. If time runs out, returns 503: the same request goes on.",
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
            delete_log(&state, principal, end).await?;
            return Ok(StatusCode::NO_CONTENT);
        }
    };
    while database.delete_sessions(&deletion).await? == Step::More {
        in_time(&state, end)?;
    }
    leave_all(&state, (principal, &deletion), query.applications, end).await?;
    delete_log(&state, principal, end).await?;
    if !database.delete_profile(&deletion).await? {
        // The user signed in again meanwhile, and keeps the account.
        return Err(InvalidAccessToken.into());
    }
    // Notices about sessions that were written meanwhile.
    delete_log(&state, principal, end).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all sessions of the user, unless the caller has to sign in again, or to decide about
/// applications first.
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
    // The transaction refuses other sessions: these come before what it cannot know.
    if sole_owned.is_none() && sessions.iter().any(may_delete) {
        refuse_sole_owner(state, principal).await?;
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

/// Fails with the applications of which the user is the only owner, if there are any.
async fn refuse_sole_owner(state: &crate::State, principal: Principal) -> Result<(), Error> {
    let memberships = state.database.applications_of(principal.user_id).await?;
    let owned: Vec<Option<Membership>> = stream::iter(memberships)
        .map(|membership| async {
            let is_sole = is_sole_owner(state, principal, &membership).await?;
            Ok::<_, Error>(is_sole.then_some(membership))
        })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    refuse(owned.into_iter().flatten().collect())
}

fn refuse(sole_owned: Vec<Membership>) -> Result<(), Error> {
    if sole_owned.is_empty() {
        return Ok(());
    }
    let applications = sole_owned.into_iter().map(|membership| OwnedApplication {
        id: membership.application.id,
        name: membership.application.name.into(),
    });
    Err(Error::SoleOwner(applications.collect()))
}

async fn is_sole_owner(
    state: &crate::State,
    principal: Principal,
    membership: &Membership,
) -> Result<bool, Error> {
    if membership.role != Role::Owner {
        return Ok(false);
    }
    let members = state.database.members(membership.application.id).await?;
    Ok(!has_owner_after(&members, principal.user_id, None))
}

/// Ends every membership, and deletes applications without another owner if the caller wants so.
async fn leave_all(
    state: &crate::State,
    user: (Principal, &AccountDeletion),
    sole_owned: Option<SoleOwned>,
    end: Timestamp,
) -> Result<(), Error> {
    let (principal, _) = user;
    let mut kept = Vec::new();
    for membership in state.database.applications_of(principal.user_id).await? {
        in_time(state, end)?;
        kept.extend(leave(state, user, membership, sole_owned).await?);
    }
    // Another owner left after the deletion began.
    refuse(kept)
}

/// Ends one membership. Returns it if the application would have no owner.
async fn leave(
    state: &crate::State,
    (principal, deletion): (Principal, &AccountDeletion),
    membership: Membership,
    sole_owned: Option<SoleOwned>,
) -> Result<Option<Membership>, Error> {
    let database = &state.database;
    let id: ApplicationId = membership.application.id;
    let mut current = Some(membership);
    for _ in 0..MAX_ATTEMPTS {
        let Some(membership) = current else {
            return Ok(None);
        };
        let now = state.clock.now();
        let is_done = if is_sole_owner(state, principal, &membership).await? {
            if sole_owned.is_none() {
                return Ok(Some(membership));
            }
            let deleted = database.delete_owned(deletion, &membership, now);
            deleted.await? == DeleteOutcome::Deleted
        } else {
            let left = database.leave(deletion, &membership, now);
            left.await? == MemberOutcome::Changed
        };
        if is_done {
            return Ok(None);
        }
        current = database.application_of(principal.user_id, id).await?;
    }
    Err(Error::Unavailable("the application keeps changing".into()))
}

async fn delete_log(
    state: &crate::State,
    principal: Principal,
    end: Timestamp,
) -> Result<(), Error> {
    let database = &state.database;
    while database.delete_account_log(principal.user_id).await? == Step::More {
        in_time(state, end)?;
    }
    Ok(())
}

/// Fails once the time for steps is over.
fn in_time(state: &crate::State, end: Timestamp) -> Result<(), Error> {
    if state.clock.now() < end {
        return Ok(());
    }
    Err(Error::Unfinished(
        "the account is not deleted completely; send the request again".to_owned(),
    ))
}
