//! An error with its causes, for the log.

use std::error::Error;
use std::fmt;

/// Shows an error and each [`source`](Error::source) behind it, with `: ` between.
pub struct WithCauses<'a>(pub &'a dyn Error);

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StorageError;

    #[test]
    fn every_cause_is_shown_in_order() {
        let error = StorageError::Throttled("no capacity left".into());
        let shown = WithCauses(&error).to_string();
        assert_eq!(shown, "storage is throttled: no capacity left");
    }
}
