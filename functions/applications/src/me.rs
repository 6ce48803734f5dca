//! `GET /me`: the signed-in user.

use axum::extract::State;
use shared::identity::access_token::InvalidAccessToken;
use shared::identity::user::Profile;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;

use serde::Serialize;
use shared::base::ids::UserId;
use utoipa::ToSchema;

/// Response of `GET /me`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    id: UserId,
    /// Account name at GitHub. It can change.
    login: String,
    /// Display name at GitHub, or the account name.
    name: String,
    /// URL of the picture at GitHub. May be empty.
    avatar: String,
    /// Primary, verified e-mail address.
    email: String,
}

/// Returns the user's profile. One read. Returns 401 if the user no longer exists.
#[utoipa::path(
    get, path = "/me", operation_id = "getMe",
    summary = "Get the signed-in user",
    description = "Returns the user's profile from GitHub, as of the last sign-in.",
    responses((status = 200, body = Me), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn me(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
) -> Result<axum::Json<Me>, Error> {
    let profile = state
        .database
        .user(principal.user_id)
        .await?
        .ok_or(InvalidAccessToken)?;
    let Profile {
        user_id,
        login,
        name,
        avatar,
        email,
    } = profile;
    Ok(axum::Json(Me {
        id: user_id,
        login,
        name,
        avatar,
        email,
    }))
}
