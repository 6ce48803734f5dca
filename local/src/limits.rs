//! Limits on connections, derived from how many file descriptors the process may open.

/// Number of file descriptors assumed if the system does not report it.
const DEFAULT_DESCRIPTORS: u64 = 256;

/// File descriptors kept for files, listeners and the terminal.
const RESERVED: u64 = 24;

/// Maximum number of connections of each listener. A request holds up to three file descriptors: its
/// connection, and both ends of the connection to the engine in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Maximum number of connections to the main port.
    pub(crate) site: usize,
    /// Maximum number of connections to the engine's port.
    pub(crate) engine: usize,
}

impl Limits {
    /// Raises the process's limit on file descriptors as far as possible, and divides it between the
    /// listeners.
    pub(crate) fn raise() -> Self {
        let raised = rlimit::increase_nofile_limit(u64::MAX);
        Self::of(raised.unwrap_or(DEFAULT_DESCRIPTORS))
    }

    fn of(descriptors: u64) -> Self {
        let connections = descriptors.saturating_sub(RESERVED) / 3;
        let share = |part: u64| usize::try_from(part.clamp(4, 1024)).unwrap_or(4);
        Self {
            site: share(connections * 2 / 3),
            engine: share(connections / 3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_into_the_descriptors_with_those_to_the_engine() {
        for descriptors in [64, 256, 1_024, 65_536] {
            let limits = Limits::of(descriptors);
            let needed = 3 * (limits.site + limits.engine) as u64 + RESERVED;
            assert!(needed <= descriptors, "{descriptors}: {limits:?}");
        }
        let few = Limits::of(0);
        assert!(few.site > 0 && few.engine > 0);
    }
}
