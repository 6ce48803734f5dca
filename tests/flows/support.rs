//! Fixtures of the flow tests: a backend, clients that call it, and ways to observe what it does.
//!
//! Start here:
//!
//! - [`Backend`] is the whole product in one process: the real routers over an in-memory
//!   DynamoDB engine of its own, and a GitHub stand-in. `Backend::start` suits most tests;
//!   `with` changes settings, `another_instance` shares tables but no cache, and `later`
//!   moves the clock, which stands still otherwise.
//! - [`callers`] are the clients. [`Browser`] signs in step by step; `backend.sign_in("ada")`
//!   does all of it and returns a [`SignedIn`], who creates applications and keys.
//!   `ada.sdk()` returns an [`Sdk`] that sends telemetry with a key.
//! - [`Response`] is what they get back. `json` expects a success, `problem` an error of a
//!   status and slug, `location` a redirect; each panics with the whole response otherwise.
//!
//! Access tokens expire after 15 minutes on this clock. Call `rotate()` then, or send events with older
//! times instead of moving the clock.
//!
//! Use one of these where a test is about more than the response:
//!
//! | The test is about | Use |
//! |---|---|
//! | which DynamoDB operations a request costs, and by which role | [`calls`], as `backend.calls` |
//! | the units that DynamoDB bills | [`metered`] instead of `Backend::start` |
//! | DynamoDB that throttles, hangs or loses responses | [`faulty_engine`] instead of `Backend::start` |
//! | DynamoDB Local in place of the embedded engine | nothing: [`engine`] chooses by the environment |
//! | what ingest stored, item by item | [`stored`] |
//! | log lines and the metrics in them | [`log`] |
//!
//! A complete test:
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_deleted_application_is_not_found() {
//!     let backend = Backend::start().await;
//!     let ada = backend.sign_in("ada").await;
//!     let path = format!("/applications/{}", ada.create_application("Shop").await);
//!     backend.calls.take(); // Only the deletion counts.
//!     assert_eq!(ada.delete(&path).await.status, 204);
//!     assert_eq!(backend.calls.take(), ["BatchGetItem", "Query", "Query", "TransactWriteItems"]);
//!     ada.get(&path).await.problem(404, "not-found");
//! }
//! ```

pub mod backend;
pub mod callers;
pub mod calls;
pub mod engine;
pub mod faulty_engine;
pub mod log;
pub mod metered;
pub mod response;
pub mod stored;
pub mod tls;
pub mod upstream;

pub use backend::Backend;
pub use callers::{Browser, Sdk, SignedIn};
pub use response::Response;
