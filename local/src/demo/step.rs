//! What a page of the shop is made of.

use super::telemetry::Service;

/// An operation, and those within it.
pub(super) struct Step {
    pub(super) service: Service,
    pub(super) role: Role,
    /// `METHOD /path` for requests; ids are written `{id}`.
    pub(super) name: &'static str,
    /// Median of its own time, without the steps within.
    pub(super) median_ms: f64,
    /// Sigma of the log-normal distribution of that time.
    pub(super) spread: f64,
    /// How often it is done at all.
    pub(super) chance: f64,
    pub(super) fault: Option<Fault>,
    /// What it writes to the log when it went well.
    pub(super) says: Option<&'static str>,
    pub(super) within: &'static [Self],
}

/// What sort of operation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Answers a browser.
    Page,
    /// Answers another service.
    Serve,
    /// Asks another service, which is the step within, or someone else.
    Call,
    /// Asks a database.
    Query,
    /// Asks a cache.
    Cache,
    /// Computes.
    Work,
    /// Hands a message to a queue.
    Publish,
    /// Takes it from there, later.
    Consume,
}

/// How a step fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    /// On any day.
    pub(super) chance: f64,
    /// Far more often during this.
    pub(super) during: Incident,
    /// What is told then.
    pub(super) message: &'static str,
}

/// A bad time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incident {
    BankDown,
    CacheDown,
    DatabaseOverloaded,
    BadDeploy,
}

impl Incident {
    pub(super) const ALL: [Self; 4] = [
        Self::BankDown,
        Self::CacheDown,
        Self::DatabaseOverloaded,
        Self::BadDeploy,
    ];

    /// The share of requests that fail meanwhile, and how much slower all are.
    pub(super) fn severity(self) -> (f64, f64) {
        match self {
            Self::BankDown => (0.7, 8.0),
            Self::CacheDown => (0.25, 40.0),
            Self::DatabaseOverloaded => (0.3, 9.0),
            Self::BadDeploy => (0.5, 1.0),
        }
    }
}

/// Answers a browser.
pub(super) const fn page(name: &'static str, median_ms: f64, within: &'static [Step]) -> Step {
    step(Service::Web, Role::Page, name, median_ms, within)
}

/// Answers another service.
pub(super) const fn serve(
    service: Service,
    name: &'static str,
    median_ms: f64,
    within: &'static [Step],
) -> Step {
    step(service, Role::Serve, name, median_ms, within)
}

/// Asks another service of the shop.
pub(super) const fn call(service: Service, name: &'static str, within: &'static [Step]) -> Step {
    step(service, Role::Call, name, 1.5, within)
}

/// Asks someone who tells us nothing.
pub(super) const fn request(service: Service, name: &'static str, median_ms: f64) -> Step {
    step(service, Role::Call, name, median_ms, &[])
}

/// Asks a database, which may be overloaded.
pub(super) const fn query(service: Service, name: &'static str, median_ms: f64) -> Step {
    let fault = Fault {
        chance: 0.0004,
        during: Incident::DatabaseOverloaded,
        message: "canceling statement due to statement timeout",
    };
    fails(fault, step(service, Role::Query, name, median_ms, &[]))
}

/// Asks a cache, which may be away.
pub(super) const fn cache(service: Service, name: &'static str) -> Step {
    let fault = Fault {
        chance: 0.0002,
        during: Incident::CacheDown,
        message: "connection refused (redis:6379)",
    };
    fails(fault, step(service, Role::Cache, name, 0.5, &[]))
}

/// Computes.
pub(super) const fn work(service: Service, name: &'static str, median_ms: f64) -> Step {
    step(service, Role::Work, name, median_ms, &[])
}

/// Hands a message over, to be taken by the step within.
pub(super) const fn publish(service: Service, name: &'static str, within: &'static [Step]) -> Step {
    step(service, Role::Publish, name, 2.0, within)
}

/// Takes a message.
pub(super) const fn consume(
    service: Service,
    name: &'static str,
    median_ms: f64,
    within: &'static [Step],
) -> Step {
    step(service, Role::Consume, name, median_ms, within)
}

const fn step(
    service: Service,
    role: Role,
    name: &'static str,
    median_ms: f64,
    within: &'static [Step],
) -> Step {
    Step {
        service,
        role,
        name,
        median_ms,
        spread: 0.35,
        chance: 1.0,
        fault: None,
        says: None,
        within,
    }
}

/// Is done only in this share of the cases.
pub(super) const fn often(chance: f64, step: Step) -> Step {
    Step { chance, ..step }
}

/// Takes less evenly long.
pub(super) const fn spread(spread: f64, step: Step) -> Step {
    Step { spread, ..step }
}

/// Fails at times.
pub(super) const fn fails(fault: Fault, step: Step) -> Step {
    Step {
        fault: Some(fault),
        ..step
    }
}

/// Writes a line when it went well.
pub(super) const fn says(message: &'static str, step: Step) -> Step {
    Step {
        says: Some(message),
        ..step
    }
}
