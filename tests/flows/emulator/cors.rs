//! CORS as `template.yaml` configures the HTTP API for a dashboard at an address of its own.

use std::str::FromStr;
use std::time::Duration;

use http::HeaderValue;
use serde_yaml_ng::Value;
use tower_http::cors::CorsLayer;
use url::Url;

use crate::template::{list, template, text};

/// The answers to preflight requests, and the headers of all other responses.
pub fn cors(frontend: &Url) -> CorsLayer {
    let template = template();
    let api = &template["Resources"]["HttpApi"]["Properties"]["DefinitionBody"];
    let [_, cors, _] = list(&api["x-amazon-apigateway-cors"]) else {
        panic!("no choice by FrontendUrl");
    };
    let origin = frontend.origin().ascii_serialization();
    CorsLayer::new()
        .allow_origin([HeaderValue::try_from(origin).unwrap()])
        .allow_methods(parsed(&cors["allowMethods"]))
        .allow_headers(parsed(&cors["allowHeaders"]))
        .expose_headers(parsed(&cors["exposeHeaders"]))
        .max_age(Duration::from_secs(cors["maxAge"].as_u64().unwrap()))
}

fn parsed<T: FromStr<Err: std::fmt::Debug>>(names: &Value) -> Vec<T> {
    let names = list(names).iter().map(text);
    names.map(|name| name.parse().unwrap()).collect()
}
