//! Hosts the telemetry function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(telemetry::WARM_UP, |host| {
        Ok(telemetry::router(telemetry::State::load(host)?))
    })
    .await
}
