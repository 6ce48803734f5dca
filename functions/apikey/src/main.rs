//! Hosts the apikey function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(|host| Ok(apikey::router(apikey::State::load(host)?))).await
}
