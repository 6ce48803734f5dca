//! Whichever function Lambda says it is: what the `main.rs` of each does.

use shared::base::environment::Env;
use shared::lambda::{StartError, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = Env::process();
    let name = env.required("AWS_LAMBDA_FUNCTION_NAME")?;
    match name.trim_start_matches("upblit-") {
        "oauth" => run(|host| Ok(oauth::router(oauth::State::load(host)?))).await,
        "refresh" => run(|host| Ok(refresh::router(refresh::State::load(host)?))).await,
        "applications" => {
            run(|host| Ok(applications::router(applications::State::load(host)?))).await
        }
        "apikey" => run(|host| Ok(apikey::router(apikey::State::load(host)?))).await,
        "ingest" => run(|host| Ok(ingest::router(ingest::State::load(host)?))).await,
        "telemetry" => run(|host| Ok(telemetry::router(telemetry::State::load(host)?))).await,
        other => Err(format!("no function {other}").into()),
    }
}
