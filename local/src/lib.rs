//! The functions of the product, their routes and description, the files generated from them, the GitHub
//! stand-in, and operators' commands. A library, so that the flow tests use them too.

pub mod admin;
pub mod check;
pub mod functions;
pub mod generated;
pub mod github;
pub mod openapi;
pub mod routes;
