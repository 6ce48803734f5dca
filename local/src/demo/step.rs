//! Operations that the pages of the simulated shop consist of.

use super::telemetry::Service;

/// An operation, and the operations it causes.
pub(super) struct Step {
    pub(super) service: Service,
    pub(super) role: Role,
    /// Span name. `METHOD /path` for requests, with `{id}` in place of an id.
    pub(super) name: &'static str,
    /// Median duration, without the child steps.
    pub(super) median_ms: f64,
    /// Sigma of the log-normal distribution of the duration.
    pub(super) sigma: f64,
    /// Probability that the parent runs this step.
    pub(super) chance: f64,
    pub(super) fault: Option<Fault>,
    /// Message that is logged on success.
    pub(super) log_message: Option<&'static str>,
    pub(super) children: &'static [Self],
}

/// Kind of operation, which determines the span kind and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The web service handles a request from a browser.
    Page,
    /// A service handles a request from another service.
    Serve,
    /// A service sends a request to another one (the child step) or to a third party (no child).
    Call,
    /// A service sends a statement to a database.
    Query,
    /// A service sends a command to a cache.
    Cache,
    /// A service computes without input or output.
    Work,
    /// A service puts a message into a queue.
    Publish,
    /// A service takes a message from a queue, some time after it was published.
    Consume,
}

/// How a step fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fault {
    /// Probability of failure outside of incidents.
    pub(super) chance: f64,
    /// Incident that raises the probability and the duration.
    pub(super) during: Incident,
    /// Error message of a failure.
    pub(super) message: &'static str,
}

/// A period in which one part of the shop is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Incident {
    BankDown,
    CacheDown,
    DatabaseOverloaded,
    BadDeploy,
    /// The largest customer asks for all orders, which one query cannot read in time. Not one of
    /// [`Self::ALL`], because it affects nobody else.
    LargestCustomer,
}

impl Incident {
    pub(super) const ALL: [Self; 4] = [
        Self::BankDown,
        Self::CacheDown,
        Self::DatabaseOverloaded,
        Self::BadDeploy,
    ];

    /// Probability that an affected step fails during the incident.
    pub(super) fn failure_chance(self) -> f64 {
        match self {
            Self::BankDown => 0.7,
            Self::CacheDown => 0.25,
            Self::DatabaseOverloaded => 0.3,
            Self::BadDeploy => 0.5,
            Self::LargestCustomer => 0.97,
        }
    }

    /// Factor on the duration of an affected step during the incident.
    pub(super) fn slowdown(self) -> f64 {
        match self {
            Self::BankDown => 8.0,
            Self::CacheDown => 40.0,
            Self::DatabaseOverloaded => 9.0,
            Self::BadDeploy => 1.0,
            Self::LargestCustomer => 250.0,
        }
    }
}

/// A page of the web service.
pub(super) const fn page(name: &'static str, median_ms: f64, children: &'static [Step]) -> Step {
    step(Service::Web, Role::Page, name, median_ms, children)
}

/// A route that other services call.
pub(super) const fn serve(
    service: Service,
    name: &'static str,
    median_ms: f64,
    children: &'static [Step],
) -> Step {
    step(service, Role::Serve, name, median_ms, children)
}

/// A request to another service, whose step is the only child.
pub(super) const fn call(service: Service, name: &'static str, children: &'static [Step]) -> Step {
    step(service, Role::Call, name, 1.5, children)
}

/// A request to a third party, which sends no telemetry.
pub(super) const fn request(service: Service, name: &'static str, median_ms: f64) -> Step {
    step(service, Role::Call, name, median_ms, &[])
}

/// A database query. Fails more often while the database is overloaded.
pub(super) const fn query(service: Service, name: &'static str, median_ms: f64) -> Step {
    let fault = Fault {
        chance: 0.0004,
        during: Incident::DatabaseOverloaded,
        message: "canceling statement due to statement timeout",
    };
    with_fault(fault, step(service, Role::Query, name, median_ms, &[]))
}

/// A query whose duration depends on how much the customer has. Fails for the largest one, in bursts.
pub(super) const fn query_of_customer(
    service: Service,
    name: &'static str,
    median_ms: f64,
) -> Step {
    let fault = Fault {
        chance: 0.0004,
        during: Incident::LargestCustomer,
        message: "canceling statement due to statement timeout",
    };
    with_fault(fault, step(service, Role::Query, name, median_ms, &[]))
}

/// A cache command. Fails more often while the cache is down.
pub(super) const fn cache(service: Service, name: &'static str) -> Step {
    let fault = Fault {
        chance: 0.0002,
        during: Incident::CacheDown,
        message: "connection refused (redis:6379)",
    };
    with_fault(fault, step(service, Role::Cache, name, 0.5, &[]))
}

/// A computation within a service.
pub(super) const fn work(service: Service, name: &'static str, median_ms: f64) -> Step {
    step(service, Role::Work, name, median_ms, &[])
}

/// A message to a queue, which the child step consumes.
pub(super) const fn publish(
    service: Service,
    name: &'static str,
    children: &'static [Step],
) -> Step {
    step(service, Role::Publish, name, 2.0, children)
}

/// Handles a message from a queue.
pub(super) const fn consume(
    service: Service,
    name: &'static str,
    median_ms: f64,
    children: &'static [Step],
) -> Step {
    step(service, Role::Consume, name, median_ms, children)
}

const fn step(
    service: Service,
    role: Role,
    name: &'static str,
    median_ms: f64,
    children: &'static [Step],
) -> Step {
    Step {
        service,
        role,
        name,
        median_ms,
        sigma: 0.35,
        chance: 1.0,
        fault: None,
        log_message: None,
        children,
    }
}

/// Makes the step run only with this probability.
pub(super) const fn with_chance(chance: f64, step: Step) -> Step {
    Step { chance, ..step }
}

/// Sets how much the duration varies: the sigma of its log-normal distribution.
pub(super) const fn with_sigma(sigma: f64, step: Step) -> Step {
    Step { sigma, ..step }
}

/// Makes the step fail as described by `fault`.
pub(super) const fn with_fault(fault: Fault, step: Step) -> Step {
    Step {
        fault: Some(fault),
        ..step
    }
}

/// Makes the step log `message` on success.
pub(super) const fn with_log(message: &'static str, step: Step) -> Step {
    Step {
        log_message: Some(message),
        ..step
    }
}
