//! The GitHub stand-in and the OpenAPI description. They are a library so that the
//! tests can use them too.

pub mod github;
pub mod openapi;
