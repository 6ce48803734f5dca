//! Hosts the apikey function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(apikey::WARM_UP, |host| {
        Ok(apikey::router(apikey::State::load(host)?))
    })
    .await
}
