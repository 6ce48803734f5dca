//! Invalid filters of telemetry queries.

use super::{address, assert_names, start};

#[tokio::test]
async fn filters_are_bounded_in_number_and_length() {
    let (ada, sdk) = start().await;
    let attribute = "must be a key, a colon and a value, of at most 1000 characters; `\\` before a \
                     colon or `\\` of the key";
    let long = "%C3%A9".repeat(1001);
    for path in ["/telemetry/logs", "/telemetry/traces"] {
        for (query, pointer, reason) in [
            ("attr=", "attr/0", attribute),
            ("attr=vermilion", "attr/0", attribute),
            ("attr=a:b&attr=:vermilion", "attr/1", attribute),
            (&format!("attr=a:{long}"), "attr/0", attribute),
            (
                &["attr=a:b"; 9].join("&"),
                "attr",
                "must be given at most 8 times",
            ),
            (
                &format!("service={long}"),
                "service",
                "must have at most 1000 characters",
            ),
        ] {
            let response = ada.get(&address(&sdk, path, query)).await;
            let problem = assert_names(&ada, response, pointer, "vermilion");
            assert_eq!(problem["errors"][0]["reason"], reason, "{path} {query}");
        }
        let most = ["attr=a:b"; 8].join("&");
        let response = ada.get(&address(&sdk, path, &most)).await;
        assert_eq!(response.status, 200, "{path}");
        ada.backend.calls.take();
    }
    for (path, query, pointer, reason) in [
        (
            "logs",
            &*format!("q={long}"),
            "q",
            "must have at most 1000 characters",
        ),
        (
            "logs",
            "minLevel=warning",
            "minLevel",
            "must be trace, debug, info, warn, error or fatal",
        ),
        (
            "traces",
            "kind=vermilion",
            "kind",
            "must be internal, server, client, producer or consumer",
        ),
        (
            "traces",
            "maxDurationMs=-1",
            "maxDurationMs",
            "must be 0 or more",
        ),
        (
            "traces",
            &*format!("name={long}"),
            "name",
            "must have at most 1000 characters",
        ),
    ] {
        let response = ada
            .get(&address(&sdk, &format!("/telemetry/{path}"), query))
            .await;
        let problem = assert_names(&ada, response, pointer, "vermilion");
        assert_eq!(problem["errors"][0]["reason"], reason, "{path} {query}");
    }
}
