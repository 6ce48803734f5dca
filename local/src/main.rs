//! `cargo run`: the whole product on this machine. It serves all functions, the dashboard and a stand-in
//! for GitHub on one port, and a database engine on another.

mod banner;
mod data_dir;
mod demo;
mod engine;
mod error;
mod forward;
mod hosts;
mod limits;
mod logging;
mod one_name;
mod operator;
mod pages;
mod schedule;
mod secret;
mod server;
mod settings;
mod site;
mod stop;
mod watch_env;

use std::io::{self, ErrorKind};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use axum::Router;
use clap::{Parser, Subcommand};
use local::{admin, check, generated};
use shared::base::clock::Clock;
use shared::base::environment::Env;
use shared::lambda::{Host, observer};
use shared::store::Database;
use shared::store::TableNames;
use tokio::net::TcpListener;

use banner::Banner;
use data_dir::DataDir;
use engine::Engine;
use error::Failure;
use limits::Limits;
use server::TimeLimits;
use settings::{Addresses, Settings};
use stop::Stop;

/// Default address of `cargo lambda watch`.
const WATCH_ADDRESS: &str = "http://127.0.0.1:9000";

/// Upblit on this machine: sign-in, API keys and ingest on one port, with a
/// database and a stand-in for GitHub. Settings come from the environment; none
/// has to be set.
#[derive(Parser)]
#[command(name = "upblit", version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,

    /// The address to serve on. Addresses other than 127.0.0.1 let other machines in; 0.0.0.0 means all
    /// addresses of this machine
    #[arg(long, default_value_t = Ipv4Addr::LOCALHOST)]
    host: Ipv4Addr,

    /// The port to serve on [default: 9000; 9001 with --db-only]
    #[arg(long)]
    port: Option<u16>,

    /// Keep no data: everything is gone when the process ends
    #[arg(long)]
    memory: bool,

    /// The directory for the database and the local signing secret
    #[arg(long, default_value = ".upblit")]
    data_dir: PathBuf,

    /// Serve all but the functions, for `cargo lambda watch`: the database, the stand-in for GitHub and
    /// the dashboard
    #[arg(long)]
    db_only: bool,

    /// The database's port with --db-only
    #[arg(long, default_value_t = 9100, requires = "db_only")]
    db_port: u16,

    /// Serve the dashboard as it is deployed, instead of the files of the checkout
    #[arg(long)]
    bundled: bool,
}

/// What to do instead of serving.
#[derive(Subcommand)]
enum Command {
    Demo(demo::Options),
    Admin(admin::Options),
    Check(check::Options),
    /// Writes the description of the API (OpenAPI 3.1) to the standard output.
    Openapi,
    /// Writes the outdated generated files of the checkout.
    #[command(hide = true)]
    Renew,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let ended = match &options.command {
        Some(Command::Admin(admin)) => return administer(admin).await,
        Some(Command::Check(check)) => return verify(check).await,
        Some(Command::Demo(demo)) => demo::run(demo).await.map_err(|failure| failure.to_string()),
        Some(Command::Openapi) => {
            anstream::print!("{}", local::openapi::text());
            Ok(())
        }
        Some(Command::Renew) => renew().map_err(|failure| failure.to_string()),
        None => run(&options).await.map_err(|failure| failure.to_string()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            print_failure(&text);
            ExitCode::FAILURE
        }
    }
}

/// Prints one line, even if a library's message has several.
fn print_failure(text: &str) {
    let line: Vec<_> = text.split_whitespace().collect();
    anstream::eprintln!("upblit: {}", line.join(" "));
}

/// Runs an operator's command, and returns its exit code.
async fn administer(options: &admin::Options) -> ExitCode {
    match operator::run(options).await {
        Ok(code) => code,
        Err(failure) => {
            print_failure(&failure.to_string());
            ExitCode::from(admin::NOT_COMPLETED)
        }
    }
}

/// Verifies a deployment, and returns the exit code.
async fn verify(options: &check::Options) -> ExitCode {
    let mut out = anstream::AutoStream::auto(io::stdout());
    let verified = check::run(options, &Env::process(), &Clock::system(), &mut out).await;
    verified.unwrap_or_else(|error| {
        print_failure(&error.to_string());
        ExitCode::FAILURE
    })
}

/// Writes the outdated generated files of the checkout that this was built from.
fn renew() -> io::Result<()> {
    let local = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = local.parent().unwrap_or(local);
    let renewed = generated::renew(root)?;
    for path in &renewed {
        anstream::println!("{}", path.display());
    }
    // The dashboard's types are generated from the description.
    if renewed.iter().any(|path| path == Path::new("openapi.json")) {
        let types = "tests/dashboard/types.sh";
        let status = process::Command::new(root.join(types))
            .current_dir(root)
            .status()?;
        if !status.success() {
            return Err(io::Error::other(format!("{types} has failed")));
        }
    }
    Ok(())
}

async fn run(options: &Options) -> Result<(), Failure> {
    let env = Env::process();
    logging::start(&env)?;
    let stop = Stop::on_signal().map_err(Failure::Server)?;
    if options.db_only {
        run_services(options, env, stop).await
    } else {
        run_product(options, env, stop).await
    }
}

/// Serves the whole product in this process.
async fn run_product(options: &Options, env: Env, stop: Stop) -> Result<(), Failure> {
    let listener = listen(options.host, options.port.unwrap_or(9000), "--port").await?;
    let here = address_of(&listener)?;
    let data_dir = (!options.memory)
        .then(|| DataDir::open(&options.data_dir))
        .transpose()?;
    let addresses = Addresses {
        api: here.clone(),
        here: here.clone(),
    };
    let settings = complete(env, &addresses, data_dir.as_ref())?;

    let engine_listener = listen(Ipv4Addr::LOCALHOST, 0, "--db-port").await?;
    let file = data_dir.as_ref().map(DataDir::database);
    let limits = Limits::raise();
    let engine = Engine::start(engine_listener, file.as_deref(), limits).await?;
    let host = connect(&settings, &engine).await?;
    schedule::start(&host);
    let functions = site::functions(&host, &settings)?;
    let site = site::with_pages(functions, &host, &settings, &here, options.bundled)?;

    let data = data_dir.as_ref().map(DataDir::path);
    Banner {
        settings: &settings,
        here: &here,
        host: options.host,
        engine: &engine,
        data,
    }
    .print_product();
    serve(listener, site, limits, engine, stop).await
}

/// Serves all but the functions, which `cargo lambda watch` runs. Requests for their routes are
/// forwarded to them.
async fn run_services(options: &Options, env: Env, stop: Stop) -> Result<(), Failure> {
    let listener = listen(options.host, options.port.unwrap_or(9001), "--port").await?;
    let engine_listener = listen(Ipv4Addr::LOCALHOST, options.db_port, "--db-port").await?;
    let here = address_of(&listener)?;
    let data_dir = DataDir::open(&options.data_dir)?;
    let addresses = Addresses {
        api: WATCH_ADDRESS.to_owned(),
        here: here.clone(),
    };
    let kept = (!options.memory).then_some(&data_dir);
    let settings = complete(env, &addresses, kept)?;

    let file = kept.map(DataDir::database);
    let limits = Limits::raise();
    let engine = Engine::start(engine_listener, file.as_deref(), limits).await?;
    let host = connect(&settings, &engine).await?;
    schedule::start(&host);
    let functions = site::forwarded(&settings);
    let site = site::with_pages(functions, &host, &settings, &here, options.bundled)?;

    let env_file = data_dir.write_private("lambda.env", &watch_env::lines(&settings, &engine)?)?;
    let data = kept.map(DataDir::path);
    Banner {
        settings: &settings,
        here: &here,
        host: options.host,
        engine: &engine,
        data,
    }
    .print_services(&env_file);
    serve(listener, site, limits, engine, stop).await
}

async fn listen(host: Ipv4Addr, port: u16, option: &'static str) -> Result<TcpListener, Failure> {
    TcpListener::bind((host, port))
        .await
        .map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => Failure::PortTaken { port, option },
            _ => Failure::Port { port, source },
        })
}

/// Base URL at which this machine reaches a listener.
fn address_of(listener: &TcpListener) -> Result<String, Failure> {
    let mut address = listener.local_addr().map_err(Failure::Server)?;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    Ok(format!("http://{address}"))
}

/// Fills in defaults. The signing secret is stored in the data directory, if there is one.
fn complete(
    env: Env,
    addresses: &Addresses,
    data_dir: Option<&DataDir>,
) -> Result<Settings, Failure> {
    Settings::complete(env, addresses, || match data_dir {
        Some(data_dir) => data_dir.jwt_secret(),
        None => Ok(secret::generate()),
    })
}

/// Connects to the engine, creates missing tables, and returns the host for the functions.
async fn connect(settings: &Settings, engine: &Engine) -> Result<Host, Failure> {
    Ok(Host {
        env: settings.env.clone(),
        database: connect_tables(&settings.env, engine).await?,
        clock: Clock::system(),
    })
}

/// Connects to the engine, and creates missing tables.
async fn connect_tables(env: &Env, engine: &Engine) -> Result<Database, Failure> {
    let tables = TableNames::local(env);
    let database = Database::local(&engine.inside, tables, observer());
    let created = database.create_missing_tables().await;
    created.map_err(|error| Failure::Tables(error.to_string()))?;
    Ok(database)
}

/// Serves until a stop is requested, then waits a limited time for open requests.
async fn serve(
    listener: TcpListener,
    site: Router,
    limits: Limits,
    engine: Engine,
    stop: Stop,
) -> Result<(), Failure> {
    let stopped = stop.clone().requested();
    let server = server::serve(listener, site, limits.site, TimeLimits::USUAL, stopped);
    stop.bound(server).await;
    engine.stop().await;
    Ok(())
}
