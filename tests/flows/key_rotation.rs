//! Rotation of the signing key with live tokens and instances of two deployments: the procedure
//! of SECURITY.md, step by step.

use http::Method;

use crate::support::backend::JWT_SECRET;
use crate::support::{Backend, SignedIn};

const NEW_SECRET: &str = "another signing secret, for the tests, of 32 bytes and more";

/// Step 1: the new secret verifies, the old one signs.
const VERIFY_NEW: [(&str, &str); 2] = [
    ("JWT_SECRET", JWT_SECRET),
    ("JWT_SECRET_PREVIOUS", NEW_SECRET),
];

/// Step 2: the new secret signs, the old one verifies.
const SIGN_NEW: [(&str, &str); 2] = [
    ("JWT_SECRET", NEW_SECRET),
    ("JWT_SECRET_PREVIOUS", JWT_SECRET),
];

/// Uses the access token and the refresh token on this deployment.
async fn use_tokens(user: &mut SignedIn, on: &Backend) {
    user.backend = on.clone();
    assert_eq!(user.get("/me").await.status, 200);
    assert_eq!(user.rotate().await.status, 200);
    assert_eq!(user.get("/me").await.status, 200);
}

#[tokio::test]
async fn no_request_fails_while_the_signing_key_is_rotated_or_rolled_back() {
    let before = Backend::start().await;
    let step_1 = before.redeployed(&VERIFY_NEW);
    let step_2 = before.redeployed(&SIGN_NEW);
    let mut ada = before.sign_in("ada").await;
    // Instances of two consecutive deployments answer in turn. Then one is rolled back.
    for deployments in [[&before, &step_1], [&step_1, &step_2], [&step_2, &step_1]] {
        for _ in 0..3 {
            for deployment in deployments {
                use_tokens(&mut ada, deployment).await;
            }
        }
    }
    let application_id = ada.create_application("Shop").await;
    use_tokens(&mut ada, &step_2).await;
    assert!(ada.mint(&application_id).await.starts_with("upblit_live_"));
}

#[tokio::test]
async fn a_sign_in_started_before_a_rotation_step_ends_after_it() {
    let step_1 = Backend::with(&VERIFY_NEW).await;
    let step_2 = step_1.redeployed(&SIGN_NEW);
    for (starts, ends) in [(&step_1, &step_2), (&step_2, &step_1)] {
        let mut browser = starts.browser();
        let github = browser.start().await;
        let callback = browser.approve(&github, "ada").await;
        browser.backend = ends.clone();
        assert!(
            browser
                .get(&callback)
                .await
                .location()
                .path()
                .ends_with("/oauth-success")
        );
    }
}

#[tokio::test]
async fn tokens_of_a_removed_secret_are_refused() {
    let before = Backend::start().await;
    let ada = before.sign_in("ada").await;
    let mut after = SignedIn {
        backend: before.redeployed(&[("JWT_SECRET", NEW_SECRET)]),
        token: ada.token.clone(),
        refresh_token: ada.refresh_token.clone(),
    };
    after.get("/me").await.problem(401, "invalid-access-token");
    after
        .send(Method::POST, "/apikey?ApplicationId=x", None)
        .await
        .problem(401, "invalid-access-token");
    after.refresh().await.problem(401, "invalid-refresh-token");
}
