//! Formats an error together with its causes, for log lines.

use std::error::Error;
use std::fmt;

/// Displays an error and its [`source`](Error::source) chain, separated by `: `.
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
    fn causes_are_displayed_from_the_outermost_to_the_innermost() {
        let error = StorageError::Throttled("no capacity left".into());
        let shown = WithCauses(&error).to_string();
        assert_eq!(shown, "storage is throttled: no capacity left");
    }
}
