//! Hosts the telemetry function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    let routes = |host: &shared::lambda::Host| Ok(telemetry::router(telemetry::State::load(host)?));
    shared::lambda::run_with_task(telemetry::WARM_UP, routes, telemetry::task).await
}
