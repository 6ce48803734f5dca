//! Has no code: its dependencies ask for the features that they have in
//! `cargo test --workspace`, so that `cargo test -p` of a crate that depends on this one
//! does not build them again (docs/decisions/0033).
