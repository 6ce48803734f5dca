//! Hosts the oauth function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(|host| Ok(oauth::router(oauth::State::load(host)?))).await
}
