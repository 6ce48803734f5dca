//! Simulates one request to the shop, from the page down to the databases.

mod attributes;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, json};

use super::customer::Customer;
use super::shop::Endpoint;
use super::step::{Incident, Role, Step};
use super::telemetry::{Events, Http, Kind, Level, Log, Outcome, Span};
use attributes::{attributes, statement};

/// Duration in milliseconds above which a step without child steps logs a warning.
const SLOW_MS: f64 = 1_500.0;

/// Median time in milliseconds that a message waits in the queue.
const QUEUE_MS: f64 = 400.0;

/// Returns the events of a request by `customer` to `endpoint`, affected by `incident` if any. It starts
/// at `start_ns`, in nanoseconds since the Unix epoch.
pub(super) fn simulate(
    rng: &mut StdRng,
    endpoint: &Endpoint,
    customer: Customer,
    incident: Option<Incident>,
    start_ns: i64,
) -> Events {
    let refusal = endpoint
        .refusal
        .filter(|(chance, _)| rng.random_bool(*chance))
        .map(|(_, status)| status);
    let mut simulation = Simulation {
        trace_id: rng.random(),
        number: rng.random_range(1_000..10_000),
        rng,
        customer,
        incident,
        refusal,
        start_ns,
        events: Events::default(),
    };
    simulation.run(&endpoint.step, None, 0.0);
    simulation.events
}

/// A random value from the log-normal distribution.
fn log_normal(rng: &mut StdRng, median: f64, sigma: f64) -> f64 {
    // Box-Muller transform. `u` is below 1, so the logarithm is finite.
    let u: f64 = rng.random();
    let v: f64 = rng.random();
    let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    median * (sigma * normal).exp()
}

struct Simulation<'a> {
    trace_id: u128,
    /// Id of the product, cart or order of the request.
    number: u32,
    rng: &'a mut StdRng,
    customer: Customer,
    incident: Option<Incident>,
    /// Status with which the called service refuses the request, if it does.
    refusal: Option<u16>,
    start_ns: i64,
    events: Events,
}

/// The part of a step's result that affects its parent.
struct StepResult {
    end_ms: f64,
    outcome: Outcome,
    status: u16,
}

impl Simulation<'_> {
    /// Runs a step that starts `start_ms` milliseconds after the request.
    fn run(&mut self, step: &Step, parent: Option<u64>, start_ms: f64) -> StepResult {
        let span_id = self.rng.random();
        let own_ms = self.own_duration(step);
        let refusal = self.refusal.filter(|_| step.role == Role::Serve);
        let children = if refusal.is_some() {
            &[]
        } else {
            step.children
        };
        let inner = self.run_children(children, span_id, start_ms + own_ms * 0.4);
        let outcome = match inner.outcome {
            Outcome::Ok => self.outcome_of(step),
            _ => Outcome::ChildFailed,
        };
        let status = match (outcome, step.role) {
            (Outcome::Ok, Role::Page | Role::Call) => inner.status,
            (Outcome::Ok, _) => refusal.unwrap_or(200),
            (Outcome::Failed(_), Role::Call) => 504,
            (Outcome::Failed(_), _) => 500,
            (Outcome::ChildFailed, _) => 502,
        };
        let result = StepResult {
            end_ms: inner.end_ms + own_ms * 0.6,
            outcome,
            status,
        };
        self.record(step, span_id, parent, start_ms, &result);
        result
    }

    /// Runs steps one after the other until one fails or is refused. Consumers run asynchronously: their
    /// duration and outcome do not affect the parent.
    fn run_children(&mut self, steps: &[Step], parent: u64, start_ms: f64) -> StepResult {
        let mut combined = StepResult {
            end_ms: start_ms,
            outcome: Outcome::Ok,
            status: 200,
        };
        for step in steps {
            if !self.rng.random_bool(step.chance) {
                continue;
            }
            if step.role == Role::Consume {
                let queued_ms = log_normal(self.rng, QUEUE_MS, 0.8);
                self.run(step, Some(parent), combined.end_ms + queued_ms);
                continue;
            }
            combined = self.run(step, Some(parent), combined.end_ms);
            if combined.status >= 400 {
                break;
            }
        }
        combined
    }

    fn own_duration(&mut self, step: &Step) -> f64 {
        let slowdown = match (step.fault, self.incident) {
            (Some(fault), Some(incident)) if fault.during == incident => incident.slowdown(),
            _ => 1.0,
        };
        log_normal(self.rng, step.median_ms * slowdown, step.sigma)
    }

    fn outcome_of(&mut self, step: &Step) -> Outcome {
        let Some(fault) = step.fault else {
            return Outcome::Ok;
        };
        let chance = match self.incident {
            Some(incident) if incident == fault.during => incident.failure_chance(),
            _ => fault.chance,
        };
        if self.rng.random_bool(chance) {
            Outcome::Failed(fault.message)
        } else {
            Outcome::Ok
        }
    }

    fn record(
        &mut self,
        step: &Step,
        span_id: u64,
        parent: Option<u64>,
        start_ms: f64,
        result: &StepResult,
    ) {
        let span = Span {
            trace_id: self.trace_id,
            span_id,
            parent,
            service: step.service,
            kind: kind(step.role),
            name: step.name,
            start_ns: self.nanos(start_ms),
            end_ns: self.nanos(result.end_ms),
            http: self.http(step, result.status),
            attributes: attributes(step, self.number, self.customer),
            outcome: result.outcome,
        };
        self.log(step, &span);
        self.events.spans.push(span);
    }

    fn http(&self, step: &Step, status: u16) -> Option<Http> {
        if !matches!(step.role, Role::Page | Role::Serve | Role::Call) {
            return None;
        }
        let (method, path) = step.name.split_once(' ')?;
        let status = if status == 200 && method == "POST" {
            201
        } else {
            status
        };
        Some(Http {
            method,
            path: path.replace("{id}", &self.number.to_string()),
            status,
        })
    }

    fn log(&mut self, step: &Step, span: &Span) {
        let mut attributes = Map::new();
        let (level, message) = match span.outcome {
            Outcome::Failed(message) => {
                attributes.insert("exception.message".to_owned(), message.into());
                (Level::Error, format!("{} failed: {message}", step.name))
            }
            Outcome::ChildFailed if step.role == Role::Page => {
                (Level::Error, format!("{} failed", step.name))
            }
            Outcome::ChildFailed => return,
            Outcome::Ok => {
                attributes.insert("durationMs".to_owned(), json!(span.duration_ms().round()));
                match self.success_message(step, span) {
                    Some(message) => message,
                    None => return,
                }
            }
        };
        self.events.logs.push(Log {
            trace_id: self.trace_id,
            span_id: span.span_id,
            service: step.service,
            level,
            message,
            at_ns: span.end_ns,
            attributes,
        });
    }

    /// Level and text of the log record of a step that did not fail, if it has one.
    fn success_message(&self, step: &Step, span: &Span) -> Option<(Level, String)> {
        let number = self.number;
        if span.duration_ms() > SLOW_MS && step.children.is_empty() {
            return Some((Level::Warn, format!("slow: {}", step.name)));
        }
        match (step.role, span.http.as_ref().map(|http| http.status)) {
            (Role::Serve, Some(status @ 400..)) => {
                let text = format!("refused {} for {number} with {status}", step.name);
                Some((Level::Warn, text))
            }
            (Role::Page, Some(status)) => Some((
                Level::Info,
                format!(
                    "{} {status}",
                    step.name.replace("{id}", &number.to_string())
                ),
            )),
            (Role::Query, _) if step.median_ms > 100.0 => Some((
                Level::Debug,
                format!("sequential scan: {}", statement(step.name)),
            )),
            _ => step
                .log_message
                .map(|message| (Level::Info, format!("{message} ({number})"))),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "requests take seconds")]
    fn nanos(&self, millis: f64) -> i64 {
        self.start_ns + (millis * 1e6) as i64
    }
}

fn kind(role: Role) -> Kind {
    match role {
        Role::Page | Role::Serve => Kind::Server,
        Role::Call | Role::Query | Role::Cache => Kind::Client,
        Role::Work => Kind::Internal,
        Role::Publish => Kind::Producer,
        Role::Consume => Kind::Consumer,
    }
}
