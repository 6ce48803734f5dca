//! What is wrong with one field of a request.

use serde::Serialize;
use utoipa::ToSchema;

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where in the body or query: a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Why not, in words for the person who sent it.
    pub reason: String,
}
