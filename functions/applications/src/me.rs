//! `GET /me`: the signed-in user.

use axum::extract::State;
use shared::identity::access_token::InvalidAccessToken;
use shared::identity::user::Profile;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;

use serde::Serialize;
use shared::base::ids::UserId;
use utoipa::ToSchema;

/// The answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct Me {
    id: UserId,
    login: String,
    name: String,
    avatar: String,
    email: String,
}

/// A user who is gone is not signed in any more.
#[utoipa::path(
    get, path = "/me", operation_id = "getMe",
    summary = "Get the signed-in user",
    description = "",
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
