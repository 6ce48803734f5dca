//! The functions of the product, their routes and description, the files generated from
//! them, and the GitHub stand-in. A library, so that the flow tests use them too.

pub mod functions;
pub mod generated;
pub mod github;
pub mod openapi;
pub mod routes;
