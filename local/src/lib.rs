//! What a local run has instead of GitHub. A library, so that the tests of the
//! product sign in with it too.

pub mod github;
