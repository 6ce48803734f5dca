//! What a local run has instead of GitHub, and the description of the API. A
//! library, so that the tests of the product use them too.

pub mod github;
pub mod openapi;
