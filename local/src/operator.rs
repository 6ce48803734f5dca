//! Runs `upblit admin` on its target: a stack, the tables that the environment names, or a data
//! directory.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;

use local::admin::{self, Options, Target};
use shared::base::clock::Clock;
use shared::base::environment::Env;
use shared::store::{Database, Table, TableNames};

use crate::data_dir::DataDir;
use crate::engine::Engine;
use crate::error::Failure;
use crate::limits::Limits;

/// Runs a command, and returns its exit code.
///
/// # Errors
/// When the tables cannot be found or opened, or the command cannot be completed.
pub(crate) async fn run(options: &Options) -> Result<ExitCode, Failure> {
    let env = Env::process();
    let Target {
        stack,
        environment,
        data_dir,
    } = &options.target;
    if let Some(stack) = stack {
        return on(options, &Database::of_stack(stack).await?).await;
    }
    if *environment {
        return on(options, &of_environment(&env).await?).await;
    }
    let data_dir = DataDir::open_existing(data_dir)?;
    let listener = crate::listen(Ipv4Addr::LOCALHOST, 0, "--data-dir").await?;
    let engine = Engine::start(listener, Some(&data_dir.database()), Limits::raise()).await?;
    let host = crate::connect_tables(&env, &engine).await?;
    let ended = on(options, &host).await;
    engine.stop().await;
    ended
}

async fn on(options: &Options, database: &Database) -> Result<ExitCode, Failure> {
    let mut out = anstream::AutoStream::auto(io::stdout());
    let ended = admin::run(&options.command, database, &Clock::system(), &mut out).await;
    out.flush().map_err(Failure::Server)?;
    ended.map_err(Failure::Admin)
}

async fn of_environment(env: &Env) -> Result<Database, Failure> {
    let database = Database::for_operator(TableNames::from_env(env)).await;
    Ok(database.using(&Table::ALL)?)
}
