//! `upblit check`: requests a deployment from outside and verifies what its users depend on. It signs
//! nobody in and stores nothing but one span, if there is an API key for it.

mod deployment;
mod response;
mod round_trip;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use shared::base::clock::Clock;
use shared::base::environment::Env;
use url::Url;

use deployment::Deployment;
use round_trip::ReadBack;

/// Setting with the API key for the span. A setting, because other users of a machine can read
/// command lines.
const KEY: &str = "UPBLIT_CHECK_KEY";

/// Verifies a deployment from outside: health, security headers, the dashboard, the start of a
/// sign-in, and that unknown tokens and keys are refused. Prints a line for each check, and exits
/// with 1 if one has failed. With an API key in `UPBLIT_CHECK_KEY` it also stores a span, and reads
/// it back if the key has the scope `telemetry:read`
#[derive(Debug, Args)]
pub struct Options {
    /// Address of the API: the output ApiUrl of the stack
    pub url: Url,

    /// Only check that the API answers, as health checks of containers do
    #[arg(long)]
    pub health: bool,
}

/// Why a check has failed, in words for the terminal.
#[derive(Debug)]
struct Failed(String);

/// Result of a check: what was seen, in a few words.
type Checked = Result<String, Failed>;

/// Prints a line for each check, and counts failures.
struct Report<'a> {
    out: &'a mut (dyn Write + Send),
    failures: usize,
}

impl Report<'_> {
    fn skip(&mut self, name: &str, reason: &str) -> io::Result<()> {
        writeln!(self.out, "skipped {name}: {reason}")
    }

    fn add(&mut self, name: &str, checked: &Checked) -> io::Result<()> {
        match checked {
            Ok(seen) => writeln!(self.out, "ok      {name}: {seen}"),
            Err(Failed(reason)) => {
                self.failures += 1;
                writeln!(self.out, "FAILED  {name}: {reason}")
            }
        }
    }
}

/// Runs the checks, even after one has failed, and returns the exit code.
///
/// # Errors
/// When the output cannot be written.
pub async fn run(
    options: &Options,
    env: &Env,
    clock: &Clock,
    out: &mut (dyn Write + Send),
) -> io::Result<ExitCode> {
    let deployment = Deployment::new(&options.url, env);
    let mut report = Report { out, failures: 0 };
    report.add("health", &deployment.health().await)?;
    if !options.health {
        all(&deployment, env, clock, &mut report).await?;
    }
    Ok(if report.failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn all(
    deployment: &Deployment,
    env: &Env,
    clock: &Clock,
    report: &mut Report<'_>,
) -> io::Result<()> {
    report.add("dashboard", &deployment.dashboard().await)?;
    report.add("unknown paths", &deployment.unknown_path().await)?;
    report.add("sign-in", &deployment.sign_in().await)?;
    report.add("access tokens", &deployment.access_token().await)?;
    report.add("refresh tokens", &deployment.refresh_token().await)?;
    report.add("API keys", &deployment.api_key().await)?;
    match env.optional(KEY) {
        Some(key) => round_trip(deployment, key, clock, report).await,
        None => report.skip("ingest", &format!("{KEY} is not set")),
    }
}

/// Stores a span, and reads it back if it was stored.
async fn round_trip(
    deployment: &Deployment,
    key: &str,
    clock: &Clock,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let span = match deployment.store(key, clock.now()).await {
        Ok(span) => span,
        Err(failed) => return report.add("ingest", &Err(failed)),
    };
    let seen = format!("a span of \"{}\" was stored", round_trip::SERVICE);
    report.add("ingest", &Ok(seen))?;
    match deployment.read_back(key, &span).await {
        Ok(ReadBack::Found) => report.add("telemetry", &Ok("the span was read back".into())),
        Ok(ReadBack::NotAllowed) => {
            let reason = format!("the key of {KEY} lacks the scope telemetry:read");
            report.skip("telemetry", &reason)
        }
        Err(failed) => report.add("telemetry", &Err(failed)),
    }
}
