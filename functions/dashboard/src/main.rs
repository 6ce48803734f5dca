//! Hosts the dashboard function in AWS Lambda.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), shared::lambda::StartError> {
    shared::lambda::run(dashboard::WARM_UP, |host| {
        Ok(dashboard::router(dashboard::State::load(host)?))
    })
    .await
}
