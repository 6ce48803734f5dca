//! The responses to every event, once from the routers and once from the functions as
//! processes. All tests share this one record of them.

use std::collections::BTreeSet;

use local::functions::FUNCTIONS;
use local::generated::events::Case;
use serde_json::Value;
use shared::base::clock::Clock;
use tokio::sync::OnceCell;

use super::{cases, filled, invoke, values};
use crate::lambda::deployment::{Deployment, TABLES};
use crate::lambda::function::Function;
use crate::support::Response;
use crate::support::calls::Grant;

/// A response, and the login of the account that it concerns.
#[derive(Debug)]
pub struct Answer {
    pub response: Response,
    pub login: String,
}

impl Answer {
    /// A response that concerns no account.
    pub fn of_nobody(response: Response) -> Self {
        Self {
            response,
            login: String::new(),
        }
    }
}

/// An event with its responses.
pub struct Replayed {
    pub case: Case,
    /// The event with its placeholders filled in.
    pub sent: Value,
    pub router: Answer,
    pub function: Answer,
    /// Connections to the engine that the function opened for it.
    pub connections: usize,
    /// The response to the event with its placeholders.
    pub router_unfilled: Answer,
    pub function_unfilled: Answer,
}

/// All events with their responses.
pub struct Replay {
    pub events: Vec<Replayed>,
    /// Permissions that the routers needed, by the default names of the tables.
    pub grants: BTreeSet<Grant>,
}

static REPLAY: OnceCell<Replay> = OnceCell::const_new();

/// Returns the record. The first call creates it, and others wait.
pub async fn replay() -> &'static Replay {
    REPLAY.get_or_init(record).await
}

async fn record() -> Replay {
    let deployment = Deployment::start().await;
    deployment.backend.calls.record_grants();
    let mut cases = cases().into_iter().peekable();
    let mut events = Vec::new();
    for function in FUNCTIONS {
        let process = deployment.function(function.name).await;
        while let Some(case) = cases.next_if(|case| case.function == function.name) {
            let login = format!("user-{}", events.len());
            events.push(answered(&deployment, &process, case, &login).await);
        }
    }
    let grants = deployment.backend.calls.grants().into_iter();
    Replay {
        events,
        grants: grants.map(with_default_name).collect(),
    }
}

async fn answered(
    deployment: &Deployment,
    process: &Function,
    case: Case,
    login: &str,
) -> Replayed {
    let backend = &deployment.backend;
    // The clock of the processes does not stand still.
    backend.clock.set(Clock::system().now());
    // Each event has its own account, so that no event affects another.
    let [ours, theirs] = ["router", "process"].map(|who| format!("{who}-{login}"));
    let sent = filled(&case.event, &values(backend, &ours, &case.event).await);
    let router = invoke(backend, &sent).await;
    let to_process = filled(&case.event, &values(backend, &theirs, &case.event).await);
    deployment.engine.traffic();
    let function = process.answer(&to_process).await;
    let connections = deployment.engine.traffic().handshakes;
    let router_unfilled = invoke(backend, &case.event).await;
    let function_unfilled = process.answer(&case.event).await;
    let of = |response, login: &str| Answer {
        response,
        login: login.to_owned(),
    };
    Replayed {
        sent,
        router: of(router, &ours),
        function: of(function, &theirs),
        connections,
        router_unfilled: Answer::of_nobody(router_unfilled),
        function_unfilled: Answer::of_nobody(function_unfilled),
        case,
    }
}

/// `stack-UsersTable-1`, which is `TABLE_USERS`, is `upblit-users` by default.
fn with_default_name(grant: Grant) -> Grant {
    let (table, index) = match grant.resource.split_once('/') {
        Some((table, index)) => (table, format!("/{index}")),
        None => (&*grant.resource, String::new()),
    };
    let setting = TABLES.iter().find(|(_, name)| *name == table);
    let (setting, _) = setting.unwrap_or_else(|| panic!("what is {table}?"));
    let name = setting.trim_start_matches("TABLE_").to_lowercase();
    let resource = format!("upblit-{}{index}", name.replace('_', "-"));
    Grant { resource, ..grant }
}
