//! Hosts the refresh function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(|host| Ok(refresh::router(refresh::State::load(host)?))).await
}
