//! One request to the shop, from its page down to the databases: what is told of it.

mod details;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, json};

use super::shop::Endpoint;
use super::step::{Incident, Role, Step};
use super::telemetry::{Http, Kind, Level, Log, Outcome, Span, Told};
use details::{attributes, statement};

/// A step that takes longer than this is worth a warning.
const SLOW_MS: f64 = 1_500.0;

/// How long a message waits in the queue, about.
const QUEUE_MS: f64 = 400.0;

/// What is told of a request to `endpoint` at `start_ns`, while there may be an `incident`.
pub(super) fn request(
    rng: &mut StdRng,
    endpoint: &Endpoint,
    incident: Option<Incident>,
    start_ns: i64,
) -> Told {
    let refusal = endpoint
        .refusal
        .filter(|(chance, _)| rng.random_bool(*chance))
        .map(|(_, status)| status);
    let mut walk = Walk {
        trace_id: rng.random(),
        number: rng.random_range(1_000..10_000),
        rng,
        incident,
        refusal,
        start_ns,
        told: Told::default(),
    };
    walk.take(&endpoint.step, None, 0.0);
    walk.told
}

/// A draw from the log-normal distribution.
pub(super) fn log_normal(rng: &mut StdRng, median: f64, sigma: f64) -> f64 {
    // Box and Muller; 1 - u is never zero.
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    let normal = (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    median * (sigma * normal).exp()
}

struct Walk<'a> {
    trace_id: u128,
    /// Of the product, the basket or the order.
    number: u32,
    rng: &'a mut StdRng,
    incident: Option<Incident>,
    /// The status that the first service answers with, for good reason.
    refusal: Option<u16>,
    start_ns: i64,
    told: Told,
}

/// What a step means for the one around it.
struct Taken {
    end_ms: f64,
    outcome: Outcome,
    status: u16,
}

impl Walk<'_> {
    /// Takes a step that starts after so many milliseconds.
    fn take(&mut self, step: &Step, parent: Option<u64>, start_ms: f64) -> Taken {
        let span_id = self.rng.random();
        let own_ms = self.own_time(step);
        let refusal = self.refusal.filter(|_| step.role == Role::Serve);
        let within = if refusal.is_some() { &[] } else { step.within };
        let inner = self.take_within(within, span_id, start_ms + own_ms * 0.4);
        let outcome = match inner.outcome {
            Outcome::Fine => self.outcome_of(step),
            _ => Outcome::Failed,
        };
        let status = match (outcome, step.role) {
            (Outcome::Fine, Role::Page | Role::Call) => inner.status,
            (Outcome::Fine, _) => refusal.unwrap_or(200),
            (Outcome::Broke(_), Role::Call) => 504,
            (Outcome::Broke(_), _) => 500,
            (Outcome::Failed, _) => 502,
        };
        let taken = Taken {
            end_ms: inner.end_ms + own_ms * 0.6,
            outcome,
            status,
        };
        self.tell(step, span_id, parent, start_ms, &taken);
        taken
    }

    /// One after the other, until one fails. What is taken from a queue is waited for by no one.
    fn take_within(&mut self, steps: &[Step], parent: u64, start_ms: f64) -> Taken {
        let mut so_far = Taken {
            end_ms: start_ms,
            outcome: Outcome::Fine,
            status: 200,
        };
        for step in steps {
            if !self.rng.random_bool(step.chance) {
                continue;
            }
            if step.role == Role::Consume {
                let waits = log_normal(self.rng, QUEUE_MS, 0.8);
                self.take(step, Some(parent), so_far.end_ms + waits);
                continue;
            }
            let taken = self.take(step, Some(parent), so_far.end_ms);
            so_far.end_ms = taken.end_ms;
            so_far.status = taken.status;
            so_far.outcome = taken.outcome;
            if taken.status >= 400 {
                break;
            }
        }
        so_far
    }

    fn own_time(&mut self, step: &Step) -> f64 {
        let slower = match (step.fault, self.incident) {
            (Some(fault), Some(incident)) if fault.during == incident => incident.severity().1,
            _ => 1.0,
        };
        log_normal(self.rng, step.median_ms * slower, step.spread)
    }

    fn outcome_of(&mut self, step: &Step) -> Outcome {
        let Some(fault) = step.fault else {
            return Outcome::Fine;
        };
        let chance = match self.incident {
            Some(incident) if incident == fault.during => incident.severity().0,
            _ => fault.chance,
        };
        if self.rng.random_bool(chance) {
            Outcome::Broke(fault.message)
        } else {
            Outcome::Fine
        }
    }

    fn tell(
        &mut self,
        step: &Step,
        span_id: u64,
        parent: Option<u64>,
        start_ms: f64,
        taken: &Taken,
    ) {
        let span = Span {
            trace_id: self.trace_id,
            span_id,
            parent,
            service: step.service,
            kind: kind(step.role),
            name: step.name,
            start_ns: self.nanos(start_ms),
            end_ns: self.nanos(taken.end_ms),
            http: self.http(step, taken.status),
            attributes: attributes(step, self.number),
            outcome: taken.outcome,
        };
        self.log(step, &span);
        self.told.spans.push(span);
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
            Outcome::Broke(message) => {
                attributes.insert("exception.message".to_owned(), message.into());
                (Level::Error, format!("{} failed: {message}", step.name))
            }
            Outcome::Failed if step.role == Role::Page => {
                (Level::Error, format!("{} could not be answered", step.name))
            }
            Outcome::Failed => return,
            Outcome::Fine => {
                attributes.insert("durationMs".to_owned(), json!(span.duration_ms().round()));
                match self.line(step, span) {
                    Some(line) => line,
                    None => return,
                }
            }
        };
        self.told.logs.push(Log {
            trace_id: self.trace_id,
            span_id: span.span_id,
            service: step.service,
            level,
            message,
            at_ns: span.end_ns,
            attributes,
        });
    }

    /// What is worth a line although nothing failed.
    fn line(&self, step: &Step, span: &Span) -> Option<(Level, String)> {
        let number = self.number;
        if span.duration_ms() > SLOW_MS && step.within.is_empty() {
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
                .says
                .map(|says| (Level::Info, format!("{says} ({number})"))),
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
