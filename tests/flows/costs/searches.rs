//! The cost of searching half an hour for something that does or does not occur: reads of the summaries,
//! and of the chunks whose filters do not exclude it.

use super::prices::READ_UNIT;
use super::{assert_documented, half_an_hour, start, traffic_of};

/// A search, and the most read units that it may cost.
struct Search {
    name: &'static str,
    path: &'static str,
    query: &'static str,
    /// Whether the spans have attributes.
    has_attributes: bool,
    most: f64,
}

const SEARCHES: [Search; 6] = [
    Search {
        name: "Logs with a word that does not occur",
        path: "logs",
        query: "&q=nowhere",
        has_attributes: false,
        most: 45.0,
    },
    Search {
        name: "Logs with an attribute that does not occur",
        path: "logs",
        query: "&attr=customer.id:nobody",
        has_attributes: false,
        most: 45.0,
    },
    Search {
        name: "Traces with an attribute that does not occur",
        path: "traces",
        query: "&attr=customer.id:nobody",
        has_attributes: false,
        most: 60.0,
    },
    Search {
        name: "The same, if spans have 20 attributes",
        path: "traces",
        query: "&attr=customer.id:nobody",
        has_attributes: true,
        most: 60.0,
    },
    Search {
        name: "Traces of a customer, with 20 attributes",
        path: "traces",
        query: "&attr=enduser.id:customer-4242",
        has_attributes: true,
        most: 90.0,
    },
    Search {
        name: "50 traces of a service, with 20 attributes",
        path: "traces",
        query: "&service=payment",
        has_attributes: true,
        most: 90.0,
    },
];

#[tokio::test]
async fn searches_open_few_chunks_and_the_docs_state_what_they_cost() {
    let mut table = String::from("| Search | Read units | $ for 1,000 |\n|---|--:|--:|\n");
    for has_attributes in [false, true] {
        let (meter, ada, sdk) = start().await;
        let spans = traffic_of(100);
        let spans = if has_attributes {
            spans.with_attributes()
        } else {
            spans
        };
        half_an_hour(&sdk, spans).await;
        let ada = ada.backend.sign_in("ada").await;
        let searches = SEARCHES.iter();
        for search in searches.filter(|search| search.has_attributes == has_attributes) {
            let Search {
                name, path, query, ..
            } = search;
            let id = &sdk.application_id;
            meter.take();
            let address = format!("/telemetry/{path}?applicationId={id}{query}");
            let found = ada.get(&address).await.json();
            assert!(found[*path].is_array(), "{found}");
            let units = meter.take().read;
            assert!(units <= search.most, "{name}: {units}");
            let dollars = units * READ_UNIT * 1_000.0;
            table += &format!("| {name} | {units} | {dollars:.4} |\n");
        }
    }
    assert_documented(&[("searches", table)]);
}
