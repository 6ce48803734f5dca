//! The role that each route needs, as `x-role` in the description of the API says.

use serde_json::Value;

use crate::events::{cases, filled, invoke, of_account};
use crate::openapi::{document, operations};
use crate::support::Backend;

/// Roles, each of which may do what those after it may.
const ROLES: [&str; 3] = ["owner", "member", "viewer"];

fn rank(role: &str) -> usize {
    let found = ROLES.iter().position(|one| *one == role);
    found.unwrap_or_else(|| panic!("what is {role}?"))
}

#[tokio::test]
async fn each_route_needs_the_role_that_its_description_names() {
    let backend = Backend::start().await;
    let document = document();
    let mut tried = 0;
    for (method, path, operation) in operations(&document) {
        let route = format!("{method} {path}");
        let mut cases = cases().into_iter();
        let case = cases.find(|case| case.event["routeKey"] == route && case.status < 400);
        let event = case.as_ref().map(|case| case.event.to_string());
        let of_application = event.is_some_and(|event| {
            event.contains("{{ACCESS_TOKEN}}")
                && ["{{APPLICATION_ID}}", "{{KEY_ID}}"]
                    .iter()
                    .any(|name| event.contains(name))
        });
        let needed = &operation["x-role"];
        if !of_application {
            assert!(needed.is_null(), "{route} is about no application");
            continue;
        }
        // Routes of telemetry only read.
        let needed = needed.as_str().unwrap_or("viewer");
        let may_be_refused = !operation["responses"]["403"].is_null();
        let takes_keys = !operation["security"][1].is_null();
        assert_eq!(may_be_refused, needed != "viewer" || takes_keys, "{route}");
        let case = case.unwrap();
        for role in ROLES {
            let owner = backend.sign_in(&format!("owner{tried}")).await;
            let user = backend.sign_in(&format!("user{tried}")).await;
            let values = of_account(&owner).await;
            let application = values.iter().find(|(name, _)| *name == "APPLICATION_ID");
            user.join(&owner.invite(&application.unwrap().1, role).await)
                .await;
            let mut event = filled(&case.event, &values);
            event["headers"]["authorization"] = Value::from(format!("Bearer {}", user.token));
            let response = invoke(&backend, &event).await;
            let expected = if rank(role) <= rank(needed) {
                case.status
            } else {
                403
            };
            assert_eq!(
                response.status,
                expected,
                "{role}: {route}: {}",
                response.text()
            );
            tried += 1;
        }
    }
    assert!(tried >= 45, "{tried}");
}
