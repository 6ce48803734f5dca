//! What `template.yaml` deploys: each function under an emulator with its settings and its role,
//! behind one HTTP API.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use local::functions::FUNCTIONS;
use local::routes::Route;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::cors::cors;
use super::gateway;
use super::instance::Instance;
use super::roles::Roles;
use crate::lambda::deployment::Deployment;
use crate::lambda::function::{Settings, replaced};
use crate::lambda::gate::Gate;
use crate::routes::deployed_routes;
use crate::support::Response;
use crate::template::{functions, template};

/// `REFRESH_GRACE` of the stack, in seconds. It is short because tests wait for it, which is only
/// allowed if `PUBLIC_URL` is on this machine.
pub const GRACE: u64 = 2;

/// The routes and the instance of each function.
#[derive(Clone)]
pub struct Functions {
    pub routes: Arc<BTreeSet<Route>>,
    pub instances: Arc<BTreeMap<String, Instance>>,
}

/// A running deployment.
pub struct Stack {
    /// Address of the API.
    pub url: String,
    pub deployment: Deployment,
    pub roles: Roles,
    pub functions: Functions,
    /// The TLS proxy in front of the roles' proxy for DynamoDB.
    pub dynamodb: Gate,
    secrets_manager: Gate,
    /// Settings other than those of the template.
    own: Settings,
    gateway: Option<JoinHandle<io::Result<()>>>,
}

impl Stack {
    pub async fn start() -> Self {
        Self::build(&[], None).await
    }

    /// A stack with these settings; all others are those of the template.
    pub async fn with(settings: &[(String, String)]) -> Self {
        Self::build(settings, None).await
    }

    /// A stack whose functions have this time limit.
    pub async fn with_time_limit(limit: Duration) -> Self {
        Self::build(&[], Some(limit)).await
    }

    async fn build(own: &[(String, String)], limit: Option<Duration>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let deployment = Deployment::with(&[("PUBLIC_URL", &url)]).await;
        let roles = Roles::load();
        let dynamodb = roles.before(&deployment.plain_engine).await;
        let secrets_manager = roles.before(&deployment.secrets.plain_url).await;
        let mut stack = Self {
            url,
            deployment,
            roles,
            functions: Functions {
                routes: Arc::new(deployed_routes()),
                instances: Arc::default(),
            },
            dynamodb: Gate::before(dynamodb).await,
            secrets_manager: Gate::before(secrets_manager).await,
            own: own.to_vec(),
            gateway: None,
        };
        stack.functions.instances = Arc::new(stack.instances(limit).await);
        let router = Router::new().fallback(gateway::serve);
        let mut router = router.with_state(stack.functions.clone());
        let frontend = own.iter().find(|(name, _)| name == "FRONTEND_URL");
        if let Some((_, url)) = frontend {
            router = router.layer(cors(&Url::parse(url).unwrap()));
        }
        let gateway = async move { axum::serve(listener, router).await };
        stack.gateway = Some(tokio::spawn(gateway));
        stack
    }

    async fn instances(&self, limit: Option<Duration>) -> BTreeMap<String, Instance> {
        let limits = limits();
        let mut instances = BTreeMap::new();
        for function in FUNCTIONS {
            let limit = limit.unwrap_or(limits[function.name]);
            let instance = self.instance(function.name, function.name, limit).await;
            instances.insert(function.name.to_owned(), instance);
        }
        instances
    }

    /// Starts an instance of a function with the role of a function.
    pub async fn instance(&self, name: &str, role: &str, limit: Duration) -> Instance {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = format!("emulator-{count}-{name}.log");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(log);
        let settings = replaced(self.settings(name), "AWS_ACCESS_KEY_ID", role);
        Instance::start(name, &settings, limit, log).await
    }

    fn settings(&self, name: &str) -> Settings {
        let settings = [
            // The default of the template: the dashboard that the API serves.
            ("FRONTEND_URL", ""),
            ("PUBLIC_URL", &self.url),
            ("REFRESH_GRACE", &format!("{GRACE}s")),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.dynamodb.url),
            (
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                &self.secrets_manager.url,
            ),
        ];
        let own = self.own.iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let of_template = self.deployment.settings(name);
        settings
            .into_iter()
            .chain(own)
            .fold(of_template, |all, (name, value)| replaced(all, name, value))
    }

    /// Sends a request to the API.
    pub async fn send(&self, request: Request<Body>) -> Response {
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.unwrap();
        Response::read(response.map(Body::new)).await
    }

    /// The instance of a function.
    pub fn function(&self, name: &str) -> &Instance {
        &self.functions.instances[name]
    }
}

impl Drop for Stack {
    /// Ends the gateway, which would keep the functions running.
    fn drop(&mut self) {
        if let Some(gateway) = &self.gateway {
            gateway.abort();
        }
    }
}

/// The time limits in the template.
fn limits() -> BTreeMap<String, Duration> {
    let template = template();
    let all = template["Globals"]["Function"]["Timeout"].as_u64().unwrap();
    let functions = functions(&template).into_iter();
    functions
        .map(|(name, function)| {
            let own = function["Properties"]["Timeout"].as_u64();
            (name.to_owned(), Duration::from_secs(own.unwrap_or(all)))
        })
        .collect()
}
