//! Hosts the refresh function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(refresh::WARM_UP, |host| {
        Ok(refresh::router(refresh::State::load(host)?))
    })
    .await
}
