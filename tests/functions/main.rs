//! Runs the function that Lambda names in the environment, as its own `main.rs` does.

use local::functions::FUNCTIONS;
use shared::base::environment::Env;
use shared::lambda::{Host, StartError, run_with_task};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = Env::process();
    let name = env.required("AWS_LAMBDA_FUNCTION_NAME")?;
    let name = name.trim_start_matches("upblit-");
    let function = FUNCTIONS.iter().find(|function| function.name == name);
    let function = function.ok_or_else(|| format!("no function {name}"))?;
    let task = |host: &Host| match function.name {
        "telemetry" => telemetry::task(host),
        _ => Ok(None),
    };
    run_with_task(function.warm_up, function.router, task).await
}
