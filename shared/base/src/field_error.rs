//! Validation errors of single fields of a request.

use serde::Serialize;
use utoipa::ToSchema;

/// Describes why one field of a request was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Location of the field in the body or query, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Reason, written to be shown to the user.
    pub reason: String,
}
